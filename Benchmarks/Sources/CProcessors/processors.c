#define _GNU_SOURCE
#include "processors.h"

#include <assert.h>
#include <sched.h>

static_assert(PROCESSORS == CPU_SETSIZE, "a set holds as many processors as the C library's");

bool processors_get(pid_t thread, bool may_run[PROCESSORS]) {
    cpu_set_t set;
    if (sched_getaffinity(thread, sizeof set, &set) != 0) return false;
    for (int i = 0; i < PROCESSORS; i++) may_run[i] = CPU_ISSET(i, &set);
    return true;
}

bool processors_bind(pid_t thread, const bool may_run[PROCESSORS]) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < PROCESSORS; i++) {
        if (may_run[i]) CPU_SET(i, &set);
    }
    return sched_setaffinity(thread, sizeof set, &set) == 0;
}
