/* The arrays of an index, checked and laid where they are read fast. */

#pragma once
#include "lookup.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

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
