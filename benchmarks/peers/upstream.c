/* A Healthie that costs next to nothing: one thread, one epoll loop, HTTP/1.1 with keep-alive.
 *
 * usage: upstream PORT DIRECTORY
 *
 * Answers a GraphQL request by its operation's name, without reading the document, from the directory's files: see answers.c.
 */
#define _GNU_SOURCE
#include "answers.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, REQUEST = 1 << 18, EVENTS = 256 };

typedef struct { char in[REQUEST]; size_t have; Text out; size_t sent; } Connection;

static Connection *connections[CONNECTIONS];
static int poll_fd;

static void watch(int fd, int action, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poll_fd, action, fd, &event);
}

static void hang_up(int fd) {
    connections[fd]->have = connections[fd]->out.length = connections[fd]->sent = 0;
    close(fd);
}

/* Send what is left of the answers. Returns whether the connection is still there. */
static int flush_answers(int fd) {
    Connection *with = connections[fd];
    while (with->sent < with->out.length) {
        ssize_t wrote = write(fd, with->out.text + with->sent, with->out.length - with->sent);
        if (wrote < 0 && errno == EAGAIN) {
            watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return 1;
        }
        if (wrote <= 0) {
            hang_up(fd);
            return 0;
        }
        with->sent += (size_t)wrote;
    }
    with->out.length = with->sent = 0;
    watch(fd, EPOLL_CTL_MOD, EPOLLIN);
    return 1;
}

/* The value of a header (its name with a colon, and the scheme where there is one), or NULL. `head` ends with a zero. */
static const char *header(const char *head, const char *name) {
    const char *at = strcasestr(head, name);
    if (!at) return NULL;
    for (at += strlen(name); *at == ' '; at++) {}
    return at;
}

/* Take the first request off the buffer and write its answer. Returns whether there was a whole one. */
static int answer_one(Connection *with) {
    static Text body;
    char key[128] = "", *end = memmem(with->in, with->have, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    const char *length = header(with->in, "\r\ncontent-length:"), *scheme = header(with->in, "\r\nauthorization: basic ");
    size_t head = (size_t)(end - with->in) + 4, all = head + (length ? strtoul(length, NULL, 10) : 0);
    if (scheme) sscanf(scheme, "%127[^\r]", key);
    *end = '\r';
    if (all > REQUEST) exit(2);
    if (with->have < all) return 0;
    body.length = 0;
    append_body(&body, with->in + head, all - head, key);
    append_format(&with->out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.length);
    append(&with->out, body.text, body.length);
    memmove(with->in, with->in + all, with->have -= all);
    return 1;
}

static void receive(int fd) {
    Connection *with = connections[fd];
    ssize_t got = read(fd, with->in + with->have, REQUEST - with->have);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        hang_up(fd);
        return;
    }
    with->have += (size_t)got;
    while (answer_one(with)) {}
    flush_answers(fd);
}

static void greet(int listening) {
    for (int fd, one = 1; (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        if (fd >= CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!connections[fd] && !(connections[fd] = calloc(1, sizeof(Connection)))) fail("calloc");
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **given) {
    if (count != 3) return fprintf(stderr, "usage: upstream PORT DIRECTORY\n"), 64;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    read_directory(given[2]);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(given[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listening, (struct sockaddr *)&address, sizeof address) || listen(listening, 1024)) fail("bind");
    poll_fd = epoll_create1(0);
    watch(listening, EPOLL_CTL_ADD, EPOLLIN);
    for (struct epoll_event events[EVENTS];;) {
        int some = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < some; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) greet(fd);
            else if (!(events[i].events & EPOLLOUT) || flush_answers(fd))
                if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(fd);
        }
    }
}
