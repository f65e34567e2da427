/* Text -> tokens -> n-grams that benchmark items hold.  One pass over every position of every row.

   `decontam.text.tokens` defines what a token is; this file does the same at the speed of memory, and
   a property test holds the two together.  Long stretches of ASCII take a path that classifies 64
   bytes at a time; everything else goes code point by code point through a table that is filled from
   Python the first time a code point is met, so there is one definition of the alphabet.

   What leaves this file are candidates.  Whether a row holds an item is decided in Python, on tokens
   that are compared as text, so no hash collision can flag a row. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define MIX 0x9E3779B97F4A7C15ULL
#define STIR 0xD6E8FEB86659FD93ULL
#define BASE 0xC2B2AE3D27D4EB4FULL
#define BLOCK 64
#define POINTS 0x110000
#define MOST_SIZES 16

/* ---- growable arrays ------------------------------------------------------------------------ */

typedef struct { uint64_t *at; size_t size, room; } Hashes;
typedef struct { char *at; size_t size, room; } Bytes;
typedef struct { uint64_t begin, end; } Span; /* bytes of UTF-8, the end excluded */
typedef struct { Span *at; size_t size, room; } Spans;
typedef struct { uint32_t item; int32_t text, at, position; } Hit;
typedef struct { Hit *at; size_t size, room; } Hits;

static int grow(void **at, size_t *room, size_t wanted, size_t each) {
    if (wanted <= *room) return 0;
    size_t more = *room + *room / 2 + 1024;
    if (more < wanted) more = wanted;
    void *moved = realloc(*at, more * each);
    if (!moved) { PyErr_NoMemory(); return -1; }
    *at = moved;
    *room = more;
    return 0;
}
#define RESERVE(array, extra) \
    grow((void **)&(array)->at, &(array)->room, (array)->size + (extra), sizeof *(array)->at)

/* ---- the hash of a token -------------------------------------------------------------------- */

static inline uint64_t load(const unsigned char *p, size_t count) {
    uint64_t word = 0;
    memcpy(&word, p, count);
    return word;
}

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

/* ---- the alphabet --------------------------------------------------------------------------- */

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
} Alphabet;

static int is_run(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The entry of a code point, asked of Python once. */
static int entry(Alphabet *self, uint32_t point, uint32_t *found) {
    if (self->points[point]) { *found = self->points[point]; return 0; }
    PyObject *said = PyObject_CallFunction(self->classify, "I", point);
    if (!said) return -1;
    unsigned int flags, kind;
    PyObject *folded;
    if (!PyArg_ParseTuple(said, "IIU", &flags, &kind, &folded)) { Py_DECREF(said); return -1; }
    Py_ssize_t count = PyUnicode_GET_LENGTH(folded);
    uint32_t place = 0;
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
        if (entry(self, self->foldings[place + i], &other)) return -1;
        plain = (other >> KIND & 3) == SEPARATOR;
    }
    *found = self->points[point] = KNOWN | flags | (plain ? PLAIN : 0) | kind << KIND | place << FOLD;
    return 0;
}

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

static const char *const BAD_UTF8 = "invalid UTF-8";
static const char *const SURROGATE = "a lone surrogate";
static const char *const BAD_ESCAPE = "an invalid escape";
static const char *const CONTROL = "a raw control character";
static const char *const NO_STRING = "something else than a string";

/* Reads one code point; returns its length in bytes, or 0 where the bytes are not UTF-8. */
static inline int decode(const unsigned char *p, const unsigned char *end, uint32_t *point) {
    unsigned char c = *p;
    if (c < 0x80) { *point = c; return 1; }
    int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    if (c < 0xC2 || c > 0xF4 || end - p <= more) return 0;
    uint32_t value = c & (0x3F >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | (p[i] & 0x3F);
    }
    if ((more == 2 && value < 0x800) || (more == 3 && (value < 0x10000 || value > 0x10FFFF)) ||
        (value >= 0xD800 && value < 0xE000)) return 0;
    *point = value;
    return more + 1;
}

static inline int encode(uint32_t point, unsigned char *to) {
    if (point < 0x80) { to[0] = (unsigned char)point; return 1; }
    int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    for (int i = more; i; i--, point >>= 6) to[i] = 0x80 | (point & 0x3F);
    to[0] = lead[more] | (unsigned char)point;
    return more + 1;
}

/* ---- JSON strings --------------------------------------------------------------------------- */

static int hex4(const unsigned char *p, uint32_t *value) {
    *value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = p[i] | 0x20;
        int digit = p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return -1;
        *value = *value << 4 | (uint32_t)digit;
    }
    return 0;
}

/* One escape at `p` (a backslash); returns its length, or 0 with the reason. */
static int unescape(const unsigned char *p, const unsigned char *end, uint32_t *point,
                    const char **why) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    *why = BAD_ESCAPE;
    if (end - p < 2) return 0;
    const char *simple = p[1] ? strchr(from, p[1]) : NULL;
    if (simple) { *point = (unsigned char)to[simple - from]; return 2; }
    if (p[1] != 'u' || end - p < 6 || hex4(p + 2, point)) return 0;
    if (*point < 0xD800 || *point > 0xDFFF) return 6;
    uint32_t low;
    *why = SURROGATE;
    if (*point > 0xDBFF || end - p < 12 || p[6] != '\\' || p[7] != 'u' || hex4(p + 8, &low) ||
        low < 0xDC00 || low > 0xDFFF) return 0;
    *point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

/* A JSON string with its quotes -> its text, in place where nothing is escaped.  Returns the reason
   why it is none, or NULL; sets `failed` where memory ran out. */
static const char *json_text(const unsigned char **p, size_t *size, Bytes *scratch, int *failed) {
    const unsigned char *from = *p, *end = from + *size;
    if (*size < 2 || from[0] != '"' || end[-1] != '"') return NO_STRING;
    from++, end--;
    unsigned char control = 0;
    for (const unsigned char *c = from; c < end; c++) control |= *c < 0x20;
    if (control) return CONTROL;
    const unsigned char *slash = memchr(from, '\\', (size_t)(end - from));
    if (!slash) { *p = from; *size = (size_t)(end - from); return NULL; }
    scratch->size = 0;
    if (RESERVE(scratch, (size_t)(end - from) + 8)) { *failed = 1; return NULL; }
    unsigned char *to = (unsigned char *)scratch->at;
    while (slash) {
        memcpy(to, from, (size_t)(slash - from));
        to += slash - from;
        uint32_t point;
        const char *why;
        int length = unescape(slash, end, &point, &why);
        if (!length) return why;
        to += encode(point, to);
        from = slash + length;
        /* Escapes come in bunches: look at the next byte before searching. */
        slash = from < end && *from == '\\' ? from : memchr(from, '\\', (size_t)(end - from));
    }
    memcpy(to, from, (size_t)(end - from));
    to += end - from;
    *p = (unsigned char *)scratch->at;
    *size = (size_t)(to - (unsigned char *)scratch->at);
    return NULL;
}

/* ---- text -> token hashes ------------------------------------------------------------------- */

typedef struct {
    Alphabet *alphabet;
    Hashes *out;
    Bytes open;       /* the token that is being read, folded */
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

/* At least one chunk from `p` on, until plain ASCII goes on (to the end, if spans are asked for).
   Returns where, or NULL with `why` (bad bytes) or an exception. */
static const unsigned char *general(Tokens *self, const unsigned char *p, const unsigned char *end,
                                    const char **why) {
    const unsigned char *begin = p;
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
        self->chunk = (Span){(uint64_t)(p - begin), (uint64_t)(after - begin)};
        int alone = after == p + length && !(found & IGNORED);
        if (alone ? feed_single(self, point, found) : feed_chunk(self, p, after)) return NULL;
        p = after;
        if (self->spans || self->open.size) continue;
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

/* How much of a block can be read without looking at what stands beyond ASCII: separators such as
   quotation marks may be stepped over, anything else and what it may combine with may not. */
static inline size_t readable(const Alphabet *alphabet, const unsigned char *block, size_t left,
                              uint64_t high) {
    while (high) {
        size_t at = (size_t)__builtin_ctzll(high);
        uint32_t point;
        int length = decode(block + at, block + left, &point);
        if (!length || !(alphabet->points[point] & PLAIN)) {
            while (at && (block[--at] & 0xC0) == 0x80);
            return at;
        }
        if (at + (size_t)length > BLOCK) return at;
        high &= ~(((1ULL << length) - 1) << at);
    }
    return BLOCK;
}

/* A run of letters and digits that is longer than a block. */
static const unsigned char *long_run(Tokens *self, const unsigned char *p, const unsigned char *end) {
    while (p < end && is_run(*p)) {
        if (RESERVE(&self->open, 1)) return NULL;
        self->open.at[self->open.size++] = (char)(*p++ | 0x20);
    }
    /* A letter beyond ASCII may go on with the token, and the last character may combine with it. */
    if (p < end && *p >= 0x80) { p--; self->open.size--; return p; }
    return close_token(self) ? NULL : p;
}

/* Every token of a text.  Returns -1 with `why` (bad bytes) or an exception. */
static int tokenise(Tokens *self, const unsigned char *p, size_t size, const char **why) {
    const unsigned char *end = p + size;
    unsigned char tail[2 * BLOCK] = {0};
    self->open.size = 0;
    if (self->spans) return !size || general(self, p, end, why) ? 0 : -1;
    while (p < end) {
        const unsigned char *block = p;
        size_t left = (size_t)(end - p);
        if (left < BLOCK + 8) { /* so that every load stays inside what is there */
            memcpy(tail, p, left);
            memset(tail + left, 0, sizeof tail - left);
            block = tail;
        }
        Masks m = classify_block(block, self->alphabet);
        size_t limit = m.high ? readable(self->alphabet, block, left, m.high) : BLOCK;
        if (!limit) {
            if (!(p = general(self, p, end, why))) return -1;
            continue;
        }
        if (RESERVE(self->out, BLOCK)) return -1;
        uint64_t *out = self->out->at + self->out->size;
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
                continue;
            }
            uint64_t beyond = ~(m.run >> at);
            size_t length = beyond ? (size_t)__builtin_ctzll(beyond) : BLOCK;
            if (at + length > limit || (at + length == limit && limit == BLOCK)) { begin = at; break; }
            *out++ = hash_run(block + at, length);
        }
        self->out->size = (size_t)(out - self->out->at);
        if (begin) { p += begin < left ? begin : left; continue; }
        if (limit < BLOCK) { /* the run at the block's begin goes on beyond ASCII */
            if (!(p = general(self, p, end, why))) return -1;
        } else if (!(p = long_run(self, p, end))) return -1;
        else if (self->open.size && !(p = general(self, p, end, why))) return -1;
    }
    return close_token(self);
}

/* ---- the index ------------------------------------------------------------------------------ */

/* Sorted keys, found through the table of where each run of leading bits begins. */
typedef struct { const uint64_t *keys; const uint32_t *buckets; int shift; } Sorted;

static inline int64_t find(const Sorted *self, uint64_t key) {
    uint64_t bucket = key >> self->shift;
    for (uint32_t i = self->buckets[bucket]; i < self->buckets[bucket + 1]; i++)
        if (self->keys[i] == key) return i;
    return -1;
}

enum { GRAMS, GRAM_BUCKETS, BITMAP, BOUNDS, POST_ITEM, POST_POSITION, VOCABULARY, VOCABULARY_BUCKETS,
       PROMPT_BOUNDS, PROMPT_TOKENS, ITEM_BOUNDS, ITEM_TOKENS, ITEM_BITS, ITEM_COUNTS, ITEM_LEAST,
       ITEM_PARTS, ARRAYS };

typedef struct {
    PyObject_HEAD
    Alphabet *alphabet;
    Py_buffer views[ARRAYS];
    int held;
    Sorted grams, vocabulary;
    const uint64_t *bitmap;
    int bitmap_shift;
    const uint32_t *bounds, *post_item, *post_position;
    const uint32_t *prompt_bounds, *prompt_tokens;
    const uint32_t *item_bounds, *item_tokens, *item_counts, *item_least;
    const uint8_t *item_parts; /* the bit of `wanted` that a text needs to be asked for the item */
    const double *item_bits;
    int sizes[MOST_SIZES], size_count;
    int windows;            /* whether a pair needs a window that could hold the item */
    double share, tokens;   /* what such a window must exceed */
    uint32_t whole_below;   /* prompts of fewer tokens are found whole only */
    Hashes tokens_out;
    Hits hits, kept;
    int32_t *ids;           /* of the row's tokens: -2 not asked yet, -1 unknown */
    size_t ids_room;
    uint32_t *stamps, stamp;
    uint32_t *gram_rows, *gram_last, row; /* rows that hold each n-gram; the last of them */
    Bytes scratch;
    Tokens tokeniser;
} Scanner;

static inline uint64_t gram_key(uint64_t hash, int n) {
    hash = (hash + (uint64_t)n * STIR) * MIX;
    return hash ^ (hash >> 32);
}

static inline int maybe(const Scanner *self, uint64_t key) {
    uint64_t word = self->bitmap[key >> self->bitmap_shift];
    return (int)(word >> (key & 63) & word >> (key >> 6 & 63) & 1);
}

static inline uint32_t prompt_size(const Scanner *self, uint32_t item) {
    return self->prompt_bounds[item + 1] - self->prompt_bounds[item];
}

/* Whether the prompt has these very tokens there, not only an n-gram of the same key. */
static int same_tokens(const Scanner *self, uint32_t item, uint32_t position, const uint64_t *tokens,
                       int n) {
    const uint32_t *theirs = self->prompt_tokens + self->prompt_bounds[item] + position;
    if (position + (uint32_t)n > prompt_size(self, item)) return 0;
    for (int k = 0; k < n; k++)
        if (self->vocabulary.keys[theirs[k]] != tokens[k]) return 0;
    return 1;
}

static int post(Scanner *self, int64_t gram, const uint64_t *tokens, int n, int32_t text, size_t at,
                uint8_t wanted) {
    uint32_t first = self->bounds[gram], last = self->bounds[gram + 1];
    if (RESERVE(&self->hits, last - first)) return -1;
    if (self->gram_last[gram] != self->row) {
        self->gram_last[gram] = self->row;
        self->gram_rows[gram]++;
    }
    for (uint32_t i = first; i < last; i++) {
        uint32_t item = self->post_item[i], position = self->post_position[i];
        if (self->item_parts[item] & wanted && same_tokens(self, item, position, tokens, n))
            self->hits.at[self->hits.size++] = (Hit){item, text, (int32_t)at, (int32_t)position};
    }
    return 0;
}

/* Every n-gram of one text. */
static int probe(Scanner *self, const uint64_t *tokens, size_t count, int n, int32_t text,
                 uint8_t wanted) {
    if (count < (size_t)n) return 0;
    uint64_t hash = 0, lead = 1;
    for (int i = 0; i < n - 1; i++) lead *= BASE;
    for (int i = 0; i < n - 1; i++) hash = hash * BASE + tokens[i];
    for (size_t i = (size_t)n - 1; i < count; i++) {
        hash = hash * BASE + tokens[i];
        uint64_t key = gram_key(hash, n);
        if (maybe(self, key)) {
            int64_t gram = find(&self->grams, key);
            if (gram >= 0 && post(self, gram, tokens + i + 1 - n, n, text, i + 1 - (size_t)n,
                                  wanted)) return -1;
        }
        hash -= tokens[i + 1 - (size_t)n] * lead;
    }
    return 0;
}

/* ---- which pairs of a row and an item are worth a look ---------------------------------------- */

static int by_item(const void *left, const void *right) {
    const Hit *a = left, *b = right;
    if (a->item != b->item) return a->item < b->item ? -1 : 1;
    if (a->text != b->text) return a->text < b->text ? -1 : 1;
    int32_t one = a->at - a->position, other = b->at - b->position;
    if (one != other) return one < other ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Whether a stretch of a text has enough of the item's tokens, in any order. */
static int enough(Scanner *self, uint32_t item, const uint64_t *tokens, int32_t *ids, int64_t begin,
                  int64_t end) {
    self->stamp++;
    for (int64_t i = begin; i < end; i++) {
        if (ids[i] == -2) ids[i] = (int32_t)find(&self->vocabulary, tokens[i]);
        if (ids[i] >= 0) self->stamps[ids[i]] = self->stamp;
    }
    double held = 0, total = 0;
    uint32_t counted = 0;
    for (uint32_t i = self->item_bounds[item]; i < self->item_bounds[item + 1]; i++) {
        total += self->item_bits[i];
        if (self->stamps[self->item_tokens[i]] != self->stamp) continue;
        held += self->item_bits[i];
        counted += self->item_counts[i];
    }
    const double slack = 1e-9; /* Python decides; this may only let too much through */
    return held > (self->share - slack) * total ||
           counted > (self->tokens - slack) * prompt_size(self, item);
}

typedef struct { size_t begin, end; } Range;

static int worth(Scanner *self, const Hit *hits, size_t count, const Range *texts) {
    uint32_t item = hits[0].item, size = prompt_size(self, item);
    if (count < self->item_least[item]) return 0;
    if (!self->windows || size < self->whole_below) return 1;
    int64_t slack = size / 4 > 8 ? size / 4 : 8;
    for (size_t first = 0, last; first < count; first = last) {
        int64_t diagonal = (int64_t)hits[first].at - hits[first].position, furthest = diagonal;
        for (last = first + 1; last < count && hits[last].text == hits[first].text; last++) {
            int64_t other = (int64_t)hits[last].at - hits[last].position;
            if (other - diagonal > 2 * slack) break;
            furthest = other;
        }
        Range text = texts[hits[first].text];
        int64_t length = (int64_t)(text.end - text.begin);
        int64_t begin = diagonal - slack > 0 ? diagonal - slack : 0;
        int64_t end = furthest + size + slack < length ? furthest + size + slack : length;
        if (enough(self, item, self->tokens_out.at + text.begin, self->ids + text.begin, begin, end))
            return 1;
    }
    return 0;
}

static int keep(Scanner *self, const Range *texts, int32_t first_text) {
    Hits *hits = &self->hits;
    if (!hits->size) return 0;
    size_t count = self->tokens_out.size;
    if (self->windows) {
        if (grow((void **)&self->ids, &self->ids_room, count, sizeof *self->ids)) return -1;
        for (size_t i = 0; i < count; i++) self->ids[i] = -2;
    }
    qsort(hits->at, hits->size, sizeof *hits->at, by_item);
    for (size_t first = 0, last; first < hits->size; first = last) {
        for (last = first + 1; last < hits->size && hits->at[last].item == hits->at[first].item; last++);
        if (!worth(self, hits->at + first, last - first, texts)) continue;
        if (RESERVE(&self->kept, last - first)) return -1;
        for (size_t i = first; i < last; i++) {
            self->kept.at[self->kept.size] = hits->at[i];
            self->kept.at[self->kept.size++].text += first_text;
        }
    }
    hits->size = 0;
    return 0;
}

/* ---- Python objects -------------------------------------------------------------------------- */

/* A string, or an object whose buffer is a JSON string with its quotes. */
typedef struct { const unsigned char *at; size_t size; Py_buffer view; int viewed; } Text;

static const char *open_text(PyObject *given, Text *text, Bytes *scratch, int *failed) {
    text->viewed = 0;
    if (PyUnicode_Check(given)) {
        Py_ssize_t size;
        text->at = (const unsigned char *)PyUnicode_AsUTF8AndSize(given, &size);
        text->size = (size_t)size;
        if (text->at) return NULL;
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) { PyErr_Clear(); return SURROGATE; }
        *failed = 1;
        return NULL;
    }
    if (PyObject_GetBuffer(given, &text->view, PyBUF_SIMPLE)) { *failed = 1; return NULL; }
    text->viewed = 1;
    text->at = text->view.buf;
    text->size = (size_t)text->view.len;
    return json_text(&text->at, &text->size, scratch, failed);
}

static void close_text(Text *text) {
    if (text->viewed) PyBuffer_Release(&text->view);
}

/* Checks that a text which is not scanned could be. */
static const char *check_utf8(const unsigned char *p, size_t size) {
    const unsigned char *end = p + size;
    uint32_t point;
    while (p < end) {
        if (end - p >= 32) {
            uint64_t high = load(p, 8) | load(p + 8, 8) | load(p + 16, 8) | load(p + 24, 8);
            if (!(high & 0x8080808080808080ULL)) { p += 32; continue; }
        }
        if (*p < 0x80) { p++; continue; }
        int length = decode(p, end, &point);
        if (!length) return BAD_UTF8;
        p += length;
    }
    return NULL;
}

/* Tokens of one text, appended.  Returns -1 on an exception; bad text sets `why`. */
static int read_text(Tokens *tokens, Bytes *scratch, PyObject *given, int wanted, const char **why) {
    Text text;
    int failed = 0;
    size_t before = tokens->out->size;
    *why = open_text(given, &text, scratch, &failed);
    if (!failed && !*why) {
        if (!wanted) *why = check_utf8(text.at, text.size);
        else if (tokenise(tokens, text.at, text.size, why) && !*why) failed = 1;
        if (*why) tokens->out->size = before;
    }
    close_text(&text);
    return failed ? -1 : 0;
}

static PyTypeObject AlphabetType;

static int Alphabet_init(Alphabet *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"classify", "fold_chunk", NULL};
    PyObject *classify, *fold_chunk;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", names, &classify, &fold_chunk)) return -1;
    Py_XSETREF(self->classify, Py_NewRef(classify));
    Py_XSETREF(self->fold_chunk, Py_NewRef(fold_chunk));
    if (!self->points) self->points = calloc(POINTS, sizeof *self->points);
    if (!self->points) { PyErr_NoMemory(); return -1; }
    self->foldings_size = 1; /* place 0 means: folds to itself */
    if (grow((void **)&self->foldings, &self->foldings_room, 1, sizeof *self->foldings)) return -1;
    for (uint32_t point = 0; point < 128; point++) {
        uint32_t found;
        if (entry(self, point, &found)) return -1;
        unsigned char byte = (unsigned char)point;
        self->ascii[point] = is_run(byte) ? WORD : (unsigned char)(found >> KIND & 3);
        self->symbols[point] = self->ascii[point] == SINGLE ? hash_bytes(&byte, 1) : 0;
    }
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

static PyObject *Alphabet_hashes(Alphabet *self, PyObject *given) {
    Hashes out = {0};
    Tokens tokens = {.alphabet = self, .out = &out};
    Bytes scratch = {0};
    const char *why = NULL;
    PyObject *result = NULL;
    if (!read_text(&tokens, &scratch, given, 1, &why)) {
        if (why) PyErr_SetString(PyExc_ValueError, why);
        else result = PyBytes_FromStringAndSize(out.at ? (char *)out.at : "", (Py_ssize_t)(out.size * 8));
    }
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
    PyObject *fast = PySequence_Fast(sizes, "sizes must be a sequence");
    if (!fast) return -1;
    self->size_count = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast) && i < MOST_SIZES; i++)
        self->sizes[self->size_count++] = (int)PyLong_AsLong(PySequence_Fast_GET_ITEM(fast, i));
    Py_DECREF(fast);
    return PyErr_Occurred() ? -1 : 0;
}

static int leading_bits(Py_ssize_t count) {
    int bits = 0;
    while ((Py_ssize_t)1 << bits < count) bits++;
    return 64 - bits;
}

static int Scanner_init(Scanner *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"alphabet", "arrays", "sizes", "windows", "share", "tokens",
                            "whole_below", NULL};
    PyObject *arrays, *sizes;
    Alphabet *alphabet;
    if (self->held) { PyErr_SetString(PyExc_RuntimeError, "already initialised"); return -1; }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!OpddI", names, &AlphabetType, &alphabet,
                                     &PyTuple_Type, &arrays, &sizes, &self->windows, &self->share,
                                     &self->tokens, &self->whole_below)) return -1;
    if (PyTuple_GET_SIZE(arrays) != ARRAYS) {
        PyErr_Format(PyExc_ValueError, "%d arrays are needed", ARRAYS);
        return -1;
    }
    for (; self->held < ARRAYS; self->held++)
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(arrays, self->held), &self->views[self->held],
                               PyBUF_C_CONTIGUOUS)) return -1;
    if (set_sizes(self, sizes)) return -1;
#define DATA(name) (self->views[name].buf)
#define COUNT(name) (self->views[name].len / self->views[name].itemsize)
    self->alphabet = (Alphabet *)Py_NewRef(alphabet);
    self->grams = (Sorted){DATA(GRAMS), DATA(GRAM_BUCKETS), leading_bits(COUNT(GRAM_BUCKETS) - 1)};
    self->vocabulary = (Sorted){DATA(VOCABULARY), DATA(VOCABULARY_BUCKETS),
                                leading_bits(COUNT(VOCABULARY_BUCKETS) - 1)};
    self->bitmap = DATA(BITMAP);
    self->bitmap_shift = leading_bits(COUNT(BITMAP));
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
    self->stamps = calloc((size_t)COUNT(VOCABULARY) + 1, sizeof *self->stamps);
    self->gram_rows = calloc((size_t)COUNT(GRAMS) + 1, sizeof *self->gram_rows);
    self->gram_last = calloc((size_t)COUNT(GRAMS) + 1, sizeof *self->gram_last);
    if (!self->stamps || !self->gram_rows || !self->gram_last) { PyErr_NoMemory(); return -1; }
    self->tokeniser.alphabet = alphabet;
    self->tokeniser.out = &self->tokens_out;
    return 0;
}

static void Scanner_dealloc(Scanner *self) {
    while (self->held) PyBuffer_Release(&self->views[--self->held]);
    Py_XDECREF(self->alphabet);
    free(self->tokens_out.at);
    free(self->hits.at);
    free(self->kept.at);
    free(self->ids);
    free(self->stamps);
    free(self->gram_rows);
    free(self->gram_last);
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
static int scan_row(Scanner *self, PyObject *texts, const char *wanted, Py_ssize_t first,
                    Py_ssize_t end, PyObject *bad) {
    Range *ranges = malloc((size_t)(end - first + 1) * sizeof *ranges);
    if (!ranges) { PyErr_NoMemory(); return -1; }
    int failed = 0, rotten = 0;
    self->tokens_out.size = self->hits.size = 0;
    self->row++;
    for (Py_ssize_t i = first; i < end && !failed; i++) {
        const char *why;
        ranges[i - first].begin = self->tokens_out.size;
        failed = read_text(&self->tokeniser, &self->scratch, PyList_GET_ITEM(texts, i), wanted[i], &why);
        ranges[i - first].end = self->tokens_out.size;
        if (!failed && why) { rotten = 1; failed = report(bad, i, why); }
    }
    for (Py_ssize_t i = 0; i < end - first && !failed && !rotten; i++) {
        Range range = ranges[i];
        for (int k = 0; k < self->size_count && !failed; k++)
            failed = probe(self, self->tokens_out.at + range.begin, range.end - range.begin,
                           self->sizes[k], (int32_t)i, (uint8_t)wanted[first + i]);
    }
    if (!failed && !rotten) failed = keep(self, ranges, (int32_t)first);
    free(ranges);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(scan_doc,
    "scan(texts, wanted, ends, /)\n--\n\nFind the n-grams that rows share with items.\n\nArgs:\n"
    "    texts: List of the rows' texts: `str`, or a buffer that holds a JSON string.\n"
    "    wanted: One byte a text: the parts of items looked for in it; 0 where it is only checked.\n"
    "    ends: For each row the end of its texts.\n\nReturns:\n"
    "    Hits of the pairs worth a look as int32 (item, text, at, position) in bytes, and the texts\n"
    "    that cannot be read as (text, reason).");

static PyObject *Scanner_scan(Scanner *self, PyObject *args) {
    PyObject *texts, *ends, *bad = NULL, *result = NULL;
    const char *wanted;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "O!y#O!", &PyList_Type, &texts, &wanted, &count, &PyList_Type, &ends))
        return NULL;
    if (count != PyList_GET_SIZE(texts)) {
        PyErr_SetString(PyExc_ValueError, "texts and wanted differ in length");
        return NULL;
    }
    if (!(bad = PyList_New(0))) return NULL;
    self->kept.size = 0;
    Py_ssize_t first = 0;
    for (Py_ssize_t row = 0; row < PyList_GET_SIZE(ends); row++) {
        Py_ssize_t end = PyLong_AsSsize_t(PyList_GET_ITEM(ends, row));
        if (end < first || end > count) {
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "ends must ascend");
            goto done;
        }
        if (scan_row(self, texts, wanted, first, end, bad)) goto done;
        first = end;
    }
    result = Py_BuildValue("(y#O)", self->kept.at ? (char *)self->kept.at : "",
                           (Py_ssize_t)(self->kept.size * sizeof *self->kept.at), bad);
done:
    Py_XDECREF(bad);
    return result;
}

PyDoc_STRVAR(read_doc,
    "read(text, /)\n--\n\nWhere each token of a text stands, and which it is.\n\nReturns:\n"
    "    int32 places of the tokens in the index's vocabulary (-1 where it has none), and uint64 pairs\n"
    "    of where each begins and ends in the text's UTF-8, both in bytes.");

static PyObject *Scanner_read(Scanner *self, PyObject *given) {
    Spans spans = {0};
    PyObject *ids = NULL, *result = NULL;
    const char *why = NULL;
    self->tokens_out.size = 0;
    self->tokeniser.spans = &spans;
    int failed = read_text(&self->tokeniser, &self->scratch, given, 1, &why);
    self->tokeniser.spans = NULL;
    if (!failed && why) PyErr_SetString(PyExc_ValueError, why);
    if (!failed && !why)
        ids = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(self->tokens_out.size * 4));
    if (ids) {
        int32_t *to = (int32_t *)PyBytes_AS_STRING(ids);
        for (size_t i = 0; i < self->tokens_out.size; i++)
            to[i] = (int32_t)find(&self->vocabulary, self->tokens_out.at[i]);
        result = Py_BuildValue("(Ny#)", ids, spans.at ? (char *)spans.at : "",
                               (Py_ssize_t)(spans.size * sizeof(Span)));
    }
    free(spans.at);
    return result;
}

PyDoc_STRVAR(gram_rows_doc, "gram_rows()\n--\n\nIn how many rows each indexed n-gram stood since "
                            "the last call, as uint32 in bytes.");

static PyObject *Scanner_gram_rows(Scanner *self, PyObject *none) {
    (void)none;
    size_t size = (size_t)COUNT(GRAMS) * sizeof *self->gram_rows;
    PyObject *result = PyBytes_FromStringAndSize((char *)self->gram_rows, (Py_ssize_t)size);
    if (result) memset(self->gram_rows, 0, size);
    return result;
}

static PyMethodDef Scanner_methods[] = {{"scan", (PyCFunction)Scanner_scan, METH_VARARGS, scan_doc},
                                        {"read", (PyCFunction)Scanner_read, METH_O, read_doc},
                                        {"gram_rows", (PyCFunction)Scanner_gram_rows, METH_NOARGS,
                                         gram_rows_doc},
                                        {NULL, NULL, 0, NULL}};

PyDoc_STRVAR(scanner_doc,
    "Scanner(alphabet, arrays, sizes, windows, share, tokens, whole_below)\n--\n\n"
    "Looks texts up in an index.  `decontam.index` makes the arrays and says what they are.");

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
    const uint64_t *tokens = view.buf;
    Py_ssize_t count = view.len / 8 - n + 1;
    PyObject *result = PyBytes_FromStringAndSize(NULL, count > 0 ? count * 8 : 0);
    for (Py_ssize_t i = 0; result && i < count; i++) {
        uint64_t hash = 0;
        for (int k = 0; k < n; k++) hash = hash * BASE + tokens[i + k];
        ((uint64_t *)PyBytes_AS_STRING(result))[i] = gram_key(hash, n);
    }
    PyBuffer_Release(&view);
    return result;
}

PyDoc_STRVAR(all_utf8_doc, "all_utf8(records, /)\n--\n\nWhether every one of a list of bytes is valid "
                           "UTF-8.");

static PyObject *all_utf8(PyObject *module, PyObject *records) {
    (void)module;
    if (!PyList_Check(records)) {
        PyErr_SetString(PyExc_TypeError, "records must be a list");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(records); i++) {
        char *data;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(PyList_GET_ITEM(records, i), &data, &size)) return NULL;
        if (check_utf8((unsigned char *)data, (size_t)size)) Py_RETURN_FALSE;
    }
    Py_RETURN_TRUE;
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

/* Whether a buffer is a JSON string that surely says something. */
static int says_something(PyObject *given, int *text) {
    if (PyUnicode_Check(given)) return *text = 1;
    Py_buffer view;
    if (PyObject_GetBuffer(given, &view, PyBUF_SIMPLE)) return -1;
    const unsigned char *p = view.buf, *end = p + view.len;
    *text = view.len >= 2 && *p == '"';
    int sure = 0;
    if (*text) {
        for (p++; p < end && (*p == ' ' || (*p == '\\' && p[1] && strchr("ntrfb", p[1]))); p++)
            p += *p == '\\';
        /* A short text that begins beyond ASCII may be blank, and so may one that escapes. */
        sure = p < end && *p != '"' && ((*p < 0x80 && *p != '\\') || view.len >= 64);
    }
    PyBuffer_Release(&view);
    return sure;
}

PyDoc_STRVAR(doubtful_doc,
    "doubtful(texts, asked, ends, /)\n--\n\nThe rows that must be read with more care: with a text\n"
    "that is no JSON string, or none that is asked for prompts (bit 1) and surely says something.");

static PyObject *doubtful(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *texts, *ends, *found;
    const char *asked;
    Py_ssize_t count, first = 0;
    if (!PyArg_ParseTuple(args, "O!y#O!", &PyList_Type, &texts, &asked, &count, &PyList_Type, &ends))
        return NULL;
    if (count != PyList_GET_SIZE(texts)) {
        PyErr_SetString(PyExc_ValueError, "texts and asked differ in length");
        return NULL;
    }
    if (!(found = PyList_New(0))) return NULL;
    for (Py_ssize_t row = 0; row < PyList_GET_SIZE(ends); row++) {
        Py_ssize_t end = PyLong_AsSsize_t(PyList_GET_ITEM(ends, row));
        int says = 0, all_text = 1;
        for (; first < end && first < count; first++) {
            int text = 0, sure = says_something(PyList_GET_ITEM(texts, first), &text);
            if (sure < 0) { Py_DECREF(found); return NULL; }
            all_text &= text;
            says |= sure && asked[first] & 1;
        }
        if (says && all_text) continue;
        PyObject *place = PyLong_FromSsize_t(row);
        int failed = !place || PyList_Append(found, place);
        Py_XDECREF(place);
        if (failed) { Py_DECREF(found); return NULL; }
    }
    return found;
}

static PyMethodDef functions[] = {{"separators", separators, METH_O, separators_doc},
                                  {"doubtful", doubtful, METH_VARARGS, doubtful_doc},
                                  {"all_utf8", all_utf8, METH_O, all_utf8_doc},
                                  {"gram_keys", gram_keys, METH_VARARGS, gram_keys_doc},
                                  {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "decontam.text._scanner",
    .m_doc = "Text -> tokens -> n-grams that benchmark items hold.", .m_size = -1,
    .m_methods = functions};

PyMODINIT_FUNC PyInit__scanner(void) {
    PyObject *made = PyModule_Create(&module);
    if (!made || PyModule_AddType(made, &AlphabetType) || PyModule_AddType(made, &ScannerType)) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
