/* Two texts -> the longest runs that they share, then those left and right of each. */

#pragma once
#include "arrays.h"

typedef struct { int32_t row, row_end, prompt, prompt_end; } Between;
typedef struct { Between *at; size_t size, room; } Betweens;
typedef struct { int32_t at, start, size; } Run;

typedef struct {
    const int32_t *row, *prompt;  /* tokens; those of a row that the prompt lacks are negative */
    int32_t row_size, prompt_size;
    int32_t *first, *next;        /* where each token stands in the prompt, as chains */
    int32_t *last, *here;         /* length of the run that ends at each place of the prompt, with
                                     the row's token before and with this one */
} Aligner;

/* The longest run within a range; of several the first in the row, then in the prompt. */
static Run longest_between(Aligner *self, Between range) {
    Run best = {range.row, range.prompt, 0};
    for (int32_t i = range.row; i < range.row_end; i++) {
        int32_t before = i > range.row ? self->row[i - 1] : -1, token = self->row[i];
        for (int32_t j = token < 0 ? -1 : self->first[token]; j >= 0; j = self->next[j]) {
            if (j < range.prompt || j >= range.prompt_end) continue;
            int32_t size = (j > range.prompt ? self->last[j - 1] : 0) + 1;
            self->here[j] = size;
            if (size > best.size) best = (Run){i - size + 1, j - size + 1, size};
        }
        for (int32_t j = before < 0 ? -1 : self->first[before]; j >= 0; j = self->next[j])
            self->last[j] = 0;
        int32_t *swapped = self->last;
        self->last = self->here;
        self->here = swapped;
    }
    int32_t token = range.row_end > range.row ? self->row[range.row_end - 1] : -1;
    for (int32_t j = token < 0 ? -1 : self->first[token]; j >= 0; j = self->next[j])
        self->last[j] = 0;
    return best;
}

/* Pairs of equal tokens before each place of the row. */
static int64_t *count_pairs(const Aligner *self) {
    int64_t *pairs = PyMem_Calloc((size_t)self->row_size + 1, sizeof *pairs);
    int64_t *counts = PyMem_Calloc((size_t)self->prompt_size + 1, sizeof *counts);
    if (pairs && counts) {
        for (int32_t j = 0; j < self->prompt_size; j++) counts[self->prompt[j]]++;
        for (int32_t i = 0; i < self->row_size; i++)
            pairs[i + 1] = pairs[i] + (self->row[i] < 0 ? 0 : counts[self->row[i]]);
    }
    PyMem_Free(counts);
    if (!counts) { PyMem_Free(pairs); return NULL; }
    return pairs;
}

static int add_run(PyObject *found, Run run) {
    PyObject *block = Py_BuildValue("(iii)", run.at, run.start, run.size);
    int failed = !block || PyList_Append(found, block);
    Py_XDECREF(block);
    return failed;
}

/* A list of runs, or None where more than `work` pairs of equal tokens would be looked at. */
static PyObject *align_runs(Aligner *self, int64_t work) {
    Betweens todo = {0};
    PyObject *found = PyList_New(0);
    int64_t *pairs = count_pairs(self);
    int failed = !found || !pairs || RESERVE(&todo, 1);
    if (!failed) todo.at[todo.size++] = (Between){0, self->row_size, 0, self->prompt_size};
    else if (!PyErr_Occurred()) PyErr_NoMemory();
    while (todo.size && !failed) {
        Between range = todo.at[--todo.size];
        if ((work -= pairs[range.row_end] - pairs[range.row]) < 0) {
            Py_SETREF(found, Py_NewRef(Py_None));
            break;
        }
        Run run = longest_between(self, range);
        if (!run.size) continue;
        Between left = {range.row, run.at, range.prompt, run.start};
        Between right = {run.at + run.size, range.row_end, run.start + run.size, range.prompt_end};
        if ((failed = add_run(found, run) || RESERVE(&todo, 2))) break;
        if (left.row < left.row_end && left.prompt < left.prompt_end) todo.at[todo.size++] = left;
        if (right.row < right.row_end && right.prompt < right.prompt_end)
            todo.at[todo.size++] = right;
    }
    free(todo.at);
    PyMem_Free(pairs);
    if (failed) Py_CLEAR(found);
    return found;
}

/* Whether every token has a place in the tables. */
static int fits(const Aligner *self) {
    for (int32_t j = 0; j < self->prompt_size; j++)
        if (self->prompt[j] < 0 || self->prompt[j] >= self->prompt_size) return 0;
    for (int32_t i = 0; i < self->row_size; i++)
        if (self->row[i] >= self->prompt_size) return 0;
    return 1;
}

static int is_int32(const Py_buffer *view) {
    return view->len <= INT32_MAX && !(view->len % 4) && (!view->len || !((uintptr_t)view->buf % 4));
}

static PyObject *find_runs(const Py_buffer *row, const Py_buffer *prompt, int64_t work) {
    if (!is_int32(row) || !is_int32(prompt)) {
        PyErr_SetString(PyExc_ValueError, "tokens must be of int32, fewer than 2^29");
        return NULL;
    }
    size_t size = (size_t)prompt->len / 4;
    Aligner self = {.row = row->buf, .prompt = prompt->buf, .row_size = (int32_t)(row->len / 4),
                    .prompt_size = (int32_t)size};
    if (!fits(&self)) {
        PyErr_SetString(PyExc_ValueError, "a token is not below the number of the prompt's tokens");
        return NULL;
    }
    int32_t *tables = PyMem_Calloc(4 * size + 1, sizeof *tables);
    if (!tables) return PyErr_NoMemory();
    self.first = tables;
    self.next = tables + size;
    self.last = tables + 2 * size;
    self.here = tables + 3 * size;
    for (size_t j = 0; j < size; j++) self.first[j] = -1;
    for (size_t j = size; j-- > 0;) {
        self.next[j] = self.first[self.prompt[j]];
        self.first[self.prompt[j]] = (int32_t)j;
    }
    PyObject *found = align_runs(&self, work);
    PyMem_Free(tables);
    return found;
}
