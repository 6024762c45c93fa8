/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/origin.h"

#include "postgres/identity.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_PATIENCE_MS = 10000 };

void origin_write(const struct origin *origin, char note[COMMIT_NOTE])
{
    const struct database *database = &origin->database;
    snprintf(note, COMMIT_NOTE, "pactolus %s %" PRId64 " %" PRId64 " %" PRId64 " %s", database->id,
             origin->log, origin->fence, database->timeline,
             *database->system ? database->system : "-");
}

/* A number behind a blank; `at` is left behind it. */
static bool read_number(const char **at, int64_t *number)
{
    char *end;
    if (**at != ' ' || ((*at)[1] != '-' && !isdigit((unsigned char)(*at)[1])))
        return false;
    errno = 0;
    *number = strtoll(*at + 1, &end, 10);
    *at = end;
    return errno == 0;
}

/* Notes of earlier versions end before it. */
static bool read_place(const char *at, struct database *database)
{
    if (*at == '\0')
        return true;
    if (!read_number(&at, &database->timeline) || *at != ' ')
        return false;
    size_t length = strspn(at + 1, "0123456789");
    if (length >= sizeof database->system)
        return false;
    memcpy(database->system, at + 1, length);
    return strcmp(at, " -") == 0 || (length > 0 && at[1 + length] == '\0');
}

bool origin_parse(const char *note, struct origin *origin)
{
    static const char prefix[] = "pactolus ";
    *origin = (struct origin){0};
    if (strncmp(note, prefix, sizeof(prefix) - 1) != 0)
        return false;
    const char *at = note + sizeof(prefix) - 1;
    size_t length = strspn(at, "0123456789abcdef-");
    if (length != DATABASE_ID_TEXT - 1)
        return false;
    memcpy(origin->database.id, at, length);
    at += length;
    return read_number(&at, &origin->log) && read_number(&at, &origin->fence) &&
           read_place(at, &origin->database);
}

static bool read_offsets(const struct claiming *claiming, struct group_offset *offsets,
                         struct err *err)
{
    for (unsigned i = 0; i < claiming->n; i++)
        offsets[i] = (struct group_offset){.topic = claiming->list[i].topic,
                                           .partition = claiming->list[i].partition};
    return admin_group_offsets(claiming->client, offsets, claiming->n, BROKER_PATIENCE_MS, err);
}

/* Does the group know more of this log than the database does? */
static bool is_behind(const struct claimed *claimed, const struct group_offset *offset,
                      const struct origin *origin)
{
    if (!claimed->exists) /* a log of another incarnation says nothing */
        return !claimed->topic_known;
    if (claimed->log != origin->log)
        return false;
    return origin->fence > claimed->fence ||
           (origin->fence == claimed->fence && offset->offset > claimed->next_offset);
}

/* One partition's note. `fork`: the database is behind what it said under its present id. */
static bool compare(const struct identity *identity, struct claimed *claimed,
                    const struct group_offset *offset, bool *fork, struct err *err)
{
    struct origin origin;
    if (offset->offset < 0 || !origin_parse(offset->note, &origin))
        return true;
    bool known = identity_knows(identity, origin.database.id);
    if (!known && !identity_cut_off(identity, &origin.database)) {
        identity_foreign(identity, origin.database.id, err);
        return err_place(err, "%s[%d]", offset->topic, (int)offset->partition);
    }
    *fork |= !known;
    if (!is_behind(claimed, offset, &origin))
        return true;
    claimed->told = offset->offset;
    claimed->topic_known = true; /* it was read: what is lost of it is read from its beginning */
    *fork |= strcmp(origin.database.id, identity->database.id) == 0;
    return true;
}

static bool compare_all(struct claiming *claiming, const struct identity *identity, bool *fork,
                        struct err *err)
{
    struct group_offset *offsets = mem_zero(claiming->n + 1, sizeof(*offsets));
    bool good = read_offsets(claiming, offsets, err);
    for (unsigned i = 0; good && i < claiming->n; i++)
        good = compare(identity, &claiming->list[i], &offsets[i], fork, err);
    free(offsets);
    return good;
}

bool origin_check(struct claiming *claiming, PGconn *conn, struct err *err)
{
    struct identity identity = {0};
    bool fork = false, good = false;
    /* Asked each time: brokers may have become another cluster's behind their name. */
    char *cluster_id = admin_cluster_id(claiming->client, BROKER_PATIENCE_MS, err);
    if (!cluster_id)
        return false;
    good = identity_read(conn, claiming->group, cluster_id, &identity, err) &&
           identity_judge(&identity, cluster_id, err) &&
           (claiming->alone || compare_all(claiming, &identity, &fork, err));
    if (good && fork)
        good = identity_branch(conn, &identity.database, claiming->group,
                               "behind what the group was told", err);
    claiming->database = identity.database;
    identity_free(&identity);
    free(cluster_id);
    return good;
}

bool origin_went_back(PGconn *conn, const char *group, struct database *database,
                      const struct cursor_position *before, const struct cursor_position *now,
                      unsigned n, struct err *err)
{
    char why[160];
    const struct cursor_position *first = NULL;
    unsigned back = 0;
    for (unsigned i = 0; i < n; i++)
        if (origin_is_back(&before[i], &now[i])) {
            first = first ? first : &before[i];
            back++;
        }
    if (!first) {
        *database->id = 0;
        return true;
    }
    snprintf(why, sizeof(why), "cursor %lld was at %lld and is at %lld; %u cursor%s went back",
             (long long)first->cursor_id, (long long)first->next_offset,
             (long long)now[first - before].next_offset, back, back == 1 ? "" : "s");
    return identity_branch(conn, database, group, why, err);
}

bool origin_is_back(const struct cursor_position *before, const struct cursor_position *now)
{
    return now->fence == before->fence && now->token == before->token &&
           now->next_offset < before->next_offset;
}
