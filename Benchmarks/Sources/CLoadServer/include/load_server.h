// The server against which all clients are measured. It runs in a process of its own, and is built to cost much less
// than any client: floods are framed in advance, sinks are skipped without being unmasked, echoes are unmasked by
// vector instructions and written once per read.
//
//   /flood?size=N&count=M   M binary messages of N bytes, then Close 1000
//   /json?size=N&count=M    the same with texts of about N bytes, each a JSON object, once the client has sent something
//   /echo                   every message comes back
//   /sink?count=M           swallows M messages, then answers the text "ok"
#ifndef NOVA_BENCH_LOAD_SERVER_H
#define NOVA_BENCH_LOAD_SERVER_H

#include <stdint.h>

// Listens on 127.0.0.1; port 0 takes a free one. Returns the listening socket and stores the port, or -1 with errno.
int load_server_listen(uint16_t port, uint16_t *bound_port);

// Accepts connections for ever, one thread each; returns -1 with errno when accepting fails for good.
int load_server_run(int listener);

#endif
