#include "lws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 64 * 1024 };

struct run {
    const struct bench_task *task;
    struct bench_result *result;
    uint8_t *out;         // LWS_PRE bytes and the message, which lws masks where it lies
    uint32_t open;        // connections that have not ended
    bool failed;
};

struct connection {
    struct lws *wsi;
    uint64_t done;        // messages
    uint64_t start_ns;    // of a round trip
    size_t size;          // of a message that has come in part
    bool is_finished;
};

static int fail(struct run *run, const char *what) {
    errno = 0;
    bench_fail(run->result, what);
    run->failed = true;
    return -1;
}

// Begins the closing handshake: lws sends the Close when the callback returns -1.
static int finish(struct connection *c) {
    c->is_finished = true;
    lws_close_reason(c->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    return -1;
}

static int take_echo(struct run *run, struct connection *c, bool is_text, const uint8_t *message, size_t size) {
    const struct bench_task *task = run->task;
    task->round_trips_ns[run->result->messages] = bench_now_ns() - c->start_ns;
    bool is_same = is_text == task->text && size == task->size
        && (!task->verify || memcmp(message, task->payload, size) == 0);
    if (!is_same) return fail(run, "an echo of something else");
    bench_deliver(run->result, message, size);
    c->done += 1;
    if (c->done == task->count) return finish(c);
    lws_callback_on_writable(c->wsi);
    return 0;
}

// Messages of up to the task's size come in one piece, others in several, of which the size counts.
static int receive(struct run *run, struct connection *c, const uint8_t *bytes, size_t size) {
    if (c->is_finished) return 0;
    c->size += size;
    if (!lws_is_final_fragment(c->wsi)) return 0;
    size = c->size;
    c->size = 0;
    bool is_text = !lws_frame_is_binary(c->wsi);
    switch (run->task->work) {
    case BENCH_FLOOD:
        bench_deliver(run->result, bytes, size);
        c->done += 1;
        return c->done == run->task->count ? finish(c) : 0;
    case BENCH_ECHO: return take_echo(run, c, is_text, bytes, size);
    case BENCH_SINK: return is_text ? finish(c) : fail(run, "the sink did not answer");
    }
    return 0;
}

// One message for each callback.
static int send_message(struct run *run, struct connection *c) {
    const struct bench_task *task = run->task;
    bool is_due = !c->is_finished && task->work != BENCH_FLOOD && c->done < task->count;
    if (!is_due) return 0;
    if (task->work == BENCH_ECHO) c->start_ns = bench_now_ns();
    if (task->size > 0) memcpy(run->out + LWS_PRE, task->payload, task->size);
    int sent = lws_write(c->wsi, run->out + LWS_PRE, task->size, task->text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
    if (sent < (int)task->size) return fail(run, "cannot send");
    if (task->work == BENCH_ECHO) return 0;
    c->done += 1;
    run->result->messages += 1;
    lws_callback_on_writable(c->wsi);
    return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    struct run *run = lws_context_user(lws_get_context(wsi));
    struct connection *c = user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        c->wsi = wsi;
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE: return receive(run, c, in, length);
    case LWS_CALLBACK_CLIENT_WRITEABLE: return send_message(run, c);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: fail(run, in ? in : "cannot connect"); return 0;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: fail(run, "no response to the upgrade"); return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        run->open -= 1;
        if (!c->is_finished) fail(run, "the connection ended early");
        return 0;
    default: return 0;
    }
}

static struct lws_context *make_context(struct run *run, const struct lws_protocols *protocols) {
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .gid = -1,
        .uid = -1,
        .pt_serv_buf_size = READ_SIZE,
        .user = run,
    };
    if (run->task->tls) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.client_ssl_ca_filepath = run->task->certificate_path;
    if (run->task->text) info.options |= LWS_SERVER_OPTION_VALIDATE_UTF8;
    lws_set_log_level(LLL_ERR, NULL);
    return lws_create_context(&info);
}

static bool is_address(const char *host) {
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool open_connection(struct run *run, struct lws_context *context, struct connection *c) {
    const struct bench_task *task = run->task;
    struct lws_client_connect_info info = {
        .context = context,
        .address = task->host,
        .port = atoi(task->port),
        .path = task->resource,
        .host = task->host,
        .origin = task->host,
        .local_protocol_name = "nova-bench",
        .userdata = c,
    };
    if (task->tls) {
        info.ssl_connection = LCCSCF_USE_SSL;
        // lws compares names alone, and so no certificate for an address would do; it is verified all the same.
        if (is_address(task->host)) info.ssl_connection |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    }
    run->open += 1;
    if (lws_client_connect_via_info(&info)) return true;
    fail(run, "cannot connect");
    return false;
}

static void work(struct run *run, struct lws_context *context, struct connection *connections) {
    for (uint32_t i = 0; i < run->task->connections; i++) {
        if (!open_connection(run, context, &connections[i])) return;
    }
    while (run->open > 0 && !run->failed) {
        if (lws_service(context, 0) < 0) fail(run, "lws_service");
    }
}

int lws_client_run(const struct bench_task *task, struct bench_result *result) {
    *result = (struct bench_result){0};
    struct run run = {.task = task, .result = result};
    struct lws_protocols protocols[] = {
        {
            .name = "nova-bench",
            .callback = callback,
            .rx_buffer_size = task->size > READ_SIZE ? task->size : READ_SIZE,
            .tx_packet_size = task->size + READ_SIZE,
        },
        {0},
    };
    struct connection *connections = calloc(task->connections, sizeof *connections);
    run.out = malloc(LWS_PRE + task->size);
    struct lws_context *context = connections && run.out ? make_context(&run, protocols) : NULL;
    if (context) {
        work(&run, context, connections);
        lws_context_destroy(context);
    } else {
        fail(&run, "cannot make a context");
    }
    free(run.out);
    free(connections);
    return run.failed ? -1 : 0;
}
