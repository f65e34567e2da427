/* What a row and an entry share: each n-gram once, with its places in either, as the pairs of these
   places may be as many as the product of the lengths. */

#pragma once
#include "lookup.h"
#include "diagonal.h"

typedef struct { int64_t at, name; } Place; /* name: where the entry holds this n-gram first */
typedef struct { Place *at; size_t size, room; } Places;
typedef struct { int64_t *at; size_t size, room; } Numbers;

typedef struct {
    const int32_t *row;     /* the turns end to end, with a gap of -1 behind each */
    const int64_t *begins;  /* where each turn begins, and the end */
    const uint64_t *keys;   /* of the row's n-grams, ascending ... */
    const int64_t *places;  /* ... and where each stands */
    int64_t length, turns, windows;
    const int32_t *entry;
    const uint64_t *entry_keys;
    const int64_t *first;   /* the name of the n-gram at each place */
    int64_t size, grams, n;
    int64_t *next, *counts; /* the next place of the same name, or -1; places of each name */
    int64_t *cursor;        /* of each place, in the hits of its name */
    int64_t *ends;          /* where the hits of each name end */
    char *present;          /* names that are shared */
    Places hits, sorted;
    Numbers whole;
} Sides;

typedef struct { int64_t train[2], item[2]; } Stretch;

static int64_t lower(const uint64_t *keys, int64_t count, uint64_t key) {
    int64_t low = 0;
    while (low < count) {
        int64_t middle = low + (count - low) / 2;
        if (keys[middle] < key) low = middle + 1;
        else count = middle;
    }
    return low;
}

static int misfit(void) {
    PyErr_SetString(PyExc_ValueError, "row and entry must be what `decontam.rules.overlap` makes");
    return -1;
}

/* Every place of the row that holds one of these n-grams, compared token by token. */
static int find_places(Sides *self, const int64_t *names, int64_t count) {
    size_t bytes = (size_t)self->n * sizeof *self->row;
    for (int64_t i = 0; i < count; i++) {
        uint64_t key = self->entry_keys[names[i]];
        for (int64_t k = lower(self->keys, self->windows, key);
             k < self->windows && self->keys[k] == key; k++) {
            int64_t at = self->places[k];
            if (at < 0 || at > self->length - self->n) return misfit();
            if (memcmp(self->row + at, self->entry + names[i], bytes)) continue;
            if (RESERVE(&self->hits, 1)) return -1;
            self->hits.at[self->hits.size++] = (Place){at, names[i]};
        }
    }
    return 0;
}

/* Every place where the whole entry stands, or only the first. */
static int find_whole(Sides *self, int every) {
    for (size_t i = 0; i < self->hits.size && !self->hits.at[i].name; i++) {
        int64_t at = self->hits.at[i].at;
        if (at + self->size > self->length ||
            memcmp(self->row + at, self->entry, (size_t)self->size * sizeof *self->row)) continue;
        if (RESERVE(&self->whole, 1)) return -1;
        self->whole.at[self->whole.size++] = at;
        if (!every) break;
    }
    return 0;
}

static int64_t turn_of(const Sides *self, int64_t at) {
    int64_t low = 0, high = self->turns;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (self->begins[middle] <= at) low = middle;
        else high = middle;
    }
    return low;
}

/* The hits turn by turn, in each by name and then by place; `bounds` has a place more than turns. */
static int by_turn(Sides *self, int64_t *bounds) {
    memset(bounds, 0, (size_t)(self->turns + 1) * sizeof *bounds);
    if (RESERVE(&self->sorted, self->hits.size)) return -1;
    for (size_t i = 0; i < self->hits.size; i++) bounds[turn_of(self, self->hits.at[i].at)]++;
    for (int64_t t = 0, sum = 0; t <= self->turns; t++) {
        int64_t count = bounds[t];
        bounds[t] = sum;
        sum += count;
    }
    for (size_t i = 0; i < self->hits.size; i++)
        self->sorted.at[bounds[turn_of(self, self->hits.at[i].at)]++] = self->hits.at[i];
    memmove(bounds + 1, bounds, (size_t)self->turns * sizeof *bounds);
    bounds[0] = 0;
    return 0;
}

/* How many tokens of the entry lie in n-grams that these hits share; marks them. */
static int64_t cover(Sides *self, const Place *hits, int64_t count, char *covered, int64_t *shared) {
    int64_t total = 0, until = 0;
    memset(self->present, 0, (size_t)self->grams);
    for (int64_t i = 0; i < count; i++) self->present[hits[i].name] = 1;
    for (int64_t k = *shared = 0; k < self->grams; k++) {
        if (!self->present[self->first[k]]) continue;
        int64_t from = k > until ? k : until;
        until = k + self->n;
        total += until - from;
        ++*shared;
        if (covered) memset(covered + from, 1, (size_t)(until - from));
    }
    return total;
}

static int64_t beyond(const Place *hits, int64_t low, int64_t high, int64_t limit) {
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (hits[middle].at <= limit) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The stretches of a turn and of the entry that share most.  Diagonals belong together up to a width
   from the first one on; of these groups, that with the most places in the entry, the first of
   several.  `cover` has marked the names. */
static Stretch densest(Sides *self, const Place *hits, int64_t count, int64_t width) {
    Stretch best = {{0, 0}, {0, 0}};
    int64_t most = 0;
    for (int64_t i = count - 1; i >= 0; i--) self->cursor[hits[i].name] = i;
    for (int64_t i = 0; i < count; i++) self->ends[hits[i].name] = i + 1;
    for (int64_t k = self->grams - 1; k >= 0; k--)
        if (self->present[self->first[k]]) self->cursor[k] = self->cursor[self->first[k]];
    for (;;) {
        int64_t diagonal = INT64_MAX, inside = 0;
        Stretch span = {{INT64_MAX, 0}, {0, 0}};
        for (int64_t k = 0; k < self->grams; k++) {
            if (!self->present[self->first[k]] || self->cursor[k] == self->ends[self->first[k]]) continue;
            int64_t own = hits[self->cursor[k]].at - k;
            if (own < diagonal) diagonal = own;
        }
        if (diagonal == INT64_MAX) return best;
        for (int64_t k = 0; k < self->grams; k++) {
            int64_t from = self->cursor[k], end = self->ends[self->first[k]];
            if (!self->present[self->first[k]] || from == end || hits[from].at - k > diagonal + width)
                continue;
            int64_t to = self->cursor[k] = beyond(hits, from, end, diagonal + width + k);
            if (hits[from].at < span.train[0]) span.train[0] = hits[from].at;
            if (hits[to - 1].at + self->n > span.train[1]) span.train[1] = hits[to - 1].at + self->n;
            if (!inside++) span.item[0] = k;
            span.item[1] = k + self->n;
        }
        if (inside > most) { most = inside; best = span; }
    }
}

/* The longest run along a diagonal with a shared n-gram.  Where repeats would give more pairs of places
   than there are diagonals, all of a range are tried.  Returns -1 on an exception. */
static int64_t longest_in(Sides *self, const Place *hits, int64_t count, int64_t begin, int64_t length,
                          int64_t skip, int64_t best) {
    int64_t low = hits[0].at, high = hits[0].at, pairs = 0;
    for (int64_t i = 0; i < count; i++) {
        if (hits[i].at < low) low = hits[i].at;
        if (hits[i].at > high) high = hits[i].at;
        pairs += self->counts[hits[i].name];
    }
    low -= self->grams - 1;
    Diagonal line = {.row = self->row + begin, .item = self->entry, .length = length, .size = self->size};
    if (pairs > high - low) {
        for (int64_t start = low; start <= high; start++)
            best = longer_run(lay(&line, start - begin), self->n, skip, best);
        return best;
    }
    char *tried = calloc((size_t)(high - low + 1), 1);
    if (!tried) { PyErr_NoMemory(); return -1; }
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = hits[i].name; k >= 0; k = self->next[k]) {
            int64_t start = hits[i].at - k;
            if (tried[start - low]) continue;
            tried[start - low] = 1;
            best = longer_run(lay(&line, start - begin), self->n, skip, best);
        }
    free(tried);
    return best;
}

/* Whether the arrays belong together, and which places have one name. */
static int chain(Sides *self, const int64_t *names, int64_t count) {
    if (self->n < 1 || self->grams < 1 || self->begins[0] || self->begins[self->turns] != self->length)
        return 0;
    for (int64_t t = 0; t < self->turns; t++)
        if (self->begins[t] >= self->begins[t + 1]) return 0;
    for (int64_t k = 0; k < self->grams; k++) {
        int64_t name = self->first[k];
        if (name < 0 || name > k || self->first[name] != name) return 0;
        self->next[k] = -1;
        if (name == k) self->counts[k] = 0;
        else self->next[self->cursor[name]] = k;
        self->cursor[name] = k;
        self->counts[name]++;
    }
    for (int64_t i = 0; i < count; i++)
        if (names[i] < 0 || names[i] >= self->grams || self->first[names[i]] != names[i] ||
            (i && names[i] <= names[i - 1])) return 0;
    return 1;
}

static PyObject *measured(Sides *self, int64_t width, int64_t skip, int64_t *bounds) {
    int64_t most = -1, fullest = 0, longest = self->n - 1, shared;
    Stretch span = {{0, 0}, {0, 0}};
    if (by_turn(self, bounds)) return NULL;
    for (int64_t t = 0; t < self->turns; t++) {
        const Place *hits = self->sorted.at + bounds[t];
        int64_t count = bounds[t + 1] - bounds[t];
        if (!count) continue;
        int64_t begin = self->begins[t], tokens = cover(self, hits, count, NULL, &shared);
        if (tokens > most) {
            most = tokens;
            fullest = t;
            span = densest(self, hits, count, width);
        }
        longest = longest_in(self, hits, count, begin, self->begins[t + 1] - 1 - begin, skip,
                             longest);
        if (longest < 0) return NULL;
    }
    PyObject *covered = PyBytes_FromStringAndSize(NULL, self->size);
    if (!covered) return NULL;
    memset(PyBytes_AS_STRING(covered), 0, (size_t)self->size);
    cover(self, self->hits.at, (int64_t)self->hits.size, PyBytes_AS_STRING(covered), &shared);
    int64_t begin = self->begins[fullest];
    return Py_BuildValue(
        "(NLL(LL)(LL)Ly#y#)", covered, (long long)shared, (long long)fullest,
        (long long)(span.train[0] - begin), (long long)(span.train[1] - begin),
        (long long)span.item[0], (long long)span.item[1], (long long)longest,
        self->whole.at ? (char *)self->whole.at : "",
        (Py_ssize_t)(self->whole.size * sizeof *self->whole.at), (char *)self->hits.at,
        (Py_ssize_t)(self->hits.size * sizeof *self->hits.at));
}

/* Room for what is known of each place of an entry and of each turn. */
static int64_t *make_room(Sides *self) {
    size_t grams = (size_t)self->grams;
    int64_t *room = malloc((4 * grams + (size_t)self->turns + 1) * sizeof *room + grams);
    if (!room) { PyErr_NoMemory(); return NULL; }
    self->next = room;
    self->counts = room + grams;
    self->cursor = room + 2 * grams;
    self->ends = room + 3 * grams;
    self->present = (char *)(room + 4 * grams + self->turns + 1);
    return room;
}

static PyObject *compared(Sides *self, const Py_buffer *names, int64_t width, int64_t skip, int every) {
    PyObject *result = NULL;
    int64_t *room = make_room(self), count = names->len / 8;
    if (!room) return NULL;
    if (!chain(self, names->buf, count)) misfit();
    else if (!find_places(self, names->buf, count) && !find_whole(self, every))
        result = self->hits.size ? measured(self, width, skip, room + 4 * self->grams)
                                 : Py_NewRef(Py_None);
    free(room);
    free(self->hits.at);
    free(self->sorted.at);
    free(self->whole.at);
    return result;
}

PyDoc_STRVAR(overlap_doc,
    "overlap(row, entry, names, n, width, skip, every, /)\n--\n\nMeasure what a row and an entry "
    "share.\n\nArgs:\n"
    "    row: The turns' tokens end to end, a -1 behind each (int32); where each turn begins, and the\n"
    "        end (int64); keys of the n-grams, ascending (uint64), and where each stands (int64).\n"
    "    entry: Its tokens (int32); keys of its n-grams (uint64); for each the place where the same\n"
    "        one stands first, which names it (int64).\n"
    "    names: Of the n-grams that the row may hold, ascending (int64).\n"
    "    n: Tokens of an n-gram.\n"
    "    width: Diagonals up to so far from the first one may come from one copy.\n"
    "    skip: Mismatches that a run may step over.\n"
    "    every: Whether every place where the whole entry stands is asked for, or the first.\n\n"
    "Returns:\n"
    "    A byte for each token of the entry, 1 where a shared n-gram covers it; how many of its\n"
    "    n-grams are shared; the turn that covers most of it; the densest stretch of that turn, and\n"
    "    of the entry; the longest run along a diagonal with a shared n-gram; where the whole entry\n"
    "    stands, int64 in bytes; and every shared n-gram as int64 (place in the row, name) in bytes.\n"
    "    None where nothing is shared.");

static PyObject *overlap(PyObject *module, PyObject *args) {
    (void)module;
    enum { ROW, BEGINS, KEYS, PLACES_OF, ENTRY, ENTRY_KEYS, FIRST, NAMES, BUFFERS };
    static const Py_ssize_t widths[BUFFERS] = {4, 8, 8, 8, 4, 8, 8, 8};
    Py_buffer b[BUFFERS];
    Py_ssize_t n, width, skip;
    int every, fits = 1;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "(y*y*y*y*)(y*y*y*)y*nnnp", b, b + 1, b + 2, b + 3, b + 4, b + 5, b + 6,
                          b + 7, &n, &width, &skip, &every)) return NULL;
    for (int i = 0; i < BUFFERS; i++)
        fits &= b[i].len % widths[i] == 0 && (uintptr_t)b[i].buf % (uintptr_t)widths[i] == 0;
    Sides self = {
        .row = b[ROW].buf, .begins = b[BEGINS].buf, .keys = b[KEYS].buf, .places = b[PLACES_OF].buf,
        .length = b[ROW].len / 4, .turns = b[BEGINS].len / 8 - 1, .windows = b[KEYS].len / 8,
        .entry = b[ENTRY].buf, .entry_keys = b[ENTRY_KEYS].buf, .first = b[FIRST].buf,
        .size = b[ENTRY].len / 4, .grams = b[FIRST].len / 8, .n = n};
    fits &= b[PLACES_OF].len == b[KEYS].len && b[ENTRY_KEYS].len == b[FIRST].len && width >= 0 &&
            width <= INT32_MAX && skip >= 0 && n > 0 && self.size - n + 1 == self.grams && self.turns > 0;
    if (fits) result = compared(&self, b + NAMES, width, skip, every);
    else misfit();
    for (int i = 0; i < BUFFERS; i++) PyBuffer_Release(b + i);
    return result;
}
