/* `Alphabet`: what the characters of a text are. */

#pragma once
#include "source.h"

static int not_ready(void) {
    PyErr_SetString(PyExc_RuntimeError, "not initialised");
    return -1;
}

static PyTypeObject AlphabetType;

static int Alphabet_init(Alphabet *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"classify", "fold_chunk", NULL};
    PyObject *classify, *fold_chunk;
    if (self->points) { PyErr_SetString(PyExc_RuntimeError, "already initialised"); return -1; }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", names, &classify, &fold_chunk)) return -1;
    Py_XSETREF(self->classify, Py_NewRef(classify));
    Py_XSETREF(self->fold_chunk, Py_NewRef(fold_chunk));
    self->points = calloc(POINTS, sizeof *self->points);
    if (!self->points) { PyErr_NoMemory(); return -1; }
    self->foldings_size = 1; /* place 0 means: folds to itself */
    if (grow((void **)&self->foldings, &self->foldings_room, 1, sizeof *self->foldings)) return -1;
    for (uint32_t point = 0; point < 128; point++) {
        uint32_t found;
        if (entry(self, point, &found)) return -1;
        unsigned char byte = (unsigned char)point;
        if (!is_run(byte) && (found >> KIND & 3) != SEPARATOR && (found >> KIND & 3) != SINGLE) {
            PyErr_SetString(PyExc_ValueError, "of ASCII, letters and digits alone make words");
            return -1;
        }
        self->ascii[point] = is_run(byte) ? WORD : (unsigned char)(found >> KIND & 3);
        self->symbols[point] = self->ascii[point] == SINGLE ? hash_bytes(&byte, 1) : 0;
    }
    self->ready = 1;
    return 0;
}

static void Alphabet_dealloc(Alphabet *self) {
    Py_XDECREF(self->classify);
    Py_XDECREF(self->fold_chunk);
    free(self->points);
    free(self->foldings);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

PyDoc_STRVAR(hashes_doc, "hashes(text, /)\n--\n\nThe 64-bit hash of every token, as native uint64 "
                         "in bytes.\n\nRaises:\n    ValueError: the text is not Unicode.");

static PyObject *Alphabet_hashes(Alphabet *self, PyObject *given) {
    if (!self->ready && not_ready()) return NULL;
    Hashes out = {0};
    Tokens tokens = {.alphabet = self, .out = &out};
    Bytes scratch = {0};
    PyObject *result = NULL;
    if (!read_one(&tokens, &scratch, given))
        result = PyBytes_FromStringAndSize(out.at ? (char *)out.at : "", (Py_ssize_t)(out.size * 8));
    free(out.at);
    free(tokens.open.at);
    free(scratch.at);
    return result;
}

static PyMethodDef Alphabet_methods[] = {{"hashes", (PyCFunction)Alphabet_hashes, METH_O, hashes_doc},
                                         {NULL, NULL, 0, NULL}};

PyDoc_STRVAR(alphabet_doc,
    "Alphabet(classify, fold_chunk)\n--\n\nWhat the characters of a text are.\n\nArgs:\n"
    "    classify: code point -> (flags, kind, folded text).\n"
    "    fold_chunk: a character and what combines with it -> normalised text.");

static PyTypeObject AlphabetType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "decontam.text._scanner.Alphabet",
    .tp_basicsize = sizeof(Alphabet), .tp_flags = Py_TPFLAGS_DEFAULT, .tp_doc = alphabet_doc,
    .tp_new = PyType_GenericNew, .tp_init = (initproc)Alphabet_init,
    .tp_dealloc = (destructor)Alphabet_dealloc, .tp_methods = Alphabet_methods};
