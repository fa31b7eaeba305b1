// Says to callgrind, under which a process runs, when to count instructions.
//
// The counts are callgrind's own, of user space and all threads; they are in its dumps, which are numbered from 1.
#ifndef NOVA_BENCH_INSTRUCTION_COUNTER_H
#define NOVA_BENCH_INSTRUCTION_COUNTER_H

#include <stdbool.h>

// Whether the process runs under valgrind, and this was built where valgrind's headers are.
bool instruction_counter_is_available(void);

// Begins to count, from 0.
void instruction_counter_start(void);

// Writes a dump of what has been counted since the start or the last dump.
void instruction_counter_dump(void);

#endif
