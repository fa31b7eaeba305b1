#define _GNU_SOURCE
#include "instruction_counter.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>

bool instruction_counter_is_available(void) { return RUNNING_ON_VALGRIND; }
void instruction_counter_start(void) { CALLGRIND_ZERO_STATS; }
void instruction_counter_dump(void) { CALLGRIND_DUMP_STATS; }

#else

bool instruction_counter_is_available(void) { return false; }
void instruction_counter_start(void) {}
void instruction_counter_dump(void) {}

#endif

// Before the C library's, because valgrind 3.19 writes into the mask that a program gives to this system call, and libdispatch,
// which parks the main thread by it, has its mask in read-only memory: valgrind crashes.
int sigsuspend(const sigset_t *mask) {
    sigset_t copy = *mask;
    // The size of the kernel's sigset_t: 64 signals.
    return (int)syscall(SYS_rt_sigsuspend, &copy, (size_t)8);
}
