/* A Healthie that costs next to nothing: one thread, one epoll loop, HTTP/1.1 with keep-alive.
 *
 * usage: upstream PORT DIRECTORY          (benchmarks/peers/data.py writes the directory)
 *
 * Answers a GraphQL request by its operation's name, without reading the document:
 *
 *   op.NAME.json                answer of an operation
 *   op.NAME.after.CURSOR.json   a following page of it, where the variables have "after"
 *   visit_types.txt             lines `ID ROWS`: how many slots a visit type has each day
 *   rows.ROWS.json              the slots of one day, with 0000-00-00 for the day and +0000 for the offset from UTC
 *   days.txt                    lines `YYYY-MM-DD +HHMM`: the days that have slots, in order, and the practice's offset on each
 *
 * AvailableSlots is put together from the days that are asked for; WhoAmI and the probe of a version say that the key `key-ID` is ID's.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, REQUEST = 1 << 18, EVENTS = 256, NAME = 160, DAY = 10, OFFSET = 5 };

typedef struct { char name[NAME]; char *text; size_t length; } Answer;          /* a file of the directory, in memory */
typedef struct { char id[32]; int rows; } VisitType;
typedef struct { int rows; char *text; size_t length; size_t *days, *offsets; int count; } Rows;  /* where to write day and offset */
typedef struct { char day[DAY + 1], offset[OFFSET + 1]; } Day;
typedef struct { char *text; size_t length, room; } Text;
typedef struct { char in[REQUEST]; size_t have; Text out; size_t sent; } Connection;

static Answer *answers;
static VisitType *visit_types;
static Rows *rows;
static Day *days;
static int answer_count, visit_type_count, rows_count, day_count, poll_fd;
static Connection *connections[CONNECTIONS];

static void fail(const char *what) { perror(what); exit(1); }

/* One more place at the end of an array. */
#define GROWN(array, count, type) ((array) = realloc((array), (size_t)((count) + 1) * sizeof(type)), &(array)[(count)++])

static void reserve(Text *to, size_t more) {
    if (to->length + more <= to->room) return;
    to->room = (to->length + more) * 2;
    if (!(to->text = realloc(to->text, to->room))) fail("realloc");
}

static void append(Text *to, const char *from, size_t length) {
    reserve(to, length);
    memcpy(to->text + to->length, from, length);
    to->length += length;
}

static void append_format(Text *to, const char *format, ...) {
    char line[512];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    append(to, line, (size_t)length);
}

/* --- the directory ------------------------------------------------------------------------------------------------------- */

static char *whole_file(const char *directory, const char *name, size_t *length) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*length + 1);
    if (!text || fread(text, 1, *length, file) != *length) fail(path);
    text[*length] = 0;
    fclose(file);
    return text;
}

/* Where a placeholder stands in a day's rows. */
static size_t *places(const Rows *in, const char *placeholder, int *count) {
    size_t *found = NULL;
    *count = 0;
    for (const char *at = in->text; (at = strstr(at, placeholder)); at += strlen(placeholder))
        *GROWN(found, *count, size_t) = (size_t)(at - in->text);
    return found;
}

static void read_rows(const char *directory, const char *name) {
    Rows *one = GROWN(rows, rows_count, Rows);
    one->rows = atoi(name + strlen("rows."));
    one->text = whole_file(directory, name, &one->length);
    one->days = places(one, "0000-00-00", &one->count);
    one->offsets = places(one, "+0000", &one->count);
}

static void read_directory(const char *directory) {
    DIR *listing = opendir(directory);
    if (!listing) fail(directory);
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (!strncmp(entry->d_name, "rows.", 5)) read_rows(directory, entry->d_name);
        if (strncmp(entry->d_name, "op.", 3)) continue;
        Answer *one = GROWN(answers, answer_count, Answer);
        snprintf(one->name, NAME, "%.*s", (int)(strlen(entry->d_name) - strlen("op.") - strlen(".json")), entry->d_name + 3);
        one->text = whole_file(directory, entry->d_name, &one->length);
    }
    closedir(listing);
    size_t length;
    char *rest, *text = whole_file(directory, "visit_types.txt", &length);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        VisitType *one = GROWN(visit_types, visit_type_count, VisitType);
        sscanf(line, "%31s %d", one->id, &one->rows);
    }
    text = whole_file(directory, "days.txt", &length);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        Day *one = GROWN(days, day_count, Day);
        sscanf(line, "%10s %5s", one->day, one->offset);
    }
}

/* --- answers ------------------------------------------------------------------------------------------------------------- */

/* The string value of a name in a JSON text, wherever it stands; empty without one. */
static void value_of(const char *text, size_t length, const char *name, char *to, size_t room) {
    char pattern[64];
    int wide = snprintf(pattern, sizeof pattern, "\"%s\":", name);
    const char *end = text + length, *at = memmem(text, length, pattern, (size_t)wide);
    to[0] = 0;
    if (!at) return;
    for (at += wide; at < end && *at == ' '; at++) {}
    if (at == end || *at++ != '"') return;
    size_t used = 0;
    while (at < end && *at != '"' && used < room - 1) to[used++] = *at++;
    to[used] = 0;
}

static const Rows *rows_of(const char *visit_type) {
    for (int i = 0; i < visit_type_count; i++)
        if (!strcmp(visit_types[i].id, visit_type))
            for (int j = 0; j < rows_count; j++)
                if (rows[j].rows == visit_types[i].rows) return &rows[j];
    return NULL;
}

/* The slots of a visit type on the days first..last (both in the practice's time zone). */
static void append_slots(Text *body, const char *visit_type, const char *first, const char *last) {
    const Rows *from = rows_of(visit_type);
    int some = 0;
    append_format(body, "{\"data\":{\"availableSlotsForRange\":[");
    for (int i = 0; from && i < day_count; i++) {
        if (strncmp(days[i].day, first, DAY) < 0 || strncmp(days[i].day, last, DAY) > 0) continue;
        if (some++) append(body, ",", 1);
        reserve(body, from->length);
        char *at = body->text + body->length;
        memcpy(at, from->text, from->length);
        for (int n = 0; n < from->count; n++) {
            memcpy(at + from->days[n], days[i].day, DAY);
            memcpy(at + from->offsets[n], days[i].offset, OFFSET);
        }
        body->length += from->length;
    }
    append_format(body, "]}}");
}

static void append_body(Text *body, const char *request, size_t length, const char *key) {
    char operation[64], after[64], name[NAME];
    value_of(request, length, "operationName", operation, sizeof operation);
    if (!strcmp(operation, "AvailableSlots")) {
        char visit_type[64], first[64], last[64];
        value_of(request, length, "appt_type_id", visit_type, sizeof visit_type);
        value_of(request, length, "start_date", first, sizeof first);
        value_of(request, length, "end_date", last, sizeof last);
        append_slots(body, visit_type, first, last);
        return;
    }
    if (!strcmp(operation, "WhoAmI") || !strcmp(operation, "ApiVersion")) {
        append_format(body, "{\"data\":{\"currentUser\":{\"id\":\"%s\"}}}", strncmp(key, "key-", 4) ? "0" : key + 4);
        return;
    }
    value_of(request, length, "after", after, sizeof after);
    snprintf(name, NAME, after[0] ? "%s.after.%s" : "%s", operation, after);
    for (int i = 0; i < answer_count; i++)
        if (!strcmp(answers[i].name, name)) {
            append(body, answers[i].text, answers[i].length);
            return;
        }
    fprintf(stderr, "no answer for %s\n", name);
    append_format(body, "{\"data\":{}}");
}

/* --- HTTP ---------------------------------------------------------------------------------------------------------------- */

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
