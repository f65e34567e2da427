/* `Scanner`: an index at work. */

#pragma once
#include "alphabet_type.h"
#include "index_arrays.h"

static int Scanner_init(Scanner *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"alphabet", "arrays", "sizes", "windows", "share", "tokens",
                            "whole_below", "once", NULL};
    PyObject *arrays, *sizes;
    Alphabet *alphabet;
    if (self->held) { PyErr_SetString(PyExc_RuntimeError, "already initialised"); return -1; }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!OpddI|p", names, &AlphabetType, &alphabet,
                                     &PyTuple_Type, &arrays, &sizes, &self->windows, &self->share,
                                     &self->tokens, &self->whole_below, &self->once)) return -1;
    if (PyTuple_GET_SIZE(arrays) != ARRAYS) {
        PyErr_Format(PyExc_ValueError, "%d arrays are needed", ARRAYS);
        return -1;
    }
    for (; self->held < ARRAYS; self->held++)
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(arrays, self->held), &self->views[self->held],
                               PyBUF_C_CONTIGUOUS)) return -1;
    if (!alphabet->ready) return not_ready();
    if (set_sizes(self, sizes)) return -1;
    if (!fit(self)) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not belong together; build the index again");
        return -1;
    }
    self->alphabet = (Alphabet *)Py_NewRef(alphabet);
    self->grams = (Sorted){DATA(GRAMS), DATA(GRAM_BUCKETS), leading_bits(COUNT(GRAM_BUCKETS) - 1)};
    self->vocabulary = (Sorted){DATA(VOCABULARY), DATA(VOCABULARY_BUCKETS),
                                leading_bits(COUNT(VOCABULARY_BUCKETS) - 1)};
    self->bitmap = huge_copy(&self->views[BITMAP]);
    self->bitmap_shift = leading_bits(COUNT(BITMAP));
    self->part_bitmap = huge_copy(&self->views[PART_BITMAP]);
    if (!self->bitmap || !self->part_bitmap) { PyErr_NoMemory(); return -1; }
    self->part_shift = leading_bits(COUNT(PART_BITMAP));
    self->short_bitmap = DATA(SHORT_BITMAP);
    self->short_shift = leading_bits(COUNT(SHORT_BITMAP));
    self->bounds = DATA(BOUNDS);
    self->post_item = DATA(POST_ITEM);
    self->post_position = DATA(POST_POSITION);
    self->prompt_bounds = DATA(PROMPT_BOUNDS);
    self->prompt_tokens = DATA(PROMPT_TOKENS);
    self->item_bounds = DATA(ITEM_BOUNDS);
    self->item_tokens = DATA(ITEM_TOKENS);
    self->item_bits = DATA(ITEM_BITS);
    self->item_counts = DATA(ITEM_COUNTS);
    self->item_least = DATA(ITEM_LEAST);
    self->item_parts = DATA(ITEM_PARTS);
    self->item_match_n = DATA(ITEM_MATCH_N);
    self->item_totals = DATA(ITEM_TOTALS);
    self->item_sizes = DATA(ITEM_SIZES);
    self->gram_rows = calloc((size_t)COUNT(GRAMS) + 1, sizeof *self->gram_rows);
    self->met = calloc((size_t)COUNT(GRAMS) + 1, sizeof *self->met);
    if (!self->gram_rows || !self->met) { PyErr_NoMemory(); return -1; }
    self->tokeniser.alphabet = alphabet;
    self->tokeniser.out = &self->tokens_out;
    return 0;
}

static void Scanner_dealloc(Scanner *self) {
    while (self->held) PyBuffer_Release(&self->views[--self->held]);
    Py_XDECREF(self->alphabet);
    free(self->tokens_out.at);
    free(self->spans.at);
    free(self->hits.at);
    free(self->kept.at);
    free(self->known.at);
    free((void *)self->bitmap);
    free((void *)self->part_bitmap);
    free(self->seen.at);
    free(self->gram_rows);
    free(self->met);
    free(self->scratch.at);
    free(self->tokeniser.open.at);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int report(PyObject *bad, Py_ssize_t text, const char *why) {
    PyObject *entry = Py_BuildValue("(ns)", text, why);
    int failed = !entry || PyList_Append(bad, entry);
    Py_XDECREF(entry);
    return failed ? -1 : 0;
}

/* One row: the texts from `first` to `end`. */
static int scan_row(Scanner *self, const Source *source, const char *wanted, Py_ssize_t first,
                    Py_ssize_t end, PyObject *bad) {
    Range *ranges = malloc((size_t)(end - first + 1) * sizeof *ranges);
    if (!ranges) { PyErr_NoMemory(); return -1; }
    int failed = 0, rotten = 0;
    self->tokens_out.size = self->hits.size = 0;
    self->row++;
    for (Py_ssize_t i = first; i < end && !failed; i++) {
        const char *why;
        ranges[i - first].begin = self->tokens_out.size;
        failed = read_text(&self->tokeniser, &self->scratch, source, i, wanted[i], &why);
        ranges[i - first].end = self->tokens_out.size;
        if (!failed && why) { rotten = 1; failed = report(bad, i, why); }
    }
    if (!failed && self->tokens_out.size > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a row of more than 2^31 tokens");
        failed = 1;
    }
    for (Py_ssize_t i = 0; i < end - first && !failed && !rotten; i++) {
        size_t size = ranges[i].end - ranges[i].begin;
        self->known.size = 0;
        if ((failed = RESERVE(&self->known, size / MARKS + 2))) break;
        failed = probe(self, self->tokens_out.at + ranges[i].begin, size, (int32_t)i,
                       (uint8_t)wanted[first + i]);
    }
    if (!failed && !rotten) failed = keep(self, ranges, (int32_t)first);
    free(ranges);
    return failed ? -1 : 0;
}

/* All rows of a source. */
static PyObject *scan_rows(Scanner *self, const Source *source, const char *wanted, Py_ssize_t texts,
                           const int32_t *ends, Py_ssize_t rows) {
    PyObject *bad = PyList_New(0), *result = NULL;
    if (!bad) return NULL;
    self->kept.size = 0;
    Py_ssize_t first = 0;
    if (rows && ends[rows - 1] != texts) {
        PyErr_SetString(PyExc_ValueError, "the last row must end at the number of texts");
        goto done;
    }
    for (Py_ssize_t row = 0; row < rows; first = ends[row++]) {
        if (ends[row] < first || ends[row] > texts) {
            PyErr_SetString(PyExc_ValueError, "ends must ascend, to the number of texts");
            goto done;
        }
        if (ends[row] > first && scan_row(self, source, wanted, first, ends[row], bad)) goto done;
    }
    result = Py_BuildValue("(y#O)", self->kept.at ? (char *)self->kept.at : "",
                           (Py_ssize_t)(self->kept.size * sizeof *self->kept.at), bad);
done:
    Py_DECREF(bad);
    return result;
}

static int within(const Span *places, Py_ssize_t count, uint64_t size) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (places[i].begin > places[i].end || places[i].end > size) return 0;
    return 1;
}

/* Classifying a character runs Python, which may come back here or let another thread run. */
static int enter(Scanner *self) {
    if (!self->tokeniser.alphabet) return not_ready();
    if (self->busy) { PyErr_SetString(PyExc_RuntimeError, "the scanner is at work"); return -1; }
    self->busy = 1;
    return 0;
}

PyDoc_STRVAR(scan_doc,
    "scan(texts, wanted, ends, /)\n--\n\nFind the n-grams that rows share with items.\n\nArgs:\n"
    "    texts: List of the rows' texts, or (data, places): uint64 pairs of where JSON strings with\n"
    "        their quotes begin and end in bytes.\n"
    "    wanted: One byte a text: the parts of items looked for in it; 0 where it is only checked.\n"
    "    ends: int32 in bytes: for each row the end of its texts.\n\nReturns:\n"
    "    Hits of the pairs worth a look as int32 (item, text, at, position) in bytes, and the texts\n"
    "    that cannot be read as (text, reason).");

static PyObject *Scanner_scan(Scanner *self, PyObject *args) {
    PyObject *texts, *wanted, *ends, *places = NULL, *result = NULL;
    Source source = {0};
    Py_buffer data = {0};
    /* Bytes objects are aligned, and stay as they are while Python classifies a character. */
    if (!PyArg_ParseTuple(args, "OSS", &texts, &wanted, &ends)) return NULL;
    Py_ssize_t count = PyBytes_GET_SIZE(wanted), rows = PyBytes_GET_SIZE(ends), found;
    if (PyList_Check(texts)) {
        if (!(source.texts = PyList_AsTuple(texts))) return NULL;
        found = PyTuple_GET_SIZE(source.texts);
    } else {
        if (!PyTuple_Check(texts)) {
            PyErr_SetString(PyExc_TypeError, "texts must be a list, or data and places");
            return NULL;
        }
        if (!PyArg_ParseTuple(texts, "y*S", &data, &places)) return NULL;
        source.data = data.buf;
        source.places = (const Span *)PyBytes_AS_STRING(places);
        found = PyBytes_GET_SIZE(places) / (Py_ssize_t)sizeof(Span);
    }
    if (count != found || (places && PyBytes_GET_SIZE(places) % (Py_ssize_t)sizeof(Span)))
        PyErr_SetString(PyExc_ValueError, "texts and wanted differ in length");
    else if (rows % (Py_ssize_t)sizeof(int32_t))
        PyErr_SetString(PyExc_ValueError, "ends must be of int32");
    else if (places && !within(source.places, count, (uint64_t)data.len))
        PyErr_SetString(PyExc_ValueError, "places must lie within the data");
    else if (!enter(self)) {
        result = scan_rows(self, &source, PyBytes_AS_STRING(wanted), count,
                           (const int32_t *)PyBytes_AS_STRING(ends), rows / (Py_ssize_t)sizeof(int32_t));
        self->busy = 0;
    }
    Py_XDECREF(source.texts);
    if (places) PyBuffer_Release(&data);
    return result;
}

PyDoc_STRVAR(read_doc,
    "read(text, /)\n--\n\nThe tokens of a text, and where each stands.\n\nReturns:\n"
    "    64-bit hashes of the tokens, and uint64 pairs of where each begins and ends in the text's\n"
    "    UTF-8, both in bytes.");

static PyObject *Scanner_read(Scanner *self, PyObject *given) {
    if (enter(self)) return NULL;
    self->tokens_out.size = self->spans.size = 0;
    self->tokeniser.spans = &self->spans;
    int failed = read_one(&self->tokeniser, &self->scratch, given);
    self->tokeniser.spans = NULL;
    self->busy = 0;
    if (failed) return NULL;
    return Py_BuildValue("(y#y#)", self->tokens_out.at ? (char *)self->tokens_out.at : "",
                         (Py_ssize_t)(self->tokens_out.size * sizeof *self->tokens_out.at),
                         self->spans.at ? (char *)self->spans.at : "",
                         (Py_ssize_t)(self->spans.size * sizeof *self->spans.at));
}

PyDoc_STRVAR(ids_doc,
    "ids(hashes, begin, end, /)\n--\n\nWhich tokens these are.\n\nArgs:\n"
    "    hashes: As `read` gives them.\n"
    "    begin, end: Which of them, as in a slice, from 0 on.\n\nReturns:\n"
    "    Places of the tokens in the index's vocabulary, -1 where it has none.");

static PyObject *Scanner_ids(Scanner *self, PyObject *args) {
    PyObject *hashes;
    Py_ssize_t begin, end;
    if (!PyArg_ParseTuple(args, "Snn", &hashes, &begin, &end)) return NULL;
    if (!self->tokeniser.alphabet && not_ready()) return NULL;
    Py_ssize_t count = PyBytes_GET_SIZE(hashes) / (Py_ssize_t)sizeof(uint64_t);
    if (begin < 0 || end < 0) {
        PyErr_SetString(PyExc_ValueError, "begin and end must be at least 0");
        return NULL;
    }
    if (end > count) end = count;
    if (begin > end) begin = end;
    const uint64_t *tokens = (const uint64_t *)PyBytes_AS_STRING(hashes);
    PyObject *result = PyList_New(end - begin);
    for (Py_ssize_t i = begin; result && i < end; i++) {
        PyObject *place = PyLong_FromLongLong(find(&self->vocabulary, tokens[i]));
        if (place) PyList_SET_ITEM(result, i - begin, place);
        else Py_CLEAR(result);
    }
    return result;
}

PyDoc_STRVAR(gram_rows_doc, "gram_rows()\n--\n\nIn how many rows each indexed n-gram stood since "
                            "the last call, as uint32 in bytes.");

static PyObject *Scanner_gram_rows(Scanner *self, PyObject *none) {
    (void)none;
    if (!self->tokeniser.alphabet && not_ready()) return NULL;
    size_t size = (size_t)COUNT(GRAMS) * sizeof *self->gram_rows;
    PyObject *result = PyBytes_FromStringAndSize((char *)self->gram_rows, (Py_ssize_t)size);
    if (result) memset(self->gram_rows, 0, size);
    return result;
}

static PyMethodDef Scanner_methods[] = {{"scan", (PyCFunction)Scanner_scan, METH_VARARGS, scan_doc},
                                        {"read", (PyCFunction)Scanner_read, METH_O, read_doc},
                                        {"ids", (PyCFunction)Scanner_ids, METH_VARARGS, ids_doc},
                                        {"gram_rows", (PyCFunction)Scanner_gram_rows, METH_NOARGS,
                                         gram_rows_doc},
                                        {NULL, NULL, 0, NULL}};

PyDoc_STRVAR(scanner_doc,
    "Scanner(alphabet, arrays, sizes, windows, share, tokens, whole_below, once=False)\n--\n\n"
    "Looks texts up in an index.  `decontam.items.index` makes the arrays and says what they are.");

static PyTypeObject ScannerType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "decontam.text._scanner.Scanner",
    .tp_basicsize = sizeof(Scanner), .tp_flags = Py_TPFLAGS_DEFAULT, .tp_doc = scanner_doc,
    .tp_new = PyType_GenericNew, .tp_init = (initproc)Scanner_init,
    .tp_dealloc = (destructor)Scanner_dealloc, .tp_methods = Scanner_methods};
