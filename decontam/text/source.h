/* Texts as Python gives them -> tokens. */

#pragma once
#include "tokens.h"

/* Where texts come from: a tuple of strings, or JSON strings within one buffer. */
typedef struct { PyObject *texts; const unsigned char *data; const Span *places; } Source;

static const char *open_text(const Source *source, Py_ssize_t i, const unsigned char **at,
                             size_t *size, Bytes *scratch, int *failed) {
    if (!source->texts) {
        *at = source->data + source->places[i].begin;
        *size = source->places[i].end - source->places[i].begin;
        return json_text(at, size, scratch, failed);
    }
    Py_ssize_t length;
    PyObject *text = PyTuple_GET_ITEM(source->texts, i);
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "texts must be strings");
        *failed = 1;
        return NULL;
    }
    *at = (const unsigned char *)PyUnicode_AsUTF8AndSize(text, &length);
    *size = (size_t)length;
    if (*at) return NULL;
    if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) { PyErr_Clear(); return SURROGATE; }
    *failed = 1;
    return NULL;
}

/* Tokens of one text, appended.  Returns -1 on an exception; bad text sets `why`. */
static int read_text(Tokens *tokens, Bytes *scratch, const Source *source, Py_ssize_t i, int wanted,
                     const char **why) {
    const unsigned char *at;
    size_t size, before = tokens->out->size;
    int failed = 0;
    *why = open_text(source, i, &at, &size, scratch, &failed);
    if (failed || *why) return failed ? -1 : 0;
    if (!wanted) *why = check_utf8(at, size);
    else if (tokenise(tokens, at, size, why) && !*why) return -1;
    if (*why) tokens->out->size = before;
    return 0;
}

/* Tokens of one Python string; bad text raises ValueError. */
static int read_one(Tokens *tokens, Bytes *scratch, PyObject *text) {
    PyObject *texts = PyTuple_Pack(1, text);
    if (!texts) return -1;
    const char *why = NULL;
    int failed = read_text(tokens, scratch, &(Source){.texts = texts}, 0, 1, &why);
    Py_DECREF(texts);
    if (!failed && why) PyErr_SetString(PyExc_ValueError, why);
    return failed || why ? -1 : 0;
}
