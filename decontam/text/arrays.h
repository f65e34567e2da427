/* Arrays that grow. */

#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef struct { uint64_t *at; size_t size, room; } Hashes;
typedef struct { char *at; size_t size, room; } Bytes;
typedef struct { int32_t *at; size_t size, room; } Ints;
typedef struct { uint64_t begin, end; } Span; /* bytes, the end excluded */
typedef struct { Span *at; size_t size, room; } Spans;

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
