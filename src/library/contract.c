/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "library/library.h"

#include "version.h"

#include <stdio.h>
#include <stdlib.h>

const char *pactolus_version(void)
{
    return PACTOLUS_VERSION;
}

bool library_fail(struct pactolus_error *error, enum pactolus_code code, const struct err *err)
{
    if (!error)
        return false;
    *error = (struct pactolus_error){.code = code};
    snprintf(error->place, sizeof error->place, "%s", err->place);
    snprintf(error->text, sizeof error->text, "%s", err->text);
    snprintf(error->hint, sizeof error->hint, "%s", err->hint);
    return false;
}

struct pactolus_bytes library_take(struct buf *buf)
{
    buf_reserve(buf, 1)[0] = '\0';
    struct pactolus_bytes bytes = {buf->data, buf->length};
    *buf = (struct buf)BUF_INIT;
    return bytes;
}

void pactolus_free(struct pactolus_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct pactolus_bytes){0};
}

/* Takes the set. The contract's table options are not looked at: they are the daemon's business,
 * and may well stand in its configuration instead of the .proto. */
static struct pactolus_contract *open_set(struct descriptor_set *set, const char *message,
                                          struct pactolus_error *error)
{
    struct err err = ERR_INIT;
    struct errs errs = {0};
    struct pactolus_contract *contract = mem_zero(1, sizeof *contract);
    contract->set = set;
    contract->type = descriptor_set_message(set, message);
    if (!contract->type) {
        err_set(&err, ERR_HALT, ERR_EXIT_CONFIG, "the descriptor set has no message %.200s",
                message);
        goto cleanup;
    }
    contract->path_length = descriptor_index_path(contract->type, contract->path, FRAMING_PATH_MAX);
    contract->rules = rules_compile(contract->type, &errs);
    if (!contract->rules)
        err = errs.items[0];
cleanup:
    errs_free(&errs);
    if (contract->rules)
        return contract;
    pactolus_close(contract);
    library_fail(error, PACTOLUS_CONTRACT, &err);
    return NULL;
}

struct pactolus_contract *pactolus_open(const void *descriptor_set, size_t length,
                                        const char *message, struct pactolus_error *error)
{
    struct err err = ERR_INIT;
    struct descriptor_set *set =
        descriptor_set_parse(descriptor_set, length, "descriptor set", &err);
    if (set)
        return open_set(set, message, error);
    library_fail(error, PACTOLUS_CONTRACT, &err);
    return NULL;
}

struct pactolus_contract *pactolus_open_file(const char *path, const char *message,
                                             struct pactolus_error *error)
{
    struct err err = ERR_INIT;
    struct descriptor_set *set = descriptor_set_load(path, &err);
    if (set)
        return open_set(set, message, error);
    library_fail(error, PACTOLUS_CONTRACT, &err);
    return NULL;
}

void pactolus_close(struct pactolus_contract *contract)
{
    if (!contract)
        return;
    if (contract->rules)
        rules_free(contract->rules);
    descriptor_set_free(contract->set);
    free(contract);
}
