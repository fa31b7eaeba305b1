#ifndef NOVA_CLIBEV_SHIM_H
#define NOVA_CLIBEV_SHIM_H

#include <ev.h>

/* ev_io_init and ev_set_priority are function-like macros, which Swift cannot import. Its callback runs before those of
   watchers of the same descriptor that have the usual priority. */
static inline void nova_ev_io_init(struct ev_io *watcher,
                                   void (*callback)(struct ev_loop *, struct ev_io *, int),
                                   int descriptor, int events) {
    ev_io_init(watcher, callback, descriptor, events);
    ev_set_priority(watcher, EV_MAXPRI);
}

/* So is ev_async_init. Nothing is to be done when it fires: the loop has been woken. */
static inline void nova_ev_async_fired(struct ev_loop *loop, struct ev_async *watcher, int events) {
    (void)loop;
    (void)watcher;
    (void)events;
}

static inline void nova_ev_async_init(struct ev_async *watcher) {
    ev_async_init(watcher, nova_ev_async_fired);
}

#endif
