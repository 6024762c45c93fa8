/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpactolus: what a producer or a tool needs of Pactolus. The same code as the daemon's decides
 * what is a good record, so what passes here will not become a dead letter there for its bytes.
 *
 *   struct pactolus_error error;
 *   struct pactolus_contract *contract =
 *       pactolus_open_file("payments.binpb", "payments.v1.Payment", &error);
 *   struct pactolus_bytes bytes;
 *   if (pactolus_encode(contract, json, strlen(json), &bytes, &error)) …
 *   pactolus_free(&bytes);
 *   pactolus_close(contract);
 *
 * Ownership: a contract belongs to the caller until pactolus_close; bytes that a function returns
 * belong to the caller until pactolus_free. Inputs are borrowed for the call only.
 * Threads: a contract is immutable, any number of threads may use it at once.
 * Failures: functions return false or NULL and fill `error` (which may be NULL).
 * Stability: symbols and structs of this header stay as they are within a major version.
 */
#ifndef PACTOLUS_PACTOLUS_H
#define PACTOLUS_PACTOLUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PACTOLUS_API __attribute__((visibility("default")))

/* Version of the library, "0.1.0". */
PACTOLUS_API const char *pactolus_version(void);

enum pactolus_code {
    PACTOLUS_OK = 0,
    PACTOLUS_CONTRACT = 1, /* the descriptor set or the contract is wrong */
    PACTOLUS_FRAMING = 2,  /* no or a malformed Confluent prefix, or another message's */
    PACTOLUS_BYTES = 3,    /* not this message: malformed, too large, too deep, text not UTF-8 */
    PACTOLUS_JSON = 4,     /* not the JSON form of this message */
    PACTOLUS_RULE = 5,     /* a validation rule of the contract does not hold */
};

struct pactolus_error {
    enum pactolus_code code;
    char place[192]; /* file:line, JSON path or field path; "" if none */
    char rule[64];   /* PACTOLUS_RULE: its id, "string.min_len" */
    char text[512];  /* one sentence, without values of the record */
    char hint[320];  /* the way out, "" if there is nothing to say */
};

/* Bytes that the library allocated; `data` has a NUL behind its `length` bytes. */
struct pactolus_bytes {
    char *data;
    size_t length;
};
PACTOLUS_API void pactolus_free(struct pactolus_bytes *bytes);

/* ---- contract ---- */

struct pactolus_contract;

/* The contract of `message` ("payments.v1.Payment") in a descriptor set, as written by
 * protoc --include_imports -o x.binpb. NULL when it is not there or its rules are wrong. */
PACTOLUS_API struct pactolus_contract *pactolus_open(const void *descriptor_set, size_t length,
                                                     const char *message,
                                                     struct pactolus_error *error);
PACTOLUS_API struct pactolus_contract *pactolus_open_file(const char *path, const char *message,
                                                          struct pactolus_error *error);
PACTOLUS_API void pactolus_close(struct pactolus_contract *contract); /* NULL is allowed */

/* ---- records ---- */

/* Are these bytes a message of the contract that keeps its rules? */
PACTOLUS_API bool pactolus_validate(const struct pactolus_contract *contract, const void *bytes,
                                    size_t length, struct pactolus_error *error);

/* One JSON object (proto3 JSON mapping) → validated Protobuf bytes. */
PACTOLUS_API bool pactolus_encode(const struct pactolus_contract *contract, const char *json,
                                  size_t length, struct pactolus_bytes *bytes,
                                  struct pactolus_error *error);

/* Protobuf bytes → one JSON object (proto3 JSON mapping); rules are not looked at. */
PACTOLUS_API bool pactolus_decode(const struct pactolus_contract *contract, const void *bytes,
                                  size_t length, struct pactolus_bytes *json,
                                  struct pactolus_error *error);

/* ---- Confluent's prefix: magic 0, schema id, message index path ---- */

/* The message with the prefix before it. `schema_id` is the registry's for this contract's file. */
PACTOLUS_API bool pactolus_frame(const struct pactolus_contract *contract, int32_t schema_id,
                                 const void *message, size_t length, struct pactolus_bytes *framed,
                                 struct pactolus_error *error);

/* Where the message lies within `framed` (borrowed, not copied). False when the prefix is
 * malformed, or its path names another message than the contract's. `schema_id` may be NULL; it
 * becomes -1 for a prefix that carries a GUID. */
PACTOLUS_API bool pactolus_unframe(const struct pactolus_contract *contract, const void *framed,
                                   size_t framed_length, const void **message, size_t *length,
                                   int64_t *schema_id, struct pactolus_error *error);

#ifdef __cplusplus
}
#endif

#endif
