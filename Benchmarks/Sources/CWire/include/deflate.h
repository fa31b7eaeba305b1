// Messages of permessage-deflate (RFC 7692) without context takeover, over zlib.
#ifndef NOVA_BENCH_DEFLATE_H
#define NOVA_BENCH_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_deflater;
struct wire_inflater;

// NULL when there is no memory. The level is zlib's.
struct wire_deflater *wire_deflater_make(int level);
void wire_deflater_free(struct wire_deflater *d);
// The most that a message of n bytes can become.
size_t wire_deflater_bound(struct wire_deflater *d, size_t n);
// Compresses one message (RFC 7692 section 7.2.1) into at least wire_deflater_bound(n) bytes; 0 when that fails.
size_t wire_deflate(struct wire_deflater *d, const uint8_t *p, size_t n, uint8_t *to);

struct wire_inflater *wire_inflater_make(void);
void wire_inflater_free(struct wire_inflater *i);
// Decompresses one message (section 7.2.2). The result stays valid until the next one; NULL when the bytes are no
// message, or are one of more than `limit` bytes.
const uint8_t *wire_inflate(struct wire_inflater *i, const uint8_t *p, size_t n, size_t limit, size_t *size);

#endif
