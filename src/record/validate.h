/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate: does a message keep its contract's rules (contract/rules)? Semantics are
 * protovalidate's: fields without presence are always judged, even at zero; fields with presence
 * only when set; `required`, `ignore`, ranges with a lower bound above the upper are exclusive, …
 */
#ifndef PACTOLUS_RECORD_VALIDATE_H
#define PACTOLUS_RECORD_VALIDATE_H

#include "contract/rules.h"

/* The first violation found. */
struct violation {
    char field[160]; /* path as protovalidate prints it: items[0].sku, m["a"]; "" for the message */
    char rule[64];   /* rule id: "string.min_len" */
    char message[160]; /* without the value itself: values may be personal */
};

/* `now` (wall microseconds) serves lt_now, gt_now and within. True when every rule holds; otherwise
 * `violation` is filled. Allocates nothing on the happy path. */
bool validate_message(const struct rules *rules, const ProtobufCMessage *message, int64_t now,
                      struct violation *violation);

#endif
