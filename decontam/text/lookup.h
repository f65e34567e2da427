/* Token hashes -> the n-grams that items hold, and the pairs worth a look. */

#pragma once
#include "tokens.h"

#define BASE 0xC2B2AE3D27D4EB4FULL
#define MOST_SIZES 64
#define PART 3

/* Sorted keys, found through the table of where each run of leading bits begins. */
typedef struct { const uint64_t *keys; const uint32_t *buckets; int shift; } Sorted;

static inline int64_t find(const Sorted *self, uint64_t key) {
    uint64_t bucket = key >> self->shift;
    for (uint32_t i = self->buckets[bucket]; i < self->buckets[bucket + 1]; i++)
        if (self->keys[i] == key) return i;
    return -1;
}

enum { GRAMS, GRAM_BUCKETS, BITMAP, PART_BITMAP, BOUNDS, POST_ITEM, POST_POSITION, VOCABULARY, VOCABULARY_BUCKETS,
       PROMPT_BOUNDS, PROMPT_TOKENS, ITEM_BOUNDS, ITEM_TOKENS, ITEM_BITS, ITEM_COUNTS, ITEM_LEAST,
       ITEM_PARTS, ITEM_SIZES, ARRAYS };

typedef struct { uint32_t item; int32_t text, at, position; } Hit;
typedef struct { Hit *at; size_t size, room; } Hits;

typedef struct {
    PyObject_HEAD
    Alphabet *alphabet;
    Py_buffer views[ARRAYS];
    int held, busy;
    Sorted grams, vocabulary;
    const uint64_t *bitmap, *part_bitmap; /* Bloom filters of n-grams, and of `PART`-grams in them */
    int bitmap_shift, part_shift;
    const uint32_t *bounds, *post_item, *post_position;
    const uint32_t *prompt_bounds, *prompt_tokens;
    const uint32_t *item_bounds, *item_tokens, *item_counts, *item_least;
    const uint32_t *item_sizes; /* n of the n-grams by which each is looked up */
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
    hash ^= hash >> 32;
#if defined(WEAK_KEYS) /* for a test that collisions abound in, and must change nothing */
    hash &= WEAK_KEYS;
#endif
    return hash;
}

static inline int maybe(const uint64_t *bitmap, int shift, uint64_t key) {
    uint64_t word = bitmap[key >> shift];
    return (int)(word >> (key & 63) & word >> (key >> 6 & 63) & 1);
}

static inline uint64_t key_at(const uint64_t *tokens, int n) {
    uint64_t hash = 0;
    for (int k = 0; k < n; k++) hash = hash * BASE + tokens[k];
    return gram_key(hash, n);
}

static inline uint32_t prompt_size(const Scanner *self, uint32_t item) {
    return self->prompt_bounds[item + 1] - self->prompt_bounds[item];
}

/* Whether the prompt has these very tokens there, not only an n-gram of the same key. */
static int same_tokens(const Scanner *self, uint32_t item, uint32_t position, const uint64_t *tokens,
                       int n) {
    if ((uint64_t)position + (uint64_t)n > prompt_size(self, item)) return 0;
    const uint32_t *theirs = self->prompt_tokens + self->prompt_bounds[item] + position;
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
        if (self->item_parts[item] & wanted && self->item_sizes[item] == (uint32_t)n &&
            same_tokens(self, item, position, tokens, n))
            self->hits.at[self->hits.size++] = (Hit){item, text, (int32_t)at, (int32_t)position};
    }
    return 0;
}

/* Every n-gram of one text.  The last `PART` tokens of a window are looked at first: if no entry has
   them in a row, no window that holds them all can be an n-gram of one, so the next `n - PART`
   windows need no look (after Horspool 1980, Software: Practice and Experience 10, 501). */
static int probe(Scanner *self, const uint64_t *tokens, size_t count, int n, int32_t text,
                 uint8_t wanted) {
    const int part = n < PART ? n : PART;
    for (size_t i = 0; i + (size_t)n <= count;) {
        size_t last = i + (size_t)(n - part);
        if (!maybe(self->part_bitmap, self->part_shift, key_at(tokens + last, part))) {
            i = last + 1;
            continue;
        }
        uint64_t key = key_at(tokens + i, n);
        if (maybe(self->bitmap, self->bitmap_shift, key)) {
            int64_t gram = find(&self->grams, key);
            if (gram >= 0 && post(self, gram, tokens + i, n, text, i, wanted)) return -1;
        }
        i++;
    }
    return 0;
}

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
