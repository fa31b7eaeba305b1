// The frames of a flood, made in advance: whole frames one behind the other, sent over and over.
#ifndef NOVA_BENCH_FLOOD_BLOCK_H
#define NOVA_BENCH_FLOOD_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flood_content { FLOOD_BINARY, FLOOD_TEXT, FLOOD_JSON };

struct flood_kind {
    enum flood_content content;
    bool deflate;
    uint64_t size;      // of a message, before it is compressed
};

struct flood_block {
    struct flood_kind kind;
    uint8_t *bytes;
    size_t frames;
    size_t *ends;       // of each frame within the bytes
    unsigned users;
};

// The block of this kind, which is kept for others until one of another kind is asked for. NULL when there is no
// memory.
struct flood_block *flood_block_take(const struct flood_kind *kind);
void flood_block_release(struct flood_block *block);

#endif
