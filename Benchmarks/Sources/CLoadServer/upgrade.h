#ifndef NOVA_BENCH_UPGRADE_H
#define NOVA_BENCH_UPGRADE_H

#include <stddef.h>

enum { UPGRADE_HEAD = 256 };

// Writes the 101 response to a request, which ends with a NUL, into a buffer of UPGRADE_HEAD bytes. Returns its size; 0 when
// the request is no upgrade.
size_t upgrade_put_head(const char *request, char *head);

#endif
