/* Text -> tokens -> n-grams that benchmark items hold.  One pass over every position of every row.

   `decontam.text.tokens` defines what a token is; this file does the same at the speed of memory, and
   a property test holds the two together.  Long stretches of ASCII take a path that classifies 64
   bytes at a time; everything else goes code point by code point through a table that is filled from
   Python the first time a code point is met, so there is one definition of the alphabet.

   What leaves this file are candidates.  Whether a row holds an item is decided in Python, on tokens
   that are compared as text, so no hash collision can flag a row. */

#include "lookup.h" /* Python.h comes first */
#include "overlap.h"
#include "runs.h"
#include "skim.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

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

static int not_ready(void) {
    PyErr_SetString(PyExc_RuntimeError, "not initialised");
    return -1;
}

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

static int set_sizes(Scanner *self, PyObject *sizes) {
    PyObject *given = PySequence_Tuple(sizes);
    if (!given) return -1;
    long last = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(given) && !PyErr_Occurred(); i++) {
        long size = PyLong_AsLong(PyTuple_GET_ITEM(given, i));
        if (size > last && size <= MOST_SIZES) self->sizes[self->size_count++] = (int)(last = size);
        else if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "sizes must ascend, from 1 to %d; here is %ld", MOST_SIZES,
                         size);
    }
    Py_DECREF(given);
    return PyErr_Occurred() ? -1 : 0;
}

static int leading_bits(Py_ssize_t count) {
    int bits = 0;
    while ((Py_ssize_t)1 << bits < count) bits++;
    return 64 - bits;
}

/* A copy on huge pages, where there are any: filters are read at random at every token, and small
   pages would cost a walk of the page table each time. */
static const uint64_t *huge_copy(const Py_buffer *view) {
    const size_t page = (size_t)2 << 20;
    size_t size = ((size_t)view->len + page - 1) / page * page;
    void *copy = (size_t)view->len < page ? malloc((size_t)view->len) : aligned_alloc(page, size);
#if defined(MADV_HUGEPAGE)
    if (copy && (size_t)view->len >= page) madvise(copy, size, MADV_HUGEPAGE);
#endif
    if (copy) memcpy(copy, view->buf, (size_t)view->len);
    return copy;
}

#define DATA(name) (self->views[name].buf)
#define COUNT(name) (self->views[name].len / self->views[name].itemsize)

/* Whether an array tells where each of the parts of another begins and ends. */
static int cuts(const Scanner *self, int bounds, Py_ssize_t parts, int whole) {
    const uint32_t *at = DATA(bounds);
    if (COUNT(bounds) != parts + 1 || at[0] || at[parts] != COUNT(whole)) return 0;
    for (Py_ssize_t i = 0; i < parts; i++)
        if (at[i] > at[i + 1]) return 0;
    return 1;
}

static int below(const Scanner *self, int name, Py_ssize_t limit) {
    const uint32_t *at = DATA(name);
    for (Py_ssize_t i = 0; i < COUNT(name); i++)
        if (at[i] >= limit) return 0;
    return 1;
}

static int is_power(Py_ssize_t count) {
    return count > 1 && !(count & (count - 1));
}

/* What keeps every look-up within the arrays, which may come from a file. */
static int fit(const Scanner *self) {
    static const Py_ssize_t widths[ARRAYS] = {8, 4, 8, 8, 8, 4, 4, 4, 8, 4, 4,
                                               4, 4, 4, 8, 4, 4, 1, 4, 8, 4};
    for (int i = 0; i < ARRAYS; i++)
        if (self->views[i].itemsize != widths[i] || (uintptr_t)DATA(i) % (uintptr_t)widths[i]) return 0;
    Py_ssize_t items = COUNT(ITEM_PARTS), words = COUNT(VOCABULARY);
    return is_power(COUNT(BITMAP)) && is_power(COUNT(PART_BITMAP)) &&
           is_power(COUNT(SHORT_BITMAP)) &&
           is_power(COUNT(GRAM_BUCKETS) - 1) && is_power(COUNT(VOCABULARY_BUCKETS) - 1) &&
           cuts(self, GRAM_BUCKETS, COUNT(GRAM_BUCKETS) - 1, GRAMS) &&
           cuts(self, VOCABULARY_BUCKETS, COUNT(VOCABULARY_BUCKETS) - 1, VOCABULARY) &&
           cuts(self, BOUNDS, COUNT(GRAMS), POST_ITEM) &&
           cuts(self, PROMPT_BOUNDS, items, PROMPT_TOKENS) &&
           cuts(self, ITEM_BOUNDS, items, ITEM_TOKENS) && COUNT(ITEM_LEAST) == items &&
           COUNT(ITEM_SIZES) == items && COUNT(ITEM_MATCH_N) == items &&
           COUNT(ITEM_TOTALS) == items &&
           COUNT(POST_POSITION) == COUNT(POST_ITEM) && COUNT(ITEM_BITS) == COUNT(ITEM_TOKENS) &&
           COUNT(ITEM_COUNTS) == COUNT(ITEM_TOKENS) && below(self, POST_ITEM, items) &&
           below(self, PROMPT_TOKENS, words) && below(self, ITEM_TOKENS, words);
}

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
