#define _GNU_SOURCE
#include "load_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "connection.h"
#include "server_tls.h"

int load_server_listen(uint16_t port, uint16_t *bound_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0
        || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    *bound_port = ntohs(address.sin_port);
    return fd;
}

static SSL_CTX *tls_context;

bool load_server_use_tls(const char *certificate_path) {
    tls_context = server_tls_make(certificate_path);
    if (!tls_context) return false;
    wire_tls_prepare(tls_context);
    return true;
}

// One connection's thread begins with this.
struct admission {
    int fd;
    bool secure;
};

// A request that does not come must not hold a thread for ever; later on, a client may be idle.
static void limit_waiting(int fd, time_t seconds) {
    struct timeval limit = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static void *serve(void *argument) {
    struct admission admission = *(struct admission *)argument;
    free(argument);
    struct connection c = {.stream = {.fd = admission.fd}};
    int on = 1;
    setsockopt(c.stream.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c.in = malloc(LOAD_BUFFER);
    c.out = malloc(LOAD_BUFFER);
    c.out_capacity = LOAD_BUFFER;
    limit_waiting(c.stream.fd, 10);
    bool is_open = c.in && c.out && (!admission.secure || wire_stream_start_tls(&c.stream, tls_context, NULL))
        && connection_upgrade(&c);
    limit_waiting(c.stream.fd, 0);
    if (is_open && (c.work != LOAD_FLOOD || connection_flood(&c))) connection_read_frames(&c);
    free(c.in);
    free(c.out);
    wire_stream_close(&c.stream);
    return NULL;
}

// False when accepting fails for good.
static bool admit(int listener, bool secure, const pthread_attr_t *attributes) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return errno == EINTR || errno == ECONNABORTED;
    struct admission *admission = malloc(sizeof *admission);
    if (admission) *admission = (struct admission){.fd = fd, .secure = secure};
    pthread_t thread;
    if (admission && pthread_create(&thread, attributes, serve, admission) == 0) return true;
    free(admission);
    close(fd);
    return true;
}

int load_server_run(int plain, int secure) {
    // OpenSSL writes without MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    // poll leaves out a descriptor of -1.
    struct pollfd listeners[] = {{.fd = plain, .events = POLLIN}, {.fd = secure, .events = POLLIN}};
    bool works = true;
    while (works) {
        if (poll(listeners, 2, -1) < 0) {
            works = errno == EINTR;
            continue;
        }
        if (listeners[0].revents) works = admit(plain, false, &attributes);
        if (listeners[1].revents) works = admit(secure, true, &attributes) && works;
    }
    pthread_attr_destroy(&attributes);
    return -1;
}
