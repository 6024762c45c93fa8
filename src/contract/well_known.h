/* SPDX-License-Identifier: Apache-2.0 */
/*
 * well_known: the messages of google.protobuf and google.type that have a meaning of their own,
 * with the shape that each must have. A descriptor set may define a google.protobuf.Timestamp of
 * any shape; since code further on reads these by their fields, another shape is an error of the
 * set.
 */
#ifndef PACTOLUS_CONTRACT_WELL_KNOWN_H
#define PACTOLUS_CONTRACT_WELL_KNOWN_H

#include "contract/descriptor.h"

/* The kind that `full_name` names, WELL_KNOWN_NONE for all other messages. */
enum well_known well_known_kind(const char *full_name);

/* Has `type`, filled and linked, the fields that its well-known name promises? False with err. */
bool well_known_check(const struct message_type *type, struct err *err) MUST_CHECK;

#endif
