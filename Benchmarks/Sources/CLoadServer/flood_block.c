#include "flood_block.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "deflate.h"
#include "payload.h"
#include "wire.h"

enum {
    // So many bytes of frames, or a single frame that is larger.
    BLOCK = 256 * 1024,
    JSON_HEAD = 320,
    DEFLATE_LEVEL = 6,
};

// What one block is made with.
struct maker {
    struct flood_block *block;
    struct wire_deflater *deflater;
    uint8_t *payload, *compressed;
    size_t used, capacity;
};

// A message as services for trading send it: members of all kinds, a list, and a text that fills it up to `size`.
// Returns its length, at most JSON_HEAD or `size`.
static size_t put_json(uint8_t *text, size_t size) {
    static const char head[] =
        "{\"jsonrpc\":\"2.0\",\"channel\":\"trades.BTC-PERPETUAL.raw\",\"sequence\":73649128,\"data\":{"
        "\"trade_id\":\"48079269\",\"timestamp\":1590484512188,\"price\":8950.5,\"amount\":10,\"is_maker\":false,"
        "\"liquidation\":null,\"levels\":[[8950.5,120],[8951.0,40.25]],\"direction\":\"buy\",\"note\":\"";
    static const char tail[] = "\"}}";
    size_t least = sizeof head - 1 + sizeof tail - 1;
    size_t fill = size > least ? size - least : 0;
    memcpy(text, head, sizeof head - 1);
    memset(text + sizeof head - 1, 'n', fill);
    memcpy(text + sizeof head - 1 + fill, tail, sizeof tail - 1);
    return least + fill;
}

static size_t put_payload(uint8_t *payload, const struct flood_kind *kind, size_t variant) {
    size_t size = kind->size;
    if (kind->content == FLOOD_JSON) return put_json(payload, size);
    if (kind->deflate) payload_fill_json(payload, size, variant);
    else if (kind->content == FLOOD_TEXT) payload_fill_text(payload, size, variant);
    else for (size_t i = 0; i < size; i++) payload[i] = (uint8_t)('a' + (i + variant) % 26);
    return size;
}

static bool reserve(struct maker *m, size_t size) {
    if (m->used + size <= m->capacity) return true;
    size_t capacity = m->used + size > BLOCK ? m->used + size : BLOCK;
    uint8_t *larger = realloc(m->block->bytes, capacity);
    if (!larger) return false;
    m->block->bytes = larger;
    m->capacity = capacity;
    return true;
}

// Adds a frame; false when there is no memory.
static bool add_frame(struct maker *m) {
    struct flood_block *block = m->block;
    uint8_t first = WIRE_FIN | (block->kind.content == FLOOD_BINARY ? WIRE_BINARY : WIRE_TEXT);
    const uint8_t *payload = m->payload;
    size_t size = put_payload(m->payload, &block->kind, block->frames);
    if (m->deflater) {
        size = wire_deflate(m->deflater, m->payload, size, m->compressed);
        if (size == 0) return false;
        payload = m->compressed;
        first |= WIRE_RSV1;
    }
    size_t *ends = realloc(block->ends, (block->frames + 1) * sizeof *ends);
    if (!ends) return false;
    block->ends = ends;
    if (!reserve(m, WIRE_MAX_HEADER + size)) return false;
    m->used += wire_put_header(block->bytes + m->used, first, size, NULL);
    if (size > 0) memcpy(block->bytes + m->used, payload, size);
    m->used += size;
    block->ends[block->frames++] = m->used;
    return true;
}

static bool fill(struct maker *m) {
    const struct flood_kind *kind = &m->block->kind;
    size_t room = kind->size + JSON_HEAD;
    m->payload = malloc(room);
    if (!m->payload) return false;
    if (kind->deflate) {
        m->deflater = wire_deflater_make(DEFLATE_LEVEL);
        if (!m->deflater) return false;
        m->compressed = malloc(wire_deflater_bound(m->deflater, room));
        if (!m->compressed) return false;
    }
    // Frames are of about the same size: there is room for one more as long as the average says so.
    do {
        if (!add_frame(m)) return false;
    } while (m->used + m->used / m->block->frames <= BLOCK);
    return true;
}

static void destroy(struct flood_block *block) {
    free(block->bytes);
    free(block->ends);
    free(block);
}

static struct flood_block *make(const struct flood_kind *kind) {
    struct flood_block *block = calloc(1, sizeof *block);
    if (!block) return NULL;
    block->kind = *kind;
    struct maker m = {.block = block};
    bool made = fill(&m);
    wire_deflater_free(m.deflater);
    free(m.payload);
    free(m.compressed);
    if (made) return block;
    destroy(block);
    return NULL;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// Compressing takes longer than some floods: the block of a warm-up serves the measured connections, and all of those
// that are open at once.
static struct flood_block *latest;

static void release(struct flood_block *block) {
    if (block && --block->users == 0) destroy(block);
}

static bool is_same(const struct flood_kind *a, const struct flood_kind *b) {
    return a->content == b->content && a->deflate == b->deflate && a->size == b->size;
}

struct flood_block *flood_block_take(const struct flood_kind *kind) {
    pthread_mutex_lock(&lock);
    if (!latest || !is_same(&latest->kind, kind)) {
        release(latest);
        latest = make(kind);
        if (latest) latest->users = 1;
    }
    if (latest) latest->users += 1;
    struct flood_block *block = latest;
    pthread_mutex_unlock(&lock);
    return block;
}

void flood_block_release(struct flood_block *block) {
    pthread_mutex_lock(&lock);
    release(block);
    pthread_mutex_unlock(&lock);
}
