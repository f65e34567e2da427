/* Token hashes -> the n-grams that items hold, and the pairs worth a look. */

#pragma once
#include "tokens.h"

#define BASE 0xC2B2AE3D27D4EB4FULL
#define MOST_SIZES 64
#define PART 3
#define MARKS 64 /* bits of a word */

/* Sorted keys, found through the table of where each run of leading bits begins. */
typedef struct { const uint64_t *keys; const uint32_t *buckets; int shift; } Sorted;

static inline int64_t find(const Sorted *self, uint64_t key) {
    uint64_t bucket = key >> self->shift;
    for (uint32_t i = self->buckets[bucket]; i < self->buckets[bucket + 1]; i++)
        if (self->keys[i] == key) return i;
    return -1;
}

enum { GRAMS, GRAM_BUCKETS, BITMAP, PART_BITMAP, SHORT_BITMAP, BOUNDS, POST_ITEM, POST_POSITION,
       VOCABULARY, VOCABULARY_BUCKETS, PROMPT_BOUNDS, PROMPT_TOKENS, ITEM_BOUNDS, ITEM_TOKENS,
       ITEM_BITS, ITEM_COUNTS, ITEM_LEAST, ITEM_PARTS, ITEM_MATCH_N, ITEM_TOTALS, ITEM_SIZES, ARRAYS };

typedef struct { uint32_t item; int32_t text, at, position; } Hit;
typedef struct { Hit *at; size_t size, room; } Hits;
typedef struct { uint32_t row, at; uint8_t n, wanted; } Met; /* where a row first holds an n-gram */

typedef struct {
    PyObject_HEAD
    Alphabet *alphabet;
    Py_buffer views[ARRAYS];
    int held, busy;
    Sorted grams, vocabulary;
    const uint64_t *bitmap, *part_bitmap, *short_bitmap; /* Bloom filters of n-grams, of the
                                   `PART`-grams in longer ones, of the begins of the others */
    int bitmap_shift, part_shift, short_shift;
    const uint32_t *bounds, *post_item, *post_position;
    const uint32_t *prompt_bounds, *prompt_tokens;
    const uint32_t *item_bounds, *item_tokens, *item_counts, *item_least;
    const uint32_t *item_match_n; /* n of the n-grams by which a token-match is measured */
    const uint32_t *item_sizes; /* n of the n-grams by which each is looked up */
    const uint8_t *item_parts; /* the bit of `wanted` that a text needs to be asked for the item */
    const double *item_bits, *item_totals;
    int sizes[MOST_SIZES], size_count;
    int windows;            /* whether a pair needs a window that could hold the item */
    double share, tokens;   /* what such a window must exceed */
    uint32_t whole_below;   /* prompts of fewer tokens are found whole only */
    int once;               /* whether a row's hits are those of the first place of each n-gram */
    Hashes tokens_out;
    Spans spans;            /* where the tokens stand, for `read` */
    Hashes known;           /* of a text, a bit each: which begins or parts of windows are known */
    Hits hits, kept;
    Hashes seen;            /* a hash set of n-gram keys; 0 is empty */
    uint32_t *gram_rows, row; /* rows that hold each n-gram */
    Met *met;               /* of each n-gram, in the last of its rows */
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

/* Whether the row has these tokens, not only an n-gram of the same key, where it was met last, in a
   text that was asked for as much. */
static int known(const Scanner *self, const Met *met, const uint64_t *tokens, int n, uint8_t wanted) {
    return met->n == n && !(wanted & ~met->wanted) &&
           !memcmp(self->tokens_out.at + met->at, tokens, (size_t)n * sizeof *tokens);
}

static int post(Scanner *self, int64_t gram, const uint64_t *tokens, int n, int32_t text, size_t at,
                uint8_t wanted) {
    uint32_t first = self->bounds[gram], last = self->bounds[gram + 1];
    if (RESERVE(&self->hits, last - first)) return -1;
    if (self->met[gram].row != self->row) self->gram_rows[gram]++;
    else if (self->once && known(self, self->met + gram, tokens, n, wanted)) return 0;
    uint32_t place = (uint32_t)(tokens - self->tokens_out.at);
    self->met[gram] = (Met){self->row, place, (uint8_t)n, wanted};
    for (uint32_t i = first; i < last; i++) {
        uint32_t item = self->post_item[i], position = self->post_position[i];
        if (self->item_parts[item] & wanted && self->item_sizes[item] == (uint32_t)n &&
            same_tokens(self, item, position, tokens, n))
            self->hits.at[self->hits.size++] = (Hit){item, text, (int32_t)at, (int32_t)position};
    }
    return 0;
}

/* Windows of a text that are looked up together, so that the memory they need arrives together. */
enum { TOGETHER = 32 };
typedef struct { uint64_t keys[TOGETHER]; size_t places[TOGETHER]; int size; } Windows;

static int look_up(Scanner *self, Windows *windows, const uint64_t *tokens, int n, int32_t text,
                   uint8_t wanted) {
    for (int i = 0; i < windows->size; i++) {
        uint64_t key = windows->keys[i];
        size_t at = windows->places[i];
        if (!maybe(self->bitmap, self->bitmap_shift, key)) continue;
        int64_t gram = find(&self->grams, key);
        if (gram >= 0 && post(self, gram, tokens + at, n, text, at, wanted)) return -1;
    }
    windows->size = 0;
    return 0;
}

static inline int queue(Scanner *self, Windows *windows, const uint64_t *tokens, size_t at, int n,
                        int32_t text, uint8_t wanted) {
    uint64_t key = key_at(tokens + at, n);
    __builtin_prefetch(self->bitmap + (key >> self->bitmap_shift));
    windows->keys[windows->size] = key;
    windows->places[windows->size++] = at;
    return windows->size == TOGETHER ? look_up(self, windows, tokens, n, text, wanted) : 0;
}

/* Which n-grams of a text a filter may know, a bit each.  The memory of a word's answers is asked for
   before one of them is looked at, so that it arrives together. */
static inline void sift(const uint64_t *filter, int shift, const uint64_t *tokens, size_t windows,
                        int n, uint64_t *known) {
    uint64_t keys[MARKS];
    for (size_t from = 0; from < windows; from += MARKS) {
        size_t size = windows - from < MARKS ? windows - from : MARKS;
        for (size_t i = 0; i < size; i++) {
            keys[i] = key_at(tokens + from + i, n);
            __builtin_prefetch(filter + (keys[i] >> shift));
        }
        uint64_t word = 0;
        for (size_t i = 0; i < size; i++) word |= (uint64_t)maybe(filter, shift, keys[i]) << i;
        known[from / MARKS] = word;
    }
}

/* The windows of n tokens that begin in a word of marks, and of which every `PART`-gram is known. */
static inline uint64_t whole_windows(const uint64_t *parts, size_t word, int n) {
    uint64_t all = parts[word];
    for (int k = 1; k <= n - PART && all; k++)
        all &= parts[word] >> k | parts[word + 1] << (MARKS - k);
    return all;
}

/* Looks up the windows that may be n-grams of an entry: of the longer ones, those of which all parts
   are known; of the others, those whose begin is. */
static int ask_marked(Scanner *self, const uint64_t *tokens, const uint64_t *known, size_t windows,
                      int n, int32_t text, uint8_t wanted) {
    Windows held = {.size = 0};
    for (size_t from = 0; from < windows; from += MARKS) {
        uint64_t marked = n > PART ? whole_windows(known, from / MARKS, n) : known[from / MARKS];
        for (; marked; marked &= marked - 1) {
            size_t at = from + (size_t)__builtin_ctzll(marked);
            if (at < windows && queue(self, &held, tokens, at, n, text, wanted)) return -1;
        }
    }
    return look_up(self, &held, tokens, n, text, wanted);
}

/* Every n-gram of one text. */
static int probe(Scanner *self, const uint64_t *tokens, size_t count, int32_t text, uint8_t wanted) {
    uint64_t *known = self->known.at;
    int sifted = 0; /* for n-grams that begin with so many tokens */
    for (int k = 0; k < self->size_count; k++) {
        int n = self->sizes[k], begin = n > PART ? PART : n > 1 ? 2 : 1;
        if ((size_t)n > count) break;
        if (begin != sifted) {
            size_t windows = count - (size_t)begin + 1;
            memset(known, 0, (windows / MARKS + 2) * sizeof *known);
            if (begin == 1) sift(self->short_bitmap, self->short_shift, tokens, windows, 1, known);
            else if (begin == 2) sift(self->short_bitmap, self->short_shift, tokens, windows, 2, known);
            else sift(self->part_bitmap, self->part_shift, tokens, windows, PART, known);
            sifted = begin;
        }
        if (ask_marked(self, tokens, known, count - (size_t)n + 1, n, text, wanted)) return -1;
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

/* Puts the n-grams of a stretch into the set. */
static int gather(Scanner *self, const uint64_t *tokens, size_t count, int n) {
    size_t room = 64;
    while (room < 2 * count) room *= 2;
    if (grow((void **)&self->seen.at, &self->seen.room, room, sizeof *self->seen.at)) return -1;
    self->seen.size = room;
    memset(self->seen.at, 0, room * sizeof *self->seen.at);
    for (size_t i = 0; i + (size_t)n <= count; i++) {
        uint64_t key = key_at(tokens + i, n) | 1;
        size_t slot = key >> 32 & (room - 1);
        while (self->seen.at[slot] && self->seen.at[slot] != key) slot = (slot + 1) & (room - 1);
        self->seen.at[slot] = key;
    }
    return 0;
}

static int gathered(const Scanner *self, uint64_t key) {
    size_t slot = (key |= 1) >> 32 & (self->seen.size - 1);
    while (self->seen.at[slot] && self->seen.at[slot] != key) slot = (slot + 1) & (self->seen.size - 1);
    return self->seen.at[slot] == key;
}

/* How many tokens of an item lie in n-grams that a stretch shares, or -1. */
static int64_t token_match(Scanner *self, uint32_t item, const uint64_t *tokens, size_t count) {
    int n = (int)self->item_match_n[item];
    const uint32_t *ids = self->prompt_tokens + self->prompt_bounds[item];
    size_t size = prompt_size(self, item), covered = 0, until = 0;
    if (n < 1) return 0;
    if (gather(self, tokens, count, n)) return -1;
    for (size_t i = 0; i + (size_t)n <= size; i++) {
        uint64_t hash = 0;
        for (int k = 0; k < n; k++) hash = hash * BASE + self->vocabulary.keys[ids[i + (size_t)k]];
        if (!gathered(self, gram_key(hash, n))) continue;
        size_t end = i + (size_t)n;
        covered += end - (until > i ? until : i);
        until = end;
    }
    return (int64_t)covered;
}

#define SKETCH 64 /* words of 64 bits */

/* Whether the tokens of a stretch could be enough, by one bit for each of them: most stretches are
   told here that they are not.  The tokens of an item that say most come first. */
static int possible(const Scanner *self, uint32_t item, const uint64_t *tokens, size_t count) {
    uint64_t sketch[SKETCH] = {0};
    for (size_t i = 0; i < count; i++) sketch[tokens[i] >> 58] |= 1ULL << (tokens[i] >> 52 & 63);
    double missing = 0, most = (1 - self->share) * self->item_totals[item] * (1 + 1e-9) + 1e-9;
    double absent = 0, most_absent = (1 - self->tokens + 1e-9) * prompt_size(self, item);
    for (uint32_t i = self->item_bounds[item]; i < self->item_bounds[item + 1]; i++) {
        uint64_t hash = self->vocabulary.keys[self->item_tokens[i]];
        if (sketch[hash >> 58] >> (hash >> 52 & 63) & 1) continue;
        missing += self->item_bits[i];
        absent += self->item_counts[i];
        if (missing > most && absent > most_absent) return 0;
    }
    return 1;
}

/* Whether a stretch of a text could hold the item: by the information of its tokens, in any order,
   or by its token-match.  Returns -1 on an exception. */
static int enough(Scanner *self, uint32_t item, const uint64_t *tokens, size_t count) {
    if (!possible(self, item, tokens, count)) return 0;
    if (gather(self, tokens, count, 1)) return -1;
    double held = 0, size = prompt_size(self, item);
    uint32_t counted = 0;
    for (uint32_t i = self->item_bounds[item]; i < self->item_bounds[item + 1]; i++) {
        if (!gathered(self, key_at(self->vocabulary.keys + self->item_tokens[i], 1))) continue;
        held += self->item_bits[i];
        counted += self->item_counts[i];
    }
    const double slack = 1e-9; /* Python decides; this may only let too much through */
    if (held > (self->share - slack) * self->item_totals[item]) return 1;
    if (counted / size <= self->tokens) return 0; /* whole tokens: the same number in Python */
    int64_t matched = token_match(self, item, tokens, count);
    return matched < 0 ? -1 : (double)matched / size > self->tokens;
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
        int found = enough(self, item, self->tokens_out.at + text.begin + begin, (size_t)(end - begin));
        if (found) return found;
    }
    return 0;
}

static int keep(Scanner *self, const Range *texts, int32_t first_text) {
    Hits *hits = &self->hits;
    if (!hits->size) return 0;
    qsort(hits->at, hits->size, sizeof *hits->at, by_item);
    for (size_t first = 0, last; first < hits->size; first = last) {
        for (last = first + 1; last < hits->size && hits->at[last].item == hits->at[first].item; last++);
        int found = worth(self, hits->at + first, last - first, texts);
        if (found < 0) return -1;
        if (!found) continue;
        if (RESERVE(&self->kept, last - first)) return -1;
        for (size_t i = first; i < last; i++) {
            self->kept.at[self->kept.size] = hits->at[i];
            self->kept.at[self->kept.size++].text += first_text;
        }
    }
    hits->size = 0;
    return 0;
}
