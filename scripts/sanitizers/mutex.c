/*
 * Shows the thread sanitizer the one lock that it cannot see.
 *
 * The fast paths of Swift's Synchronization.Mutex are inlined into instrumented code. Under contention, though, the lock is
 * taken and handed on by the kernel, in two methods of libswiftSynchronization, which is not instrumented: what one thread
 * did under the lock then looks like a race with what the next one does (Swift 6.3). This library is preloaded, takes the
 * two calls, announces them, and passes them on. Nothing is suppressed: races beside the lock are still found.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

/* _MutexHandle._lockSlow(_: UInt32), of which the argument is the thread, and _MutexHandle._unlockSlow(). */
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

/* Weak: a preloaded library also gets into processes without the sanitizer. */
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

typedef SWIFT void (*lock_slow_function)(uint32_t, SELF void *);
typedef SWIFT void (*unlock_slow_function)(SELF void *);

static lock_slow_function real_lock_slow;
static unlock_slow_function real_unlock_slow;

/* At the start, and again in a process that has loaded libswiftSynchronization only later. */
__attribute__((constructor)) static void find_real_functions(void)
{
    real_lock_slow = (lock_slow_function)dlsym(RTLD_NEXT, LOCK_SLOW);
    real_unlock_slow = (unlock_slow_function)dlsym(RTLD_NEXT, UNLOCK_SLOW);
}

SWIFT void lock_slow(uint32_t thread, SELF void *lock) __asm__(LOCK_SLOW);
SWIFT void unlock_slow(SELF void *lock) __asm__(UNLOCK_SLOW);

SWIFT void lock_slow(uint32_t thread, SELF void *lock)
{
    if (!real_lock_slow)
        find_real_functions();
    real_lock_slow(thread, lock);
    if (__tsan_acquire)
        __tsan_acquire(lock);
}

SWIFT void unlock_slow(SELF void *lock)
{
    if (!real_unlock_slow)
        find_real_functions();
    if (__tsan_release)
        __tsan_release(lock);
    real_unlock_slow(lock);
}
