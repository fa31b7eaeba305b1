// What both ends of the benchmark's C code need of RFC 6455 section 5: frame headers and masking.
// Inline, so that each end is compiled as one piece, as a hand-written client would be.
#ifndef NOVA_BENCH_WIRE_H
#define NOVA_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    WIRE_CONTINUATION = 0x0,
    WIRE_TEXT = 0x1,
    WIRE_BINARY = 0x2,
    WIRE_CLOSE = 0x8,
    WIRE_PING = 0x9,
    WIRE_PONG = 0xA,
    WIRE_FIN = 0x80,
    WIRE_RSV1 = 0x40,          // a compressed message, RFC 7692
    WIRE_OPCODE = 0x0F,
    WIRE_MAX_HEADER = 14,
    WIRE_MAX_CONTROL = 125,
};

struct wire_header {
    uint64_t length;
    uint32_t key;      // the masking key as it lies in memory; 0 (the neutral key) when the frame is not masked
    uint8_t first;     // FIN, reserved bits, opcode
    bool masked;
    uint8_t size;      // bytes of the header itself
};

static inline bool wire_is_control(uint8_t first) { return (first & 0x08) != 0; }

// Reads a header from n bytes; false when it is not complete yet.
static inline bool wire_parse_header(const uint8_t *p, size_t n, struct wire_header *h) {
    if (n < 2) return false;
    uint8_t second = p[1];
    size_t size = 2;
    uint64_t length = second & 0x7F;
    h->first = p[0];
    h->masked = (second & 0x80) != 0;
    if (length == 126) {
        if (n < 4) return false;
        length = ((uint64_t)p[2] << 8) | p[3];
        size = 4;
    } else if (length == 127) {
        if (n < 10) return false;
        uint64_t big;
        memcpy(&big, p + 2, 8);
        length = __builtin_bswap64(big);
        size = 10;
    }
    h->key = 0;
    if (h->masked) {
        if (n < size + 4) return false;
        memcpy(&h->key, p + size, 4);
        size += 4;
    }
    h->length = length;
    h->size = (uint8_t)size;
    return true;
}

// Writes a header of the shortest length form; key is NULL for a frame that is not masked. Returns its size.
static inline size_t wire_put_header(uint8_t *p, uint8_t first, uint64_t length, const uint32_t *key) {
    uint8_t mask_bit = key ? 0x80 : 0;
    size_t size = 2;
    p[0] = first;
    if (length < 126) {
        p[1] = (uint8_t)(mask_bit | length);
    } else if (length < 65536) {
        p[1] = mask_bit | 126;
        p[2] = (uint8_t)(length >> 8);
        p[3] = (uint8_t)length;
        size = 4;
    } else {
        p[1] = mask_bit | 127;
        uint64_t big = __builtin_bswap64(length);
        memcpy(p + 2, &big, 8);
        size = 10;
    }
    if (key) {
        memcpy(p + size, key, 4);
        size += 4;
    }
    return size;
}

// The key with which to go on after `offset` bytes of the payload (little-endian, as all machines that we bench on).
static inline uint32_t wire_rotate_key(uint32_t key, uint64_t offset) {
    unsigned bits = (unsigned)(offset & 3) * 8;
    return bits == 0 ? key : (key >> bits) | (key << (32 - bits));
}

// Copies and masks (or unmasks). The loop over words is vectorised by the compiler.
static inline void wire_mask_copy(uint8_t *restrict to, const uint8_t *restrict from, size_t n, uint32_t key) {
    uint64_t wide = ((uint64_t)key << 32) | key;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t word;
        memcpy(&word, from + i, 8);
        word ^= wide;
        memcpy(to + i, &word, 8);
    }
    for (; i < n; i++) to[i] = from[i] ^ (uint8_t)(key >> ((i & 3) * 8));
}

#endif
