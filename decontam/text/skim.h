/* Lines of JSON -> where the texts of rows of the usual shapes stand.

   A line is skimmed only if it is plainly one JSON object of such a shape; every other line is left
   to Python, whose parser decides what JSON is.  So this may be strict, and must never accept what
   that parser refuses: a property test holds the two together. */

#pragma once
#include "tokens.h"

#define DEEPEST 64
#define LONGEST_NUMBER 512

typedef struct {
    const unsigned char *data;
    Spans texts, lines;   /* the texts with their quotes */
    Bytes asked;          /* one byte a text */
    Ints ends;            /* for each row the end of its texts */
    PyObject *careful;    /* rows that are left to Python */
    PyObject *roles;      /* ((role, what its turns are asked for), ...) */
    int user, assistant, either;
} Skim;

static const unsigned char *skip_space(const unsigned char *p, const unsigned char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) p++;
    return p;
}

/* From an opening quote to behind the closing one, or NULL. */
static const unsigned char *skip_string(const unsigned char *p, const unsigned char *end) {
    const unsigned char *begin = ++p;
    int high = 0;
    while (p < end) {
#if defined(__SSE2__)
        if (end - p >= 16) {
            __m128i c = _mm_loadu_si128((const __m128i *)p);
            __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8('"')),
                                        _mm_cmpeq_epi8(c, _mm_set1_epi8('\\')));
            /* Bytes below 0x20: adding 0x60 as unsigned saturation tells them from the rest. */
            stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(c, _mm_set1_epi8(0x1F)), c));
            int at = _mm_movemask_epi8(stop);
            high |= _mm_movemask_epi8(c);
            if (!at) { p += 16; continue; }
            p += __builtin_ctz((unsigned)at);
        }
#endif
        if (*p == '"') return high && check_utf8(begin, (size_t)(p - begin)) ? NULL : p + 1;
        if (*p < 0x20) return NULL;
        if (*p == '\\') {
            uint32_t point;
            const char *why;
            int length = unescape(p, end, &point, &why);
            if (!length) return NULL;
            p += length;
            continue;
        }
        high |= *p++ & 0x80;
    }
    return NULL;
}

static const unsigned char *skip_digits(const unsigned char *p, const unsigned char *end) {
    const unsigned char *begin = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p == begin ? NULL : p;
}

static const unsigned char *skip_number(const unsigned char *p, const unsigned char *end) {
    p += *p == '-';
    const unsigned char *begin = p;
    if (!(p = skip_digits(p, end)) || (*begin == '0' && p - begin > 1)) return NULL;
    if (p < end && *p == '.' && !(p = skip_digits(p + 1, end))) return NULL;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        return skip_digits(p, end);
    }
    return p;
}

/* Python refuses to read integers of thousands of digits. */
static const unsigned char *skip_short_number(const unsigned char *p, const unsigned char *end) {
    const unsigned char *after = skip_number(p, end);
    return after && after - p <= LONGEST_NUMBER ? after : NULL;
}

static const unsigned char *skip_word(const unsigned char *p, const unsigned char *end,
                                      const char *word) {
    size_t size = strlen(word);
    return (size_t)(end - p) >= size && !memcmp(p, word, size) ? p + size : NULL;
}

static const unsigned char *skip_value(const unsigned char *p, const unsigned char *end, int depth);

/* The members of an object or the elements of an array, from behind the bracket. */
static const unsigned char *skip_members(const unsigned char *p, const unsigned char *end, int depth,
                                         unsigned char close) {
    p = skip_space(p, end);
    if (p < end && *p == close) return p + 1;
    while (p < end) {
        if (close == '}') {
            if (*p != '"' || !(p = skip_string(p, end))) return NULL;
            p = skip_space(p, end);
            if (p >= end || *p++ != ':') return NULL;
        }
        if (!(p = skip_value(p, end, depth + 1))) return NULL;
        p = skip_space(p, end);
        if (p < end && *p == close) return p + 1;
        if (p >= end || *p++ != ',') return NULL;
        p = skip_space(p, end);
    }
    return NULL;
}

static const unsigned char *skip_value(const unsigned char *p, const unsigned char *end, int depth) {
    p = skip_space(p, end);
    if (p >= end || depth > DEEPEST) return NULL;
    switch (*p) {
    case '"': return skip_string(p, end);
    case '{': return skip_members(p + 1, end, depth, '}');
    case '[': return skip_members(p + 1, end, depth, ']');
    case 't': return skip_word(p, end, "true");
    case 'f': return skip_word(p, end, "false");
    case 'n': return skip_word(p, end, "null");
    default: return *p == '-' || (*p >= '0' && *p <= '9') ? skip_short_number(p, end) : NULL;
    }
}

enum { MESSAGES = 1, TEXT = 2, PROMPT = 4, RESPONSE = 8, ODD = 16 };

static const struct { const char *name; int flag; } KEYS[] = {
    {"messages", MESSAGES}, {"text", TEXT}, {"prompt", PROMPT}, {"response", RESPONSE},
    {"completion", ODD}, {"chosen", ODD}, {"rejected", ODD}, {"instruction", ODD},
    {"conversations", ODD}};

static int named(const unsigned char *key, const unsigned char *end, const char *name) {
    size_t size = strlen(name);
    return (size_t)(end - key) == size && !memcmp(key, name, size);
}

/* What a key says: a flag, 0 for one that does not matter, -1 for one that must be unescaped. */
static int key_flag(const unsigned char *key, const unsigned char *end) {
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        if (named(key, end, KEYS[i].name)) return KEYS[i].flag;
    return memchr(key, '\\', (size_t)(end - key)) ? -1 : 0;
}

static int role_mask(const Skim *self, const unsigned char *role, const unsigned char *end) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->roles); i++) {
        PyObject *pair = PyTuple_GET_ITEM(self->roles, i);
        if (named(role, end, PyBytes_AS_STRING(PyTuple_GET_ITEM(pair, 0))))
            return (int)PyLong_AsLong(PyTuple_GET_ITEM(pair, 1));
    }
    return -1;
}

/* Whether a JSON string with its quotes says something but white space. */
static int says(const unsigned char *p, const unsigned char *end) {
    const char *why;
    uint32_t point;
    for (p++, end--; p < end;) {
        int length = *p == '\\' ? unescape(p, end, &point, &why) : decode(p, end, &point);
        if (!length || !Py_UNICODE_ISSPACE(point)) return length > 0;
        p += length;
    }
    return 0;
}

typedef struct { const unsigned char *begin, *end; int asked; } Turn;

static int add_turn(Skim *self, Turn turn) {
    if (RESERVE(&self->texts, 1) || RESERVE(&self->asked, 1)) return -1;
    self->texts.at[self->texts.size++] = (Span){(uint64_t)(turn.begin - self->data), (uint64_t)(turn.end - self->data)};
    self->asked.at[self->asked.size++] = (char)turn.asked;
    return turn.asked & 1 && says(turn.begin, turn.end);
}

/* One message; returns behind it, or NULL where it is left to Python (or memory ran out). */
static const unsigned char *message(Skim *self, const unsigned char *p, const unsigned char *end,
                                    int *said) {
    Turn turn = {NULL, NULL, -1};
    if (p >= end || *p++ != '{') return NULL;
    for (p = skip_space(p, end); p < end; p = skip_space(p, end)) {
        const unsigned char *key = p + 1;
        if (*p != '"' || !(p = skip_string(p, end))) return NULL;
        const unsigned char *key_end = p - 1;
        p = skip_space(p, end);
        if (p >= end || *p++ != ':') return NULL;
        const unsigned char *value = p = skip_space(p, end);
        if (p >= end || !(p = skip_value(p, end, 3))) return NULL;
        if (named(key, key_end, "role")) {
            if (turn.asked >= 0 || *value != '"') return NULL;
            if ((turn.asked = role_mask(self, value + 1, p - 1)) < 0) return NULL;
        } else if (named(key, key_end, "content")) {
            if (turn.begin || *value != '"') return NULL;
            turn.begin = value;
            turn.end = p;
        } else if (memchr(key, '\\', (size_t)(key_end - key))) return NULL;
        p = skip_space(p, end);
        if (p < end && *p == '}') {
            if (!turn.begin || turn.asked < 0) return NULL;
            int sure = add_turn(self, turn);
            *said |= sure;
            return sure < 0 ? NULL : p + 1;
        }
        if (p >= end || *p++ != ',') return NULL;
    }
    return NULL;
}

static const unsigned char *messages(Skim *self, const unsigned char *p, const unsigned char *end,
                                     int *said) {
    if (p >= end || *p++ != '[') return NULL;
    while (p < end) {
        p = skip_space(p, end);
        if (!(p = message(self, p, end, said))) return NULL;
        p = skip_space(p, end);
        if (p < end && *p == ']') return p + 1;
        if (p >= end || *p++ != ',') return NULL;
    }
    return NULL;
}

/* One row; returns whether it could be skimmed. */
static int skim_row(Skim *self, const unsigned char *p, const unsigned char *end) {
    Turn text = {NULL, NULL, self->either}, prompt = {NULL, NULL, self->user};
    Turn response = {NULL, NULL, self->assistant};
    int seen = 0, said = 0;
    p = skip_space(p, end);
    if (p >= end || *p++ != '{') return 0;
    for (p = skip_space(p, end); p < end; p = skip_space(p, end)) {
        const unsigned char *key = p + 1;
        if (*p != '"' || !(p = skip_string(p, end))) return 0;
        int flag = key_flag(key, p - 1);
        if (flag < 0 || flag == ODD || seen & flag) return 0;
        seen |= flag;
        p = skip_space(p, end);
        if (p >= end || *p++ != ':') return 0;
        const unsigned char *value = p = skip_space(p, end);
        p = flag == MESSAGES ? messages(self, p, end, &said) : skip_value(p, end, 1);
        if (!p || (flag > MESSAGES && *value != '"')) return 0;
        if (flag == TEXT) text.begin = value, text.end = p;
        if (flag == PROMPT) prompt.begin = value, prompt.end = p;
        if (flag == RESPONSE) response.begin = value, response.end = p;
        p = skip_space(p, end);
        if (p < end && *p == '}') {
            if (skip_space(p + 1, end) != end) return 0;
            if (seen == TEXT) said = add_turn(self, text);
            if (seen == (PROMPT | RESPONSE)) {
                said = add_turn(self, prompt);
                if (said >= 0) said |= add_turn(self, response);
            }
            return said > 0 && (seen == MESSAGES || seen == TEXT || seen == (PROMPT | RESPONSE));
        }
        if (p >= end || *p++ != ',') return 0;
    }
    return 0;
}

static int is_blank(const unsigned char *p, const unsigned char *end) {
    while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) p++;
    return p == end;
}

/* One record. */
static int skim_record(Skim *self, const unsigned char *p, const unsigned char *end) {
    size_t before = self->texts.size;
    if (RESERVE(&self->lines, 1) || RESERVE(&self->ends, 1)) return -1;
    self->lines.at[self->lines.size++] = (Span){(uint64_t)(p - self->data), (uint64_t)(end - self->data)};
    if (!skim_row(self, p, end)) {
        if (PyErr_Occurred()) return -1;
        self->texts.size = self->asked.size = before;
        PyObject *row = PyLong_FromSize_t(self->ends.size);
        int failed = !row || PyList_Append(self->careful, row);
        Py_XDECREF(row);
        if (failed) return -1;
    }
    self->ends.at[self->ends.size++] = (int32_t)self->texts.size;
    return 0;
}
