/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dual_publish: the steps that lead from one major version of a contract to the next while both are
 * published, for the contract at hand. Pure.
 */
#ifndef PACTOLUS_COMMAND_DUAL_PUBLISH_H
#define PACTOLUS_COMMAND_DUAL_PUBLISH_H

#include "base/buf.h"
#include "contract/contract.h"

enum { DUAL_PUBLISH_STEPS = 6 };

/* One sentence per step, to be freed. `old` is the version that stays; `changed` what somebody
 * wants instead: when both agree on key, mode, version and column types, one table can take both. */
void dual_publish_steps(const struct contract *old, const struct contract *changed,
                        char *steps[DUAL_PUBLISH_STEPS]);

/* "shop.v1" → "shop.v2", "shop" → "shop.v2"; to be freed. */
char *dual_publish_package(const char *package);
/* "shop.order.changed" → "shop.order.changed.v2", "….v2" → "….v3"; to be freed. */
char *dual_publish_topic(const char *topic, unsigned major);

#endif
