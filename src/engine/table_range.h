/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_range: what the streams' tables can hold, if they are partitioned, kept fresh: read before the
 * first record is taken, every 30 s for tables that are partitioned, and when somebody asks.
 *
 * A known range may be old: a partition may have been made a moment ago. So a record is refused by
 * it only if the range was read after the record was written. When a look at the catalog begins,
 * each cursor notes its partition's high watermark; what lies below was in the log by then. A record
 * that is refused and lies above makes its lane hold it and ask for a look. One look so serves
 * all that is in the log, not one record, and no clock decides. A claim forgets what is known of its
 * partition: the log may be another one, or the stream was resumed, and reads again what it refused
 * because somebody has made partitions for it.
 *
 * The questions are put in the service's worker; a look that fails is tried again.
 */
#ifndef PACTOLUS_ENGINE_TABLE_RANGE_H
#define PACTOLUS_ENGINE_TABLE_RANGE_H

#include "engine/engine.h"

usec_t table_range_turn(struct engine *engine, usec_t now);

/* May the record at `offset`, which the known range refuses, be refused for good? If not, a look is
 * asked for: hold the record and ask again. */
bool table_range_sure(struct cursor *cursor, int64_t offset);

/* A lane's batch failed with `err`. If that speaks of partitions, look at once: what the batch waits
 * for may have been taken away, and then its records are to be judged anew. */
void table_range_missed(struct lane *lane, const struct err *err);

#endif
