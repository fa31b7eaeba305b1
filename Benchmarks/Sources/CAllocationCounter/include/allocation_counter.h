// Counts what a process takes from malloc, of all its threads, while it is told to.
//
// The program's own malloc, calloc, realloc and aligned allocations stand before those of the C library, to which they pass
// everything on: shared libraries, Swift's runtime too, call these. While nothing is counted they cost a load and a branch.
#ifndef NOVA_BENCH_ALLOCATION_COUNTER_H
#define NOVA_BENCH_ALLOCATION_COUNTER_H

#include <stdint.h>

// Begins to count, from 0.
void allocation_counter_start(void);

// Ends counting; returns how many allocations there were.
uint64_t allocation_counter_stop(void);

#endif
