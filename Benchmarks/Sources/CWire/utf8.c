#include "utf8.h"

#include <string.h>

// The number of bytes of the sequence at p, which is no ASCII; 0 when it is none (RFC 3629 section 4).
static size_t sequence_size(const uint8_t *p, size_t n) {
    if (p[0] < 0xC2) return 0;
    if (p[0] < 0xE0) return n >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    if (p[0] < 0xF0) {
        if (n < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80) return 0;
        bool is_overlong = p[0] == 0xE0 && p[1] < 0xA0;
        bool is_surrogate = p[0] == 0xED && p[1] >= 0xA0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (p[0] > 0xF4 || n < 4) return 0;
    if ((p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80) return 0;
    bool is_overlong = p[0] == 0xF0 && p[1] < 0x90;
    bool is_beyond = p[0] == 0xF4 && p[1] >= 0x90;
    return is_overlong || is_beyond ? 0 : 4;
}

bool wire_is_utf8(const uint8_t *p, size_t n) {
    const uint64_t high_bits = 0x8080808080808080u;
    size_t i = 0;
    while (i < n) {
        if (n - i >= 8) {
            uint64_t word;
            memcpy(&word, p + i, 8);
            uint64_t high = word & high_bits;
            if (high == 0) {
                i += 8;
                continue;
            }
            // Little-endian: the lowest set bit is of the first byte that is no ASCII.
            i += (size_t)__builtin_ctzll(high) / 8;
        } else if (p[i] < 0x80) {
            i += 1;
            continue;
        }
        size_t size = sequence_size(p + i, n - i);
        if (size == 0) return false;
        i += size;
    }
    return true;
}
