/* What characters are, asked of Python once for each. */

#pragma once
#include "json.h"

#define MIX 0x9E3779B97F4A7C15ULL
#define STIR 0xD6E8FEB86659FD93ULL
#define POINTS 0x110000
#define PLACES (1 << 26) /* what is left of 32 bits above `FOLD` */

static inline uint64_t step(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * MIX;
    return hash ^ (hash >> 29);
}

static inline uint64_t finish(uint64_t hash) {
    hash *= STIR;
    return hash ^ (hash >> 32);
}

/* Folded bytes of any length, eight at a time. */
static uint64_t hash_bytes(const unsigned char *p, size_t size) {
    uint64_t hash = 0;
    for (; size > 8; p += 8, size -= 8) hash = step(hash, load(p, 8));
    return finish(step(hash, load(p, size)));
}

#define LOWER 0x2020202020202020ULL /* ASCII letters to lower case; digits have the bit already */

/* An ASCII run of letters and digits of which at least eight bytes from `p` on can be read. */
static inline uint64_t hash_run(const unsigned char *p, size_t size) {
    uint64_t hash = 0;
    for (; size > 8; p += 8, size -= 8) hash = step(hash, load(p, 8) | LOWER);
    uint64_t word = (load(p, 8) | LOWER) & (~0ULL >> (64 - 8 * size));
    return finish(step(hash, word));
}

enum { SEPARATOR, WORD, INNER, SINGLE }; /* INNER continues a token and cannot begin one */
enum { KNOWN = 1, JOINS = 2, IGNORED = 4, PLAIN = 8, KIND = 4, FOLD = 6 };
/* PLAIN: separates, and is nothing else; KIND and FOLD are shifts. */

typedef struct {
    PyObject_HEAD
    uint32_t *points;      /* code point -> flags, kind, place of its folding in `foldings` */
    uint32_t *foldings;    /* count, then code points */
    size_t foldings_size, foldings_room;
    PyObject *classify, *fold_chunk;
    uint64_t symbols[128]; /* hash of an ASCII symbol that is a token of its own, else 0 */
    unsigned char ascii[128];
    int ready;
} Alphabet;

static int is_run(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int ask(Alphabet *self, uint32_t point, uint32_t *found);

/* The entry of a code point, asked of Python once. */
static inline int entry(Alphabet *self, uint32_t point, uint32_t *found) {
    *found = self->points[point];
    return *found ? 0 : ask(self, point, found);
}

static int ask(Alphabet *self, uint32_t point, uint32_t *found) {
    PyObject *said = PyObject_CallFunction(self->classify, "I", point);
    if (!said) return -1;
    unsigned int flags, kind;
    PyObject *folded;
    if (!PyTuple_Check(said) || !PyArg_ParseTuple(said, "IIU", &flags, &kind, &folded)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a character is told by a tuple");
        Py_DECREF(said);
        return -1;
    }
    Py_ssize_t count = PyUnicode_GET_LENGTH(folded);
    uint32_t place = 0;
    if (flags & ~(unsigned)(JOINS | IGNORED) || kind > SINGLE || self->foldings_size + count >= PLACES) {
        PyErr_Format(PyExc_ValueError, "code point %u cannot be classified so", point);
        Py_DECREF(said);
        return -1;
    }
    if (count != 1 || PyUnicode_READ_CHAR(folded, 0) != point) {
        if (grow((void **)&self->foldings, &self->foldings_room, self->foldings_size + count + 1,
                 sizeof *self->foldings)) { Py_DECREF(said); return -1; }
        place = (uint32_t)self->foldings_size;
        self->foldings[self->foldings_size++] = (uint32_t)count;
        for (Py_ssize_t i = 0; i < count; i++)
            self->foldings[self->foldings_size++] = PyUnicode_READ_CHAR(folded, i);
    }
    Py_DECREF(said);
    int plain = !flags && (place ? 1 : kind == SEPARATOR);
    for (uint32_t i = 1; place && plain && i <= (uint32_t)count; i++) {
        uint32_t other;
        /* What a character folds to should fold to itself; nothing here relies on it. */
        if (Py_EnterRecursiveCall(" in the foldings of a character")) return -1;
        int failed = entry(self, self->foldings[place + i], &other);
        Py_LeaveRecursiveCall();
        if (failed) return -1;
        plain = (other >> KIND & 3) == SEPARATOR;
    }
    *found = self->points[point] = KNOWN | flags | (plain ? PLAIN : 0) | kind << KIND | place << FOLD;
    return 0;
}
