#include "payload.h"

#include <stdio.h>
#include <string.h>

void payload_fill_text(uint8_t *p, size_t n, uint64_t variant) {
    static const char *const wide[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};   // é, euro sign, a smile
    size_t next = (size_t)(variant % 3);
    size_t i = 0;
    for (size_t character = 0; i < n; character++) {
        const char *sequence = character % 16 == 7 ? wide[next++ % 3] : "";
        size_t size = strlen(sequence);
        if (size == 0 || size > n - i) {
            p[i] = (uint8_t)('a' + (i + variant) % 26);
            i += 1;
        } else {
            memcpy(p + i, sequence, size);
            i += size;
        }
    }
}

// splitmix64: numbers that look like chance and are the same in each run.
static uint64_t next_number(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void fill_letters(uint8_t *p, size_t n, uint64_t *state) {
    static const char letters[] = "etaoinshrdlucmfw e ta";
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)letters[next_number(state) % (sizeof letters - 1)];
}

enum { TRADE = 100 };

// One trade; at most TRADE bytes.
static size_t put_trade(char *text, uint64_t *state) {
    uint64_t chance = next_number(state), id = next_number(state) >> 12;
    int n = snprintf(
        text, TRADE, "{\"id\":\"%013llx\",\"price\":%u.%02u,\"size\":%u.%03u,\"side\":\"%s\",\"time\":1590484%06u},",
        (unsigned long long)id, 8950 + (unsigned)(chance >> 20) % 100, (unsigned)(chance >> 27) % 100,
        (unsigned)(chance >> 34) % 40, (unsigned)(chance >> 40) % 1000, chance & 1 ? "buy" : "sell",
        (unsigned)(chance >> 44) % 1000000);
    return (size_t)n;
}

void payload_fill_json(uint8_t *p, size_t n, uint64_t variant) {
    static const char head[] = "{\"data\":[";
    static const char middle[] = "{}],\"note\":\"";
    static const char tail[] = "\"}";
    const size_t frame = sizeof head + sizeof middle + sizeof tail - 3;
    uint64_t state = variant;
    if (n < frame) {
        if (n == 1) p[0] = '1';
        if (n < 2) return;
        fill_letters(p + 1, n - 2, &state);
        p[0] = p[n - 1] = '"';
        return;
    }
    memcpy(p, head, sizeof head - 1);
    size_t i = sizeof head - 1;
    while (n - i >= TRADE + sizeof middle + sizeof tail) {
        char trade[TRADE];
        size_t size = put_trade(trade, &state);
        memcpy(p + i, trade, size);
        i += size;
    }
    memcpy(p + i, middle, sizeof middle - 1);
    i += sizeof middle - 1;
    fill_letters(p + i, n - i - (sizeof tail - 1), &state);
    memcpy(p + n - (sizeof tail - 1), tail, sizeof tail - 1);
}
