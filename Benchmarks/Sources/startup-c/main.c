// The plain C client's counterpart of `startup`: one round trip and a line, or, without HOST and PORT, nothing.
#include <stdio.h>

#include "plain_client.h"

int main(int count, char **arguments) {
    if (count < 3) return 0;
    uint64_t round_trip = 0;
    struct bench_task task = {
        .host = arguments[1],
        .port = arguments[2],
        .resource = "/echo",
        .work = BENCH_ECHO,
        .connections = 1,
        .count = 1,
        .payload = (const uint8_t *)"hello",
        .size = 5,
        .text = true,
        .round_trips_ns = &round_trip,
    };
    struct bench_result result = {0};
    if (plain_client_run(&task, &result) != 0) {
        fprintf(stderr, "%s\n", result.error);
        return 1;
    }
    puts("ok");
    return 0;
}
