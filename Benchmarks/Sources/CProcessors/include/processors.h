// On which processors a thread may run: sched_getaffinity and sched_setaffinity, which Swift's module Glibc does not show.
#ifndef NOVA_BENCH_PROCESSORS_H
#define NOVA_BENCH_PROCESSORS_H

#include <stdbool.h>
#include <sys/types.h>

// Processors have numbers below this.
enum { PROCESSORS = 1024 };

// Says of each processor whether the thread may run on it; 0 is the calling thread. False with errno when that cannot be had.
bool processors_get(pid_t thread, bool may_run[PROCESSORS]);

// From now on the thread, and whatever threads and processes it starts, run on these processors alone; 0 is the calling
// thread. False with errno when it cannot be bound.
bool processors_bind(pid_t thread, const bool may_run[PROCESSORS]);

#endif
