/* Asks a server again and again over so many connections, and says how often it answered: one thread, one epoll loop.
 *
 * usage: load PORT CONNECTIONS SECONDS FIRST < REQUESTS
 *
 * REQUESTS are whole HTTP requests, each after its length (four bytes, the lowest first). Every connection sends the next one of them, of all
 * that are sent, as soon as its last is answered; the first is that with the number FIRST. Prints
 *
 *   {"answers": …, "failures": …, "seconds": …, "bytes": …, "milliseconds": [median, 90th, 99th percentile]}
 *
 * where failures are answers with another status than 200, or with "errors" at their beginning. Answers must have a Content-Length.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 22, EVENTS = 256, MOST = 1 << 22, SIGN = 64 };

typedef struct { char *text; uint32_t length; } Request;
typedef struct { int fd; char *in; size_t have, expected; double asked; } Connection;

static Request *requests;
static size_t request_count, next_request;
static long answered, failed;
static unsigned long long bytes;
static double *taken; /* seconds of each answer */

static void fail(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void read_requests(void) {
    for (uint32_t length; fread(&length, sizeof length, 1, stdin) == 1; request_count++) {
        requests = realloc(requests, (request_count + 1) * sizeof(Request));
        requests[request_count] = (Request){malloc(length), length};
        if (fread(requests[request_count].text, 1, length, stdin) != length) fail("requests");
    }
    if (!request_count) fail("no requests");
}

static void ask(Connection *with) {
    const Request *one = &requests[next_request++ % request_count];
    with->have = with->expected = 0;
    with->asked = now();
    for (uint32_t sent = 0; sent < one->length;) {
        ssize_t wrote = write(with->fd, one->text + sent, one->length - sent);
        if (wrote < 0 && errno != EAGAIN) fail("write");
        if (wrote > 0) sent += (uint32_t)wrote;
    }
}

/* Read the head once it is whole: how long the answer is. */
static void read_head(Connection *with) {
    char *end = memmem(with->in, with->have, "\r\n\r\n", 4);
    if (!end) return;
    *end = 0;
    const char *length = strcasestr(with->in, "\r\ncontent-length:");
    if (!length) {
        fprintf(stderr, "an answer without a length: %s\n", with->in);
        exit(1);
    }
    with->expected = (size_t)(end - with->in) + 4 + strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
    *end = '\r';
    if (with->expected > ROOM) fail("an answer is too long");
}

static void take(Connection *with) {
    const char *body = memmem(with->in, with->have, "\r\n\r\n", 4);
    size_t rest = with->have - (size_t)(body - with->in);
    int is_good = !strncmp(with->in, "HTTP/1.1 200", 12) && !memmem(body, rest < SIGN ? rest : SIGN, "\"errors\"", 8);
    if (!is_good && !failed++) fprintf(stderr, "%.*s\n", 600, with->in);
    if (answered < MOST) taken[answered] = now() - with->asked;
    answered++;
    bytes += with->have;
}

static int by_size(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static double percentile(double share) {
    long count = answered < MOST ? answered : MOST;
    return count ? taken[(long)((double)(count - 1) * share)] * 1000 : 0;
}

static void connect_to(Connection *with, int port) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    with->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(with->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(with->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    with->in = malloc(ROOM);
}

int main(int count, char **given) {
    if (count != 5) return fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS FIRST < REQUESTS\n"), 64;
    int width = atoi(given[2]), poll_fd = epoll_create1(0), open = width;
    read_requests();
    next_request = strtoul(given[4], NULL, 10);
    taken = malloc(MOST * sizeof(double));
    Connection *connections = calloc((size_t)width, sizeof(Connection));
    double began = now(), until = began + atof(given[3]);
    for (int i = 0; i < width; i++) {
        connect_to(&connections[i], atoi(given[1]));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, connections[i].fd, &event);
        ask(&connections[i]);
    }
    for (struct epoll_event events[EVENTS]; open;) { /* what was asked is waited for: its work is in the server's time as well */
        int some = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < some; i++) {
            Connection *with = events[i].data.ptr;
            ssize_t got = read(with->fd, with->in + with->have, ROOM - with->have);
            if (got <= 0) fail("the server hung up");
            with->have += (size_t)got;
            if (!with->expected) read_head(with);
            if (!with->expected || with->have < with->expected) continue;
            take(with);
            if (now() < until) ask(with);
            else {
                close(with->fd);
                open--;
            }
        }
    }
    double seconds = now() - began;
    qsort(taken, (size_t)(answered < MOST ? answered : MOST), sizeof(double), by_size);
    printf("{\"answers\": %ld, \"failures\": %ld, \"seconds\": %.4f, \"bytes\": %llu, \"milliseconds\": [%.3f, %.3f, %.3f]}\n", answered, failed,
           seconds, bytes, percentile(0.5), percentile(0.9), percentile(0.99));
    return failed > 0;
}
