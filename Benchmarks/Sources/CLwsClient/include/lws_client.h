// libwebsockets' own WebSocket role, as its documentation and its minimal-examples/ws-client use it: one context with its
// default event loop (poll), messages taken in LWS_CALLBACK_CLIENT_RECEIVE, and one lws_write of a buffer with LWS_PRE
// bytes before it in each LWS_CALLBACK_CLIENT_WRITEABLE. Several connections are in the same context.
//
// Set beyond the examples, as include/libwebsockets says for bulk: rx_buffer_size so large that messages come in one piece,
// pt_serv_buf_size for reads of 64 KiB, tx_packet_size for sends that are not cut. Texts are validated where they are
// received (LWS_SERVER_OPTION_VALIDATE_UTF8).
//
// There is no permessage-deflate: with lws_extension_callback_pm_deflate, version 4.1.6 can be put into an endless loop by
// a message that is not compressed, and ends the process by an assertion at data that compresses well.
#ifndef NOVA_BENCH_LWS_CLIENT_H
#define NOVA_BENCH_LWS_CLIENT_H

#include "task.h"

// Does the task, from making the context and connecting to the closing handshakes; -1 with the error in the result.
int lws_client_run(const struct bench_task *task, struct bench_result *result);

#endif
