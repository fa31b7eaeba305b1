#ifndef NOVA_BENCH_UPGRADE_H
#define NOVA_BENCH_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

enum { UPGRADE_HEAD = 384 };

// Writes the 101 response to a request, which ends with a NUL, into a buffer of UPGRADE_HEAD bytes. Returns its size; 0
// when the request is no upgrade. Where `deflate` is given, permessage-deflate is accepted if it is offered.
size_t upgrade_put_head(const char *request, bool *deflate, char *head);

enum { EXTENSION_ANSWER = 160 };

// extensions.c: whether the request offers permessage-deflate in a way that a server can accept that keeps no context
// and has a window of 32 KiB. Then `answer` is the header field that says so, with its line end; else it is empty.
bool extensions_accept_deflate(const char *request, char answer[EXTENSION_ANSWER]);

#endif
