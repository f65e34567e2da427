/* The longest run that two texts share along a diagonal, stepping over a few mismatches. */

#pragma once
#include "arrays.h"

/* Where item[k] lies beside row[start + k], for k from `begin` to before `end`. */
typedef struct { const int32_t *row, *item; int64_t length, size, start, begin, end; } Diagonal;

static const Diagonal *lay(Diagonal *self, int64_t start) {
    self->start = start;
    self->begin = start < 0 ? -start : 0;
    self->end = self->length - start < self->size ? self->length - start : self->size;
    return self;
}

static inline int agree(const Diagonal *self, int64_t k) {
    return self->row[self->start + k] == self->item[k];
}

/* Whether `n` tokens in a row agree. */
static int has_gram(const Diagonal *self, int64_t n) {
    int64_t run = 0;
    for (int64_t k = self->begin; k < self->end && run < n; k++) run = agree(self, k) ? run + 1 : 0;
    return run >= n;
}

/* The length of the longest stretch that begins and ends with tokens that agree and holds at most
   `skip` others, or `best` where none is longer or no `n` tokens in a row agree.  A window of best + 1
   is read from its end, so that most of a diagonal that holds nothing is stepped over. */
static int64_t longer_run(const Diagonal *self, int64_t n, int64_t skip, int64_t best) {
    for (int64_t begin = self->begin, missed, k; begin + best < self->end; begin = k + 1) {
        for (missed = 0, k = begin + best; k >= begin; k--)
            if (!agree(self, k) && ++missed > skip) break;
        if (k >= begin) continue;
        while (begin < self->end && !agree(self, begin)) begin++;
        int64_t last = begin - 1;
        for (missed = 0, k = begin; k < self->end; k++)
            if (agree(self, k)) last = k;
            else if (++missed > skip) break;
        if (last - begin + 1 > best) {
            if (!has_gram(self, n)) return best;
            best = last - begin + 1;
        }
        if (k == self->end) break; /* what begins later is shorter */
        for (k = begin; agree(self, k); k++);
    }
    return best;
}

/* The longest over all diagonals with `n` tokens in a row that agree; 0 where none has them. */
static int64_t longest(const Py_buffer *row, const Py_buffer *item, const Py_buffer *starts, int64_t n,
                       int64_t skip) {
    Diagonal line = {.row = row->buf, .item = item->buf, .length = row->len / 4, .size = item->len / 4};
    int64_t best = n - 1;
    const int64_t *start = starts->buf;
    for (Py_ssize_t i = 0; i < starts->len / 8; i++)
        if (start[i] > -line.size && start[i] < line.length)
            best = longer_run(lay(&line, start[i]), n, skip, best);
    return best < n ? 0 : best;
}
