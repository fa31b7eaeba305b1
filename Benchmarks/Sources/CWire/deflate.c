#include "deflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { WINDOW_BITS = 15, MEMORY_LEVEL = 8 };

// What an empty stored block leaves behind the header bits, and what no message on the wire ends with.
static const uint8_t tail[4] = {0x00, 0x00, 0xFF, 0xFF};

struct wire_deflater {
    z_stream z;
};

struct wire_deflater *wire_deflater_make(int level) {
    struct wire_deflater *d = calloc(1, sizeof *d);
    if (d && deflateInit2(&d->z, level, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK) return d;
    free(d);
    return NULL;
}

void wire_deflater_free(struct wire_deflater *d) {
    if (!d) return;
    deflateEnd(&d->z);
    free(d);
}

size_t wire_deflater_bound(struct wire_deflater *d, size_t n) {
    // zlib's bound is of a stream that ends; a flush adds an empty block of up to 5 bytes, and wants room beyond that.
    return deflateBound(&d->z, n) + 16;
}

size_t wire_deflate(struct wire_deflater *d, const uint8_t *p, size_t n, uint8_t *to) {
    if (n == 0) {
        // zlib has nothing to flush before the first byte: RFC 7692 section 7.2.3.6.
        to[0] = 0x00;
        return 1;
    }
    size_t room = wire_deflater_bound(d, n);
    d->z.next_in = (Bytef *)p;
    d->z.avail_in = (uInt)n;
    d->z.next_out = to;
    d->z.avail_out = (uInt)room;
    bool fine = deflate(&d->z, Z_SYNC_FLUSH) == Z_OK && d->z.avail_in == 0 && d->z.avail_out > 0;
    size_t size = room - d->z.avail_out;
    deflateReset(&d->z);
    return fine && size > sizeof tail ? size - sizeof tail : 0;
}

struct wire_inflater {
    z_stream z;
    uint8_t *out;
    size_t capacity;
};

struct wire_inflater *wire_inflater_make(void) {
    struct wire_inflater *i = calloc(1, sizeof *i);
    if (!i) return NULL;
    i->capacity = 64 * 1024;
    i->out = malloc(i->capacity);
    if (i->out && inflateInit2(&i->z, -WINDOW_BITS) == Z_OK) return i;
    free(i->out);
    free(i);
    return NULL;
}

void wire_inflater_free(struct wire_inflater *i) {
    if (!i) return;
    inflateEnd(&i->z);
    free(i->out);
    free(i);
}

static bool grow(struct wire_inflater *i, size_t limit) {
    if (i->capacity > limit) return false;
    uint8_t *larger = realloc(i->out, i->capacity * 2);
    if (!larger) return false;
    i->out = larger;
    i->capacity *= 2;
    return true;
}

// Feeds n bytes, and takes all that comes of them.
static bool feed(struct wire_inflater *i, const uint8_t *p, size_t n, size_t limit, size_t *size) {
    i->z.next_in = (Bytef *)p;
    i->z.avail_in = (uInt)n;
    for (;;) {
        if (*size == i->capacity && !grow(i, limit)) return false;
        i->z.next_out = i->out + *size;
        i->z.avail_out = (uInt)(i->capacity - *size);
        int status = inflate(&i->z, Z_SYNC_FLUSH);
        *size = i->capacity - i->z.avail_out;
        // With room to spare, everything has come. A final block may end a message before its tail.
        if (status == Z_STREAM_END || status == Z_BUF_ERROR) return i->z.avail_out > 0;
        if (status != Z_OK) return false;
        if (i->z.avail_out > 0 && i->z.avail_in == 0) return true;
    }
}

const uint8_t *wire_inflate(struct wire_inflater *i, const uint8_t *p, size_t n, size_t limit, size_t *size) {
    *size = 0;
    bool fine = feed(i, p, n, limit, size) && feed(i, tail, sizeof tail, limit, size) && *size <= limit;
    inflateReset(&i->z);
    return fine ? i->out : NULL;
}
