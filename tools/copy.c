/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pactolus-copy CONNINFO TABLE FILE ROWS: what PostgreSQL itself can do, to measure against.
 *
 * Reads FILE, which `COPY … TO STDOUT (FORMAT binary)` wrote, and writes its rows into TABLE by
 * binary COPY, one transaction of ROWS rows each. Reading and cutting are done before the clock
 * starts. Prints: rows, seconds, and µs of CPU per row of this client and of the backend.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 11 + 4 + 4 }; /* signature, flags, length of the extension */

static const char signature[11] = "PGCOPY\n\377\r\n\0";

struct chunk {
    const char *data;
    size_t length;
};

struct chunks {
    struct chunk *items;
    unsigned count;
    unsigned long rows;
};

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long size = ftell(file);
    char *data = size > 0 ? malloc((size_t)size) : NULL;
    rewind(file);
    if (data && fread(data, 1, (size_t)size, file) != (size_t)size) {
        free(data);
        data = NULL;
    }
    *length = (size_t)size;
    fclose(file);
    return data;
}

/* The length of the row at `at`, 0 for the trailer; false if it passes `end`. */
static bool row_length(const char *at, const char *end, size_t *length)
{
    const char *from = at;
    if (end - at < 2)
        return false;
    int fields = (int16_t)(((unsigned char)at[0] << 8) | (unsigned char)at[1]);
    at += 2;
    *length = 0;
    if (fields < 0)
        return true;
    for (int i = 0; i < fields; i++) {
        if (end - at < 4)
            return false;
        int32_t size = (int32_t)be32_load(at);
        at += 4;
        if (size > 0 && end - at < size)
            return false;
        at += size > 0 ? size : 0;
    }
    *length = (size_t)(at - from);
    return true;
}

static bool cut(const char *data, size_t length, unsigned rows, struct chunks *out)
{
    const char *end = data + length, *at = data + HEADER, *start = at;
    if (length < HEADER || memcmp(data, signature, sizeof signature) != 0)
        return false;
    for (unsigned n = 0;; n++) {
        size_t size;
        if (!row_length(at, end, &size))
            return false;
        if ((size == 0 && at > start) || n == rows) {
            out->items = mem_grow(out->items, out->count + 1, sizeof *out->items);
            out->items[out->count++] = (struct chunk){start, (size_t)(at - start)};
            start = at;
            n = 0;
        }
        if (size == 0)
            return true;
        at += size;
        out->rows++;
    }
}

/* One transaction: the statement is its own. */
static bool copy(PGconn *conn, const char *statement, const struct chunk *chunk)
{
    static const char trailer[2] = {'\377', '\377'};
    char header[HEADER] = {0};
    memcpy(header, signature, sizeof signature);
    PGresult *result = PQexec(conn, statement);
    bool good = PQresultStatus(result) == PGRES_COPY_IN;
    PQclear(result);
    good = good && PQputCopyData(conn, header, sizeof header) == 1 &&
           PQputCopyData(conn, chunk->data, (int)chunk->length) == 1 &&
           PQputCopyData(conn, trailer, sizeof trailer) == 1 && PQputCopyEnd(conn, NULL) == 1;
    while (good && (result = PQgetResult(conn))) {
        good = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
    }
    return good;
}

/* Seconds of CPU that the process has used; it runs on this machine. */
static double cpu_of(int pid)
{
    enum { STATE = 3, UTIME = 14 }; /* proc(5) counts from 1; the name before may hold spaces */
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[n] = 0;
    char *at = strrchr(text, ')');
    if (!at)
        return 0;
    at++;
    for (int field = STATE; field < UTIME; field++) {
        at += strspn(at, " ");
        at += strcspn(at, " ");
    }
    double user = (double)strtoul(at, &at, 10), system = (double)strtoul(at, &at, 10);
    return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double own_cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static bool run(PGconn *conn, const char *table, const struct chunks *chunks)
{
    char statement[256];
    snprintf(statement, sizeof statement, "COPY %s FROM STDIN (FORMAT binary)", table);
    double backend = cpu_of(PQbackendPID(conn)), mine = own_cpu(), began = now();
    for (unsigned i = 0; i < chunks->count; i++) {
        if (!copy(conn, statement, &chunks->items[i])) {
            fprintf(stderr, "pactolus-copy: %s", PQerrorMessage(conn));
            return false;
        }
    }
    double rows = (double)chunks->rows, seconds = now() - began;
    printf("%lu %.3f %.2f %.2f\n", chunks->rows, seconds, (own_cpu() - mine) / rows * 1e6,
           (cpu_of(PQbackendPID(conn)) - backend) / rows * 1e6);
    return true;
}

int main(int argc, char **argv)
{
    int64_t rows = 0;
    if (argc != 5 || !text_parse_int(argv[4], &rows) || rows < 1 || rows > UINT_MAX) {
        fprintf(stderr, "usage: pactolus-copy CONNINFO TABLE FILE ROWS\n");
        return 64;
    }
    struct chunks chunks = {0};
    PGconn *conn = NULL;
    size_t length = 0;
    bool good = false;
    char *data = read_file(argv[3], &length);
    if (!data || !cut(data, length, (unsigned)rows, &chunks)) {
        fprintf(stderr, "pactolus-copy: %s is no binary COPY file\n", argv[3]);
        goto cleanup;
    }
    conn = PQconnectdb(argv[1]);
    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "pactolus-copy: %s", PQerrorMessage(conn));
        goto cleanup;
    }
    good = run(conn, argv[2], &chunks);
cleanup:
    PQfinish(conn);
    free(chunks.items);
    free(data);
    return good ? 0 : 69;
}
