// What the load server's messages consist of.
#ifndef NOVA_BENCH_PAYLOAD_H
#define NOVA_BENCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

// Exactly n bytes of UTF-8: ASCII, and in every 16 characters one of 2, 3 and 4 bytes in turn. `variant` shifts the
// letters, so that messages differ.
void payload_fill_text(uint8_t *p, size_t n, uint64_t variant);

// Exactly n bytes of JSON (a text of JSON when n is small) as services for trading send it, with numbers that depend on
// `variant`. 16 KiB of it deflate to about a third.
void payload_fill_json(uint8_t *p, size_t n, uint64_t variant);

#endif
