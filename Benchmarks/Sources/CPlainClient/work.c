#include <errno.h>
#include <string.h>

#include "client.h"

static enum step flood(struct client *c) {
    const struct bench_task *task = c->session->task;
    struct message message;
    while (c->done < task->count) {
        enum step step = client_next(c, &message);
        if (step != STEP_DONE || message.opcode == WIRE_CLOSE) return step;
        bench_deliver(c->session->result, message.payload, message.size);
        c->done += 1;
    }
    return STEP_DONE;
}

static uint8_t opcode(const struct bench_task *task) { return task->text ? WIRE_TEXT : WIRE_BINARY; }

static enum step sink(struct client *c) {
    const struct bench_task *task = c->session->task;
    for (; c->done < task->count; c->done++, c->session->result->messages++) {
        enum step step = client_put(c, opcode(task), task->payload, task->size);
        if (step != STEP_DONE) return step;
    }
    enum step step = client_flush(c);
    if (step != STEP_DONE) return step;
    struct message message;
    step = client_next(c, &message);
    if (step != STEP_DONE) return step;
    errno = 0;
    return message.opcode == WIRE_TEXT ? STEP_DONE : client_fail(c, "the sink did not answer");
}

static enum step send_one(struct client *c) {
    if (c->start_ns == 0) c->start_ns = bench_now_ns();
    const struct bench_task *task = c->session->task;
    enum step step = client_put(c, opcode(task), task->payload, task->size);
    if (step == STEP_DONE) step = client_flush(c);
    c->is_sent = step == STEP_DONE;
    return step;
}

static enum step echo(struct client *c) {
    const struct bench_task *task = c->session->task;
    struct bench_result *result = c->session->result;
    while (c->done < task->count) {
        enum step step = c->is_sent ? STEP_DONE : send_one(c);
        struct message message;
        if (step == STEP_DONE) step = client_next(c, &message);
        if (step != STEP_DONE) return step;
        task->round_trips_ns[result->messages] = bench_now_ns() - c->start_ns;
        bool is_same = message.opcode == opcode(task) && message.size == task->size
            && (!task->verify || memcmp(message.payload, task->payload, message.size) == 0);
        errno = 0;
        if (!is_same) return client_fail(c, "an echo of something else");
        bench_deliver(result, message.payload, message.size);
        c->done += 1;
        c->is_sent = false;
        c->start_ns = 0;
    }
    return STEP_DONE;
}

// The closing handshake of RFC 6455 section 7, whoever begins it.
static enum step close_connection(struct client *c) {
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 0xFF};
    enum step step = STEP_DONE;
    if (c->phase == PHASE_CLOSE) {
        step = c->peer_has_closed ? client_put(c, WIRE_CLOSE, c->close_code, c->close_code_size)
                                  : client_put(c, WIRE_CLOSE, normal, sizeof normal);
        if (step == STEP_DONE) step = client_flush(c);
        if (step != STEP_DONE) return step;
        c->phase = PHASE_AWAIT_CLOSE;
    }
    struct message message;
    while (step == STEP_DONE && !c->peer_has_closed) step = client_next(c, &message);
    return step;
}

enum step client_work(struct client *c) {
    if (c->phase == PHASE_WORK) {
        enum step step = STEP_FAILED;
        switch (c->session->task->work) {
        case BENCH_FLOOD: step = flood(c); break;
        case BENCH_SINK: step = sink(c); break;
        case BENCH_ECHO: step = echo(c); break;
        }
        if (step != STEP_DONE) return step;
        c->phase = PHASE_CLOSE;
    }
    return close_connection(c);
}
