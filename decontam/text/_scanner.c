/* Text -> tokens -> n-grams that benchmark items hold.  One pass over every position of every row.

   `decontam.text.tokens` defines what a token is; this file does the same at the speed of memory, and
   a property test holds the two together.  Long stretches of ASCII take a path that classifies 64
   bytes at a time; everything else goes code point by code point through a table that is filled from
   Python the first time a code point is met, so there is one definition of the alphabet.

   What leaves this module are candidates.  Whether a row holds an item is decided in Python, on
   tokens that are compared as text, so no hash collision can flag a row.

   arrays.h, json.h                 arrays that grow; UTF-8 and the strings of JSON
   alphabet.h, tokens.h, source.h   characters, tokens, and the texts that hold them
   lookup.h, index_arrays.h         tokens -> n-grams of items, and the pairs worth a look
   alphabet_type.h, scanner_type.h  `Alphabet` and `Scanner` as Python sees them
   skim.h                           JSON lines -> where their texts stand
   runs.h, overlap.h, diagonal.h    what a row and one item share, for the rules */

#include "scanner_type.h" /* Python.h comes first */
#include "overlap.h"
#include "runs.h"
#include "skim.h"

PyDoc_STRVAR(gram_keys_doc, "gram_keys(hashes, n, /)\n--\n\nThe key of the n-gram at every position "
                            "of native uint64 token hashes, as uint64 in bytes.");

static PyObject *gram_keys(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer view;
    int n;
    if (!PyArg_ParseTuple(args, "y*i", &view, &n)) return NULL;
    if (n < 1 || view.len % 8 || (uintptr_t)view.buf % 8) {
        PyErr_SetString(PyExc_ValueError, n < 1 ? "n must be at least 1" : "hashes must be of uint64");
        PyBuffer_Release(&view);
        return NULL;
    }
    const uint64_t *tokens = view.buf;
    Py_ssize_t count = view.len / 8 - n + 1;
    PyObject *result = PyBytes_FromStringAndSize(NULL, count > 0 ? count * 8 : 0);
    for (Py_ssize_t i = 0; result && i < count; i++)
        ((uint64_t *)PyBytes_AS_STRING(result))[i] = key_at(tokens + i, n);
    PyBuffer_Release(&view);
    return result;
}

PyDoc_STRVAR(longest_run_doc,
    "longest_run(row, entry, starts, n, skip, /)\n--\n\nLength of the longest run that a row and an "
    "entry share.\n\nArgs:\n    row, entry: Tokens as native int32.\n"
    "    starts: Places of the entry's first token on the row, which may lie outside, as int64.\n"
    "    n: As many tokens in a row must agree for a start to count.\n"
    "    skip: Mismatches that a run may step over.");

static int aligned(const Py_buffer *view, Py_ssize_t width) {
    return view->len % width == 0 && (uintptr_t)view->buf % (uintptr_t)width == 0;
}

static PyObject *longest_run(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer row, entry, starts;
    Py_ssize_t n, skip;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "y*y*y*nn", &row, &entry, &starts, &n, &skip)) return NULL;
    if (n < 1 || skip < 0)
        PyErr_SetString(PyExc_ValueError, "n must be at least 1, skip at least 0");
    else if (!aligned(&row, 4) || !aligned(&entry, 4) || !aligned(&starts, 8))
        PyErr_SetString(PyExc_ValueError, "tokens must be of int32, starts of int64");
    else
        result = PyLong_FromLongLong(longest(&row, &entry, &starts, n, skip));
    PyBuffer_Release(&row);
    PyBuffer_Release(&entry);
    PyBuffer_Release(&starts);
    return result;
}

PyDoc_STRVAR(separators_doc,
    "separators(data, /)\n--\n\nWhere the elements of a JSON array end.\n\nArgs:\n"
    "    data: Bytes from the beginning of an element on.\n\nReturns:\n"
    "    Places of the commas after whole elements, and of the closing bracket if it is there, and\n"
    "    whether it is.");

static PyObject *separators(PyObject *module, PyObject *given) {
    (void)module;
    Py_buffer view;
    if (PyObject_GetBuffer(given, &view, PyBUF_SIMPLE)) return NULL;
    const char *data = view.buf;
    PyObject *found = PyList_New(0);
    int quoted = 0, closed = 0, failed = !found;
    Py_ssize_t depth = 0;
    for (Py_ssize_t i = 0; i < view.len && !closed && !failed; i++) {
        char c = data[i];
        if (quoted) {
            if (c == '\\') i++;
            else quoted = c != '"';
            continue;
        }
        if (c == '"') quoted = 1;
        else if (c == '[' || c == '{') depth++;
        else if ((c == ']' || c == '}') && depth) depth--;
        else if ((c == ',' || c == ']') && !depth) {
            closed = c == ']';
            PyObject *place = PyLong_FromSsize_t(i);
            failed = !place || PyList_Append(found, place);
            Py_XDECREF(place);
        }
    }
    PyBuffer_Release(&view);
    PyObject *result = failed ? NULL : Py_BuildValue("(OO)", found, closed ? Py_True : Py_False);
    Py_XDECREF(found);
    return result;
}

/* Skims every line, or every element before one of the given separators. */
static int skim_all(Skim *self, const unsigned char *data, Py_ssize_t size, PyObject *separators) {
    const unsigned char *p = data, *end = data + size;
    if (separators != Py_None) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(separators); i++) {
            Py_ssize_t at = PyLong_AsSsize_t(PyList_GET_ITEM(separators, i));
            if (at < p - data || at > size) {
                if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "separators must ascend");
                return -1;
            }
            if (skim_record(self, p, data + at)) return -1;
            p = data + at + 1;
        }
        return 0;
    }
    while (p < end) {
        const unsigned char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        /* A blank line is no row; an element that says nothing is none of an array. */
        if (!is_blank(p, stop) && skim_record(self, p, stop)) return -1;
        p = stop + 1;
    }
    return 0;
}

static int is_mask(long mask) {
    return mask >= 0 && mask <= UINT8_MAX;
}

/* Whether what texts are asked for is one byte each. */
static int check_masks(const Skim *self) {
    int good = is_mask(self->user) && is_mask(self->assistant) && is_mask(self->either);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->roles) && good; i++) {
        PyObject *pair = PyTuple_GET_ITEM(self->roles, i);
        good = PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 &&
               PyBytes_Check(PyTuple_GET_ITEM(pair, 0)) && PyLong_Check(PyTuple_GET_ITEM(pair, 1)) &&
               is_mask(PyLong_AsLong(PyTuple_GET_ITEM(pair, 1)));
    }
    if (!good && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "roles must be ((bytes, 0 to 255), ...), masks 0 to 255");
    return good ? 0 : -1;
}

PyDoc_STRVAR(skim_doc,
    "skim(data, roles, user, assistant, either, separators, /)\n--\n\nWhere the texts of rows stand.\n\n"
    "Args:\n"
    "    data: JSON lines, or elements of an array, in bytes.\n"
    "    roles: ((role in bytes, what its turns are asked for), ...).\n"
    "    user, assistant, either: What prompts, responses and plain texts are asked for.\n"
    "    separators: Where each element ends, or None for lines.\n\nReturns:\n"
    "    Places of texts, with their quotes, as pairs of uint64; what each is asked for, as uint8;\n"
    "    for each row the end of its texts, as int32; places of the rows; all four in bytes; and the\n"
    "    rows that have no texts here because they must be read with care.");

static PyObject *skim(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer data;
    PyObject *separators, *result = NULL;
    Skim self = {0};
    if (!PyArg_ParseTuple(args, "y*O!iiiO", &data, &PyTuple_Type, &self.roles, &self.user,
                          &self.assistant, &self.either, &separators)) return NULL;
    self.data = data.buf;
    if (separators != Py_None && !PyList_Check(separators))
        PyErr_SetString(PyExc_TypeError, "separators must be a list or None");
    else if (!check_masks(&self) && (self.careful = PyList_New(0)) && !skim_all(&self, self.data, data.len, separators))
        result = Py_BuildValue(
            "(y#y#y#y#O)", self.texts.at ? (char *)self.texts.at : "",
            (Py_ssize_t)(self.texts.size * sizeof(Span)), self.asked.at ? self.asked.at : "",
            (Py_ssize_t)self.asked.size, self.ends.at ? (char *)self.ends.at : "",
            (Py_ssize_t)(self.ends.size * 4), self.lines.at ? (char *)self.lines.at : "",
            (Py_ssize_t)(self.lines.size * sizeof(Span)), self.careful);
    PyBuffer_Release(&data);
    Py_XDECREF(self.careful);
    free(self.texts.at);
    free(self.asked.at);
    free(self.ends.at);
    free(self.lines.at);
    return result;
}

PyDoc_STRVAR(runs_doc,
    "runs(row, prompt, work, /)\n--\n\nThe longest run that two texts share, then those left and "
    "right of it, and so on.\n\nArgs:\n"
    "    row: Its tokens as int32; -1 for what the prompt has not.\n"
    "    prompt: Its tokens as int32, numbered from 0 on.\n"
    "    work: Pairs of equal tokens that may be looked at.\n\nReturns:\n"
    "    (start in the row, start in the prompt, tokens) of each, in no order, or None where it is\n"
    "    more work.\n\nRaises:\n"
    "    ValueError: a token is not below the number of the prompt's tokens.");

static PyObject *runs(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer row, prompt;
    long long work;
    if (!PyArg_ParseTuple(args, "y*y*L", &row, &prompt, &work)) return NULL;
    PyObject *found = find_runs(&row, &prompt, work);
    PyBuffer_Release(&row);
    PyBuffer_Release(&prompt);
    return found;
}

static PyMethodDef functions[] = {{"separators", separators, METH_O, separators_doc},
                                  {"skim", skim, METH_VARARGS, skim_doc},
                                  {"runs", runs, METH_VARARGS, runs_doc},
                                  {"gram_keys", gram_keys, METH_VARARGS, gram_keys_doc},
                                  {"overlap", overlap, METH_VARARGS, overlap_doc},
                                  {"longest_run", longest_run, METH_VARARGS, longest_run_doc},
                                  {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "decontam.text._scanner",
    .m_doc = "Text -> tokens -> n-grams that benchmark items hold; runs that two texts share.", .m_size = -1,
    .m_methods = functions};

PyMODINIT_FUNC PyInit__scanner(void) {
    PyObject *made = PyModule_Create(&module);
    if (!made || PyModule_AddType(made, &AlphabetType) || PyModule_AddType(made, &ScannerType)) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
