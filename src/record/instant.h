/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instant: google.protobuf.Timestamp and Duration as numbers and as text. One module, because
 * binary cells, array literals, JSON and Kafka keys must agree on ranges and rounding.
 *
 * Ranges are those of the comments in google/protobuf/timestamp.proto and duration.proto: years
 * 1–9999 with nanos 0–999,999,999; ±315,576,000,000 s with nanos of the same sign. Microseconds
 * of an instant are floored (PostgreSQL would round, even into year 10000), those of a span of time
 * are cut toward zero, so that -d is the mirror of d.
 */
#ifndef PACTOLUS_RECORD_INSTANT_H
#define PACTOLUS_RECORD_INSTANT_H

#include "base/buf.h"

#include <protobuf-c/protobuf-c.h>

/* Seconds and nanos of either type; as a Timestamp since 1970-01-01T00:00:00Z. */
struct instant {
    int64_t seconds;
    int32_t nanos;
};

enum {
    INSTANT_TEXT_MAX = 40,
    INSTANT_DAYS_2000 = 10957, /* from 1970-01-01 to PostgreSQL's epoch */
};

/* Read and write a message of type Timestamp or Duration (whose shape the loader has checked). */
struct instant instant_of(const ProtobufCMessage *message);
void instant_store(ProtobufCMessage *message, struct instant instant);

bool instant_is_timestamp(struct instant instant); /* within the ranges above */
bool instant_is_duration(struct instant instant);

/* Microseconds; only for values in range. */
int64_t instant_timestamp_micros(struct instant instant);
int64_t instant_duration_micros(struct instant instant);

/* RFC 3339 in UTC with 0, 3, 6 or 9 digits of fraction; only for values in range. Returns the
 * length. `micros`: floored to microseconds first. */
size_t instant_timestamp_text(struct instant instant, bool micros, char out[INSTANT_TEXT_MAX]);
/* "1.500s", "-0.000001s". */
size_t instant_duration_text(struct instant instant, char out[INSTANT_TEXT_MAX]);
/* An interval as PostgreSQL reads it under every IntervalStyle: "-12:34:56.000001". */
size_t instant_interval_text(struct instant instant, char out[INSTANT_TEXT_MAX]);

/* Days since 1970-01-01 of a date of the years 1 to 9999; false for what is none. */
bool instant_days(int32_t year, int32_t month, int32_t day, int32_t *days);
/* The same of "2026-05-17". */
bool instant_parse_date(struct span text, int32_t *days);

/* RFC 3339 with any offset, at most 9 digits of fraction, no leap second; false also when out of
 * range. */
bool instant_parse_timestamp(struct span text, struct instant *instant);
/* "1.5s", "-3s". */
bool instant_parse_duration(struct span text, struct instant *instant);

#endif
