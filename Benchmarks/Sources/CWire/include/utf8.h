#ifndef NOVA_BENCH_UTF8_H
#define NOVA_BENCH_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether the bytes are UTF-8 (RFC 3629). ASCII is looked at a word at a time.
bool wire_is_utf8(const uint8_t *p, size_t n);

#endif
