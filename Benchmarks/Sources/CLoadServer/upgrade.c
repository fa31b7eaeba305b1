#define _GNU_SOURCE
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "upgrade.h"

static const uint64_t MAX_SIZE = 64 * 1024 * 1024;
static const uint64_t MAX_COUNT = 10ull * 1000 * 1000 * 1000;

static bool refuse(struct connection *c, const char *status) {
    char answer[128];
    int n = snprintf(
        answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    wire_stream_send_all(&c->stream, (const uint8_t *)answer, (size_t)n);
    return false;
}

// The number of `name=` in the query, or `otherwise` without it; more than `most` when it is no number.
static uint64_t query_number(const char *resource, const char *name, uint64_t otherwise, uint64_t most) {
    const char *query = strchr(resource, '?');
    size_t length = strlen(name);
    for (; query; query = strchr(query, '&')) {
        query++;
        if (strncmp(query, name, length) != 0 || query[length] != '=') continue;
        const char *digits = query + length + 1;
        size_t size = strspn(digits, "0123456789");
        bool is_number = size > 0 && size < 19 && (digits[size] == 0 || digits[size] == '&');
        return is_number ? strtoull(digits, NULL, 10) : most + 1;
    }
    return otherwise;
}

static bool names(const char *resource, const char *path) {
    size_t n = strlen(path);
    return strncmp(resource, path, n) == 0 && (resource[n] == 0 || resource[n] == '?');
}

// What the client wants; NULL, or the status to refuse it with.
static const char *choose_work(struct connection *c, const char *resource) {
    bool is_json = names(resource, "/json");
    if (is_json || names(resource, "/flood")) c->work = LOAD_FLOOD;
    else if (names(resource, "/echo")) c->work = LOAD_ECHO;
    else if (names(resource, "/sink")) c->work = LOAD_SINK;
    else return "404 Not Found";
    uint64_t text = query_number(resource, "text", 0, 1);
    c->flood.size = query_number(resource, "size", 125, MAX_SIZE);
    c->flood.content = is_json ? FLOOD_JSON : text ? FLOOD_TEXT : FLOOD_BINARY;
    c->count = query_number(resource, "count", 1000, MAX_COUNT);
    return text > 1 || c->flood.size > MAX_SIZE || c->count > MAX_COUNT ? "400 Bad Request" : NULL;
}

// RFC 6455 section 4.2.2: base64 of the SHA-1 of the key and the protocol's GUID. `accept` holds at least 29 bytes.
static void put_accept(const char *key, size_t key_size, char *accept) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[128 + sizeof guid];
    memcpy(text, key, key_size);
    memcpy(text + key_size, guid, sizeof guid - 1);
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA1((const uint8_t *)text, key_size + sizeof guid - 1, digest);
    EVP_EncodeBlock((uint8_t *)accept, digest, sizeof digest);
}

size_t upgrade_put_head(const char *request, bool *deflate, char *head) {
    const char *key = strcasestr(request, "\r\nSec-WebSocket-Key:");
    if (strncmp(request, "GET ", 4) != 0 || !key) return 0;
    key += strlen("\r\nSec-WebSocket-Key:");
    key += strspn(key, " \t");
    size_t key_size = strcspn(key, " \t\r\n");
    if (key_size == 0 || key_size > 128) return 0;
    char accept[64], extensions[EXTENSION_ANSWER] = "";
    put_accept(key, key_size, accept);
    if (deflate) *deflate = extensions_accept_deflate(request, extensions);
    int n = snprintf(
        head, UPGRADE_HEAD,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n%s\r\n",
        accept, extensions);
    return (size_t)n;
}

static bool answer(struct connection *c, char *request) {
    char head[UPGRADE_HEAD];
    size_t head_size = upgrade_put_head(request, &c->flood.deflate, head);
    if (head_size == 0) return refuse(c, "400 Bad Request");
    char *resource = request + strlen("GET ");
    resource[strcspn(resource, " \r\n")] = 0;
    const char *refusal = choose_work(c, resource);
    if (refusal) return refuse(c, refusal);
    return wire_stream_send_all(&c->stream, (const uint8_t *)head, head_size);
}

bool connection_upgrade(struct connection *c) {
    for (;;) {
        if (c->in_end + 1 >= LOAD_BUFFER) return refuse(c, "431 Request Header Fields Too Large");
        ssize_t got = wire_stream_recv(&c->stream, c->in + c->in_end, LOAD_BUFFER - 1 - c->in_end);
        if (got <= 0) return false;
        c->in_end += (size_t)got;
        uint8_t *end = memmem(c->in, c->in_end, "\r\n\r\n", 4);
        if (!end) continue;
        // Frames may follow in the same segment: they stay in the buffer.
        c->in_begin = (size_t)(end - c->in) + 4;
        end[2] = 0;
        return answer(c, (char *)c->in);
    }
}
