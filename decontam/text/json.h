/* UTF-8, and the strings of JSON. */

#pragma once
#include "arrays.h"

static inline uint64_t load(const unsigned char *p, size_t count) {
    uint64_t word = 0;
    memcpy(&word, p, count);
    return word;
}

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

/* Whether bytes are UTF-8: NULL, or what is wrong. */
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
