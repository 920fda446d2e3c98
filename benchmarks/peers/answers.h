/* What a system of record answers; see answers.c. */
#include <stddef.h>

typedef struct { char *text; size_t length, room; } Text; /* grows as it is written to */

void fail(const char *what); /* say why, and end */
void append(Text *to, const char *from, size_t length);
void append_format(Text *to, const char *format, ...); /* at most 511 characters */

void read_directory(const char *directory);

/* Append the body of the answer to a GraphQL request, whose API key is `key`. */
void append_body(Text *body, const char *request, size_t length, const char *key);
