/* What a system of record answers, by the files of a directory (benchmarks/peers/upstream_files.py writes them):
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
#include "answers.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 160, DAY = 10, OFFSET = 5 };

typedef struct { char name[NAME]; char *text; size_t length; } Answer;          /* a file of the directory, in memory */
typedef struct { char id[32]; int rows; } VisitType;
typedef struct { int rows; char *text; size_t length; size_t *days, *offsets; int count; } Rows;  /* where to write day and offset */
typedef struct { char day[DAY + 1], offset[OFFSET + 1]; } Day;

static Answer *answers;
static VisitType *visit_types;
static Rows *rows;
static Day *days;
static int answer_count, visit_type_count, rows_count, day_count;

void fail(const char *what) { perror(what); exit(1); }

/* One more place at the end of an array. */
#define GROWN(array, count, type) ((array) = realloc((array), (size_t)((count) + 1) * sizeof(type)), &(array)[(count)++])

static void reserve(Text *to, size_t more) {
    if (to->length + more <= to->room) return;
    to->room = (to->length + more) * 2;
    if (!(to->text = realloc(to->text, to->room))) fail("realloc");
}

void append(Text *to, const char *from, size_t length) {
    reserve(to, length);
    memcpy(to->text + to->length, from, length);
    to->length += length;
}

void append_format(Text *to, const char *format, ...) {
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

void read_directory(const char *directory) {
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

void append_body(Text *body, const char *request, size_t length, const char *key) {
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
