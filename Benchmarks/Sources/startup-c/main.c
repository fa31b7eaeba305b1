// The plain C client's counterpart of `startup`: one round trip and a line, or, without HOST and PORT, nothing.
#include <stdio.h>

#include "plain_client.h"

int main(int count, char **arguments) {
    if (count < 3) return 0;
    struct plain_client_target target = {.host = arguments[1], .port = arguments[2], .resource = "/echo"};
    struct plain_client_result result;
    uint64_t round_trip;
    if (plain_client_echo(&target, 5, 1, &round_trip, &result) != 0) {
        fprintf(stderr, "%s\n", result.error);
        return 1;
    }
    puts("ok");
    return 0;
}
