/* Text -> the hashes of its tokens. */

#pragma once
#include "alphabet.h"

#define BLOCK 64

typedef struct {
    Alphabet *alphabet;
    Hashes *out;
    Bytes open;       /* the token that is being read, folded */
    const unsigned char *start;
    Spans *spans;     /* where each token stands in the original, or NULL if nobody asks */
    Span chunk, word; /* of what is being fed, and of the open token */
} Tokens;

static int close_token(Tokens *self) {
    if (!self->open.size) return 0;
    if (RESERVE(self->out, 1) || (self->spans && RESERVE(self->spans, 1))) return -1;
    self->out->at[self->out->size++] = hash_bytes((unsigned char *)self->open.at, self->open.size);
    if (self->spans) self->spans->at[self->spans->size++] = self->word;
    self->open.size = 0;
    return 0;
}

/* A code point of normalised text. */
static int feed(Tokens *self, uint32_t point, int kind) {
    if (kind == SEPARATOR || (kind == INNER && !self->open.size)) return close_token(self);
    if (kind == SINGLE && close_token(self)) return -1;
    if (RESERVE(&self->open, 4)) return -1;
    if (!self->open.size) self->word.begin = self->chunk.begin;
    self->word.end = self->chunk.end;
    self->open.size += encode(point, (unsigned char *)self->open.at + self->open.size);
    return kind == SINGLE ? close_token(self) : 0;
}

static int feed_normal(Tokens *self, uint32_t point) {
    uint32_t found;
    if (entry(self->alphabet, point, &found)) return -1;
    return feed(self, point, found >> KIND & 3);
}

/* A code point that stands alone, folded. */
static int feed_single(Tokens *self, uint32_t point, uint32_t found) {
    uint32_t place = found >> FOLD;
    if (!place) return feed(self, point, found >> KIND & 3);
    uint32_t count = self->alphabet->foldings[place];
    for (uint32_t i = 1; i <= count; i++)
        if (feed_normal(self, self->alphabet->foldings[place + i])) return -1;
    return 0;
}

/* A code point with others that may combine with it: Python normalises the chunk. */
static int feed_chunk(Tokens *self, const unsigned char *from, const unsigned char *end) {
    PyObject *folded = PyObject_CallFunction(self->alphabet->fold_chunk, "s#", (const char *)from,
                                             (Py_ssize_t)(end - from));
    if (!folded) return -1;
    Py_ssize_t count = PyUnicode_GetLength(folded);
    for (Py_ssize_t i = 0; i < count; i++)
        if (feed_normal(self, PyUnicode_ReadChar(folded, i))) { Py_DECREF(folded); return -1; }
    Py_DECREF(folded);
    return count < 0 ? -1 : 0;
}

/* At least one chunk from `p` on, until plain ASCII goes on.
   Returns where, or NULL with `why` (bad bytes) or an exception. */
static const unsigned char *general(Tokens *self, const unsigned char *p, const unsigned char *end,
                                    const char **why) {
    do {
        uint32_t point, found, next, other;
        int length = decode(p, end, &point);
        if (!length) { *why = BAD_UTF8; return NULL; }
        if (entry(self->alphabet, point, &found)) return NULL;
        const unsigned char *after = p + length;
        while (after < end && *after >= 0x80) {
            int more = decode(after, end, &next);
            if (!more) { *why = BAD_UTF8; return NULL; }
            if (entry(self->alphabet, next, &other)) return NULL;
            if (!(other & (JOINS | IGNORED))) break;
            after += more;
        }
        self->chunk = (Span){(uint64_t)(p - self->start), (uint64_t)(after - self->start)};
        int alone = after == p + length && !(found & IGNORED);
        if (alone ? feed_single(self, point, found) : feed_chunk(self, p, after)) return NULL;
        p = after;
        if (self->open.size) continue;
        if (p < end && *p < 0x80 && (end - p < 2 || p[1] < 0x80)) return p;
    } while (p < end);
    return close_token(self) ? NULL : p;
}

/* Bit i of each mask tells about byte i. */
typedef struct { uint64_t run, symbol, high; } Masks;

static inline Masks classify_block(const unsigned char *p, const Alphabet *alphabet) {
    Masks m = {0, 0, 0};
#if defined(__SSE2__)
    (void)alphabet;
    const __m128i a = _mm_set1_epi8('a' - 1), z = _mm_set1_epi8('z' + 1), space = _mm_set1_epi8(0x20);
    const __m128i zero = _mm_set1_epi8('0' - 1), nine = _mm_set1_epi8('9' + 1);
    const __m128i bang = _mm_set1_epi8(0x22), del = _mm_set1_epi8(0x7F);
    for (int i = 0; i < 4; i++) {
        __m128i c = _mm_loadu_si128((const __m128i *)(p + 16 * i)), low = _mm_or_si128(c, space);
        __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(low, a), _mm_cmpgt_epi8(z, low));
        __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(c, zero), _mm_cmpgt_epi8(nine, c));
        __m128i run = _mm_or_si128(letter, digit);
        /* What may be a symbol: printable, from '#' on, neither letter nor digit. */
        __m128i graph = _mm_and_si128(_mm_cmpgt_epi8(c, bang), _mm_cmpgt_epi8(del, c));
        m.run |= (uint64_t)(uint32_t)_mm_movemask_epi8(run) << (16 * i);
        m.symbol |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_andnot_si128(run, graph)) << (16 * i);
        m.high |= (uint64_t)(uint32_t)_mm_movemask_epi8(c) << (16 * i);
    }
#else
    for (int i = 0; i < BLOCK; i++) {
        m.high |= (uint64_t)(p[i] >> 7) << i;
        m.run |= (uint64_t)(p[i] < 0x80 && alphabet->ascii[p[i]] == WORD) << i;
        m.symbol |= (uint64_t)(p[i] < 0x80 && alphabet->ascii[p[i]] == SINGLE) << i;
    }
#endif
    return m;
}

/* Where the character before a place begins; the block's begin has none before it. */
static inline size_t before(const unsigned char *block, size_t at) {
    while (at && (block[--at] & 0xC0) == 0x80);
    return at;
}

/* How much of a block can be read without looking at what stands beyond ASCII: separators such as
   quotation marks may be stepped over, anything else and what it may combine with may not. */
static inline size_t readable(const Alphabet *alphabet, const unsigned char *block, size_t left,
                              uint64_t high) {
    while (high) {
        size_t at = (size_t)__builtin_ctzll(high);
        uint32_t point;
        int length = decode(block + at, block + left, &point);
        if (!length || !(alphabet->points[point] & PLAIN)) return before(block, at);
        if (at + (size_t)length > BLOCK) return at;
        high &= ~(((1ULL << length) - 1) << at);
    }
    /* What the next block begins with may combine with the last character of this one. */
    return block[BLOCK] < 0x80 ? BLOCK : before(block, BLOCK);
}

/* A run of letters and digits that is longer than a block. */
static const unsigned char *long_run(Tokens *self, const unsigned char *p, const unsigned char *end) {
    self->word.begin = (uint64_t)(p - self->start);
    while (p < end && is_run(*p)) {
        if (RESERVE(&self->open, 1)) return NULL;
        self->open.at[self->open.size++] = (char)(*p++ | 0x20);
    }
    self->word.end = (uint64_t)(p - self->start);
    /* A letter beyond ASCII may go on with the token, and the last character may combine with it. */
    if (p < end && *p >= 0x80) { p--; self->open.size--; return p; }
    return close_token(self) ? NULL : p;
}

/* Every token of a text.  Returns -1 with `why` (bad bytes) or an exception. */
static int tokenise(Tokens *self, const unsigned char *p, size_t size, const char **why) {
    const unsigned char *end = p + size;
    unsigned char tail[2 * BLOCK] = {0};
    self->open.size = 0;
    self->start = p;
    while (p < end) {
        const unsigned char *block = p;
        size_t left = (size_t)(end - p);
        if (left < BLOCK + 8) { /* so that every load stays inside what is there */
            memcpy(tail, p, left);
            memset(tail + left, 0, sizeof tail - left);
            block = tail;
        }
        Masks m = classify_block(block, self->alphabet);
        size_t limit = m.high || block[BLOCK] >= 0x80 ? readable(self->alphabet, block, left, m.high) : BLOCK;
        if (!limit) {
            if (!(p = general(self, p, end, why))) return -1;
            continue;
        }
        if (RESERVE(self->out, BLOCK)) return -1;
        if (self->spans && RESERVE(self->spans, BLOCK)) return -1;
        uint64_t *out = self->out->at + self->out->size, offset = (uint64_t)(p - self->start);
        Span *span = self->spans ? self->spans->at + self->spans->size : NULL;
        uint64_t todo = m.symbol | (m.run & ~(m.run << 1));
        if (limit < BLOCK) todo &= (1ULL << limit) - 1;
        size_t begin = limit; /* where the next block starts */
        while (todo) {
            size_t at = (size_t)__builtin_ctzll(todo);
            todo &= todo - 1;
            if (m.symbol >> at & 1) {
                uint64_t hash = self->alphabet->symbols[block[at]];
                *out = hash;
                out += hash != 0;
                if (span && hash) *span++ = (Span){offset + at, offset + at + 1};
                continue;
            }
            uint64_t beyond = ~(m.run >> at);
            size_t length = beyond ? (size_t)__builtin_ctzll(beyond) : BLOCK;
            if (at + length > limit || (at + length == limit && limit == BLOCK)) { begin = at; break; }
            *out++ = hash_run(block + at, length);
            if (span) *span++ = (Span){offset + at, offset + at + length};
        }
        if (span) self->spans->size = (size_t)(span - self->spans->at);
        self->out->size = (size_t)(out - self->out->at);
        if (begin) { p += begin < left ? begin : left; continue; }
        if (limit < BLOCK) { /* the run at the block's begin goes on beyond ASCII */
            if (!(p = general(self, p, end, why))) return -1;
        } else if (!(p = long_run(self, p, end))) return -1;
        else if (self->open.size && !(p = general(self, p, end, why))) return -1;
    }
    return close_token(self);
}
