/* SPDX-License-Identifier: Apache-2.0 */
/* Families of the process itself, by the names that all Prometheus clients use. */
#include "engine/metrics_internal.h"
#include "version.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void build_info(struct metrics_page *page)
{
    char libpq[24];
    int version = conn_library_version();
    snprintf(libpq, sizeof(libpq), "%d.%d", version / 10000, version % 10000);
    metrics_label(page, "version", PACTOLUS_VERSION);
    metrics_label(page, "commit", PACTOLUS_COMMIT);
    metrics_label(page, "librdkafka", kafka_library_version());
    metrics_label(page, "libpq", libpq);
    metrics_value(page, 1);
}

static void cpu(struct metrics_page *page)
{
    metrics_value(page, (double)clock_cpu() / (double)USEC_PER_SEC);
}

/* The first two numbers of /proc/self/statm are pages: virtual and resident. */
static void memory_pages(struct metrics_page *page, unsigned which)
{
    unsigned long pages[2] = {0};
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    char text[128] = "";
    char *at = fgets(text, sizeof(text), file);
    fclose(file);
    for (unsigned i = 0; at && i < 2; i++)
        pages[i] = strtoul(at, &at, 10);
    metrics_count(page, pages[which] * (unsigned long)sysconf(_SC_PAGESIZE));
}

static void resident(struct metrics_page *page)
{
    memory_pages(page, 1);
}

static void virtual(struct metrics_page *page)
{
    memory_pages(page, 0);
}

static void open_files(struct metrics_page *page)
{
    uint64_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    metrics_count(page, n - 1); /* not the folder's own */
}

static void most_files(struct metrics_page *page)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_count(page, limit.rlim_cur);
}

static void began(struct metrics_page *page)
{
    metrics_value(page, (double)page->metrics->began / (double)USEC_PER_SEC);
}

static void requests(struct metrics_page *page)
{
    const struct http_counts *counts = http_counts(page->metrics->http);
    metrics_count_of(page, "code", "200", counts->ok);
    metrics_count_of(page, "code", "404", counts->not_found);
    metrics_count_of(page, "code", "405", counts->bad_method);
    metrics_count_of(page, "code", "503", counts->unavailable);
}

static void cut(struct metrics_page *page)
{
    metrics_count(page, http_counts(page->metrics->http)->cut);
}

const struct metrics_family metrics_process_families[] = {
    {"pactolus_build_info", METRIC_GAUGE, "Always 1; which program and libraries run.", build_info,
     NULL, NULL, NULL},
    {"process_cpu_seconds_total", METRIC_COUNTER, "User and system time of the process.", cpu, NULL,
     NULL, NULL},
    {"process_resident_memory_bytes", METRIC_GAUGE, "Memory that the process has in RAM.", resident,
     NULL, NULL, NULL},
    {"process_virtual_memory_bytes", METRIC_GAUGE, "Address space of the process.", virtual, NULL,
     NULL, NULL},
    {"process_open_fds", METRIC_GAUGE, "Open file descriptors.", open_files, NULL, NULL, NULL},
    {"process_max_fds", METRIC_GAUGE, "File descriptors that it may open.", most_files, NULL, NULL,
     NULL},
    {"process_start_time_seconds", METRIC_GAUGE, "When the daemon began, in seconds since 1970.",
     began, NULL, NULL, NULL},
    {"pactolus_http_requests_total", METRIC_COUNTER, "Requests that were answered, by status.",
     requests, NULL, NULL, NULL},
    {"pactolus_http_connections_cut_total", METRIC_COUNTER,
     "Connections that were ended because they took too long.", cut, NULL, NULL, NULL},
    {0},
};
