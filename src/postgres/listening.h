/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listening: a session that hears what verbs say for a group (NOTIFY pactolus, with the group's
 * name; migrations/0010). Opening blocks, and may be another thread's; all else never does. What is
 * said while no session listens is lost: whoever opens one looks for himself first.
 */
#ifndef PACTOLUS_POSTGRES_LISTENING_H
#define PACTOLUS_POSTGRES_LISTENING_H

#include "postgres/conn.h"

struct listening;

/* `owner` is registered already or becomes so (owner_register): the session says whose it is before
 * it listens. Borrows `group` until it is closed, all else for the call. NULL with err, classified
 * by postgres/sqlstate. */
struct listening *listening_open(const struct conn_options *options, const char *owner,
                                 const char *group, struct err *err);
/* To be watched for input; the session's. */
int listening_socket(const struct listening *listening);
/* Take all that has arrived: true in *heard when some of it is for the group, else *heard stays.
 * False when the session is lost, which is all that can fail. */
bool listening_take(struct listening *listening, bool *heard) MUST_CHECK;
/* NULL is closed. */
void listening_close(struct listening *listening);

#endif
