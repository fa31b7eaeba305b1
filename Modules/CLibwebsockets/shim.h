#ifndef NOVA_CLIBWEBSOCKETS_SHIM_H
#define NOVA_CLIBWEBSOCKETS_SHIM_H

#include <libwebsockets.h>
/* Linux's own, which Swift's Glibc module leaves out. */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

/* Object-like macros with casts or expressions, which Swift cannot import. */
static const int nova_lws_pre = LWS_PRE;
static const int nova_lws_library_version = LWS_LIBRARY_VERSION_NUMBER;
static const enum lws_write_protocol nova_lws_write_raw = LWS_WRITE_RAW;

/* prctl is variadic. The name is cut to 15 bytes by the kernel. */
static inline void nova_set_thread_name(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

#endif
