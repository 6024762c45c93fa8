/* SPDX-License-Identifier: Apache-2.0 */
#include "record/pipeline.h"

#include "record/message.h"
#include "record/validate.h"

#include <string.h>

static const char *const deletes_names[] = {
    [DELETES_SOFT] = "soft",     [DELETES_HARD] = "hard",     [DELETES_FINAL] = "final",
    [DELETES_HEADER] = "header", [DELETES_REJECT] = "reject",
};

bool deletes_parse(const char *text, enum deletes *deletes, const char **header)
{
    *header = NULL;
    if (strncmp(text, "header:", 7) == 0 && text[7]) {
        *deletes = DELETES_HEADER;
        *header = text + 7;
        return true;
    }
    for (unsigned i = 0; i < sizeof(deletes_names) / sizeof(*deletes_names); i++) {
        if (i != DELETES_HEADER && strcmp(text, deletes_names[i]) == 0) {
            *deletes = (enum deletes)i;
            return true;
        }
    }
    return false;
}

const char *deletes_name(enum deletes deletes)
{
    return deletes_names[deletes];
}

static const struct pipeline_topic *find_topic(const struct pipeline *pipeline, const char *topic)
{
    for (unsigned i = 0; i < pipeline->n_topics; i++)
        if (strcmp(pipeline->topics[i].name, topic) == 0)
            return &pipeline->topics[i];
    return NULL;
}

const struct contract *pipeline_contract(const struct pipeline *pipeline, const char *topic)
{
    const struct pipeline_topic *found = find_topic(pipeline, topic);
    return found ? pipeline->layout->contracts[found->contract] : NULL;
}

static enum verdict reject(struct parsed *parsed, enum reason reason)
{
    parsed->reason = reason;
    return VERDICT_REJECT;
}

/* The contract's key as the Kafka key says it. */
static bool cells_of_key(const struct pipeline *pipeline, const struct contract *contract,
                         const struct record *record, struct arena *arena, struct cell *cells,
                         struct parsed *parsed)
{
    if (key_cells(&pipeline->key, contract, record, arena, cells, &parsed->err))
        return true;
    parsed->reason = REASON_KEY;
    return false;
}

/* The version that a tombstone carries in its header (deletes = "header:NAME"). */
static bool version_of_header(const struct pipeline *pipeline, const struct contract *contract,
                              const struct record *record, struct arena *arena, int64_t *version,
                              struct err *err)
{
    struct span text;
    struct cell cell;
    if (!record_header(record, pipeline->deletes_header, &text) || !text.data)
        return err_set(err, ERR_REJECT, ERR_EXIT_DATA, "tombstone without the header %s",
                       pipeline->deletes_header);
    struct column as_bigint = contract->columns[contract->version];
    as_bigint.type = type_of(TYPE_BIGINT);
    if (!value_from_text(&as_bigint, text, arena, &cell, err))
        return false;
    *version = (int64_t)be64_load(cell.data);
    return true;
}

static enum verdict take_tombstone(const struct pipeline *pipeline, const struct contract *contract,
                                   const struct record *record, struct arena *arena,
                                   struct parsed *parsed)
{
    if (pipeline->deletes == DELETES_REJECT || pipeline->key.format == KEY_NONE ||
        contract->mode == CONTRACT_APPEND) {
        err_set(&parsed->err, ERR_REJECT, ERR_EXIT_DATA, "null value, and %s",
                contract->mode == CONTRACT_APPEND     ? "the stream only appends"
                : pipeline->deletes == DELETES_REJECT ? "the stream rejects deletes"
                                                      : "the stream has no key.format");
        return reject(parsed, REASON_TOMBSTONE);
    }
    struct row *row = &parsed->row;
    struct cell cells[CONTRACT_KEY_MAX];
    if (!cells_of_key(pipeline, contract, record, arena, cells, parsed))
        return VERDICT_REJECT;
    if (pipeline->deletes == DELETES_FINAL)
        row->place.version = INT64_MAX;
    else if (pipeline->deletes == DELETES_HEADER &&
             !version_of_header(pipeline, contract, record, arena, &row->place.version,
                                &parsed->err))
        return reject(parsed, REASON_VERSION);
    row_tombstone(pipeline->layout, cells, arena, row);
    /* The record's own time: known to the record, so the same on every replay. */
    int64_t ms = record->timestamp;
    int64_t limit = INT64_C(253402300799999); /* end of the year 9999 */
    row->deleted_at = (ms < 0 ? 0 : ms > limit ? limit : ms) * 1000;
    return VERDICT_TOMBSTONE;
}

/* A text key that is letter for letter the value's field needs no decoding. */
static bool same_text(const struct pipeline *pipeline, const struct contract *contract,
                      const struct record *record, const ProtobufCMessage *message)
{
    const struct column *column = &contract->columns[contract->key[0]];
    if (pipeline->key.format != KEY_TEXT || column->depth || column->wrapper ||
        column->field->pb->type != PROTOBUF_C_TYPE_STRING)
        return false;
    const char *field = *(char *const *)message_at(message, column->field, 0);
    return field && span_is(record->key, field);
}

/* The Kafka key, when it is mapped, must name the same row as the value does. */
static bool keys_agree(const struct pipeline *pipeline, const struct contract *contract,
                       const struct record *record, struct arena *arena, struct parsed *parsed)
{
    struct cell cells[CONTRACT_KEY_MAX];
    if (!cells_of_key(pipeline, contract, record, arena, cells, parsed))
        return false;
    const struct layout *layout = pipeline->layout;
    for (unsigned i = 0; i < layout->n_key; i++) {
        const struct cell *of_row = &parsed->row.cells[layout->key[i]];
        if (of_row->length == cells[i].length &&
            memcmp(of_row->data, cells[i].data, (size_t)cells[i].length) == 0)
            continue;
        err_set(&parsed->err, ERR_REJECT, ERR_EXIT_DATA,
                "the record's key and the value's field disagree on column %s",
                layout->columns[layout->key[i]].name);
        parsed->reason = REASON_KEY_MISMATCH;
        return false;
    }
    return true;
}

/* Does the frame's index path name the contract's message? Without a registry the path is looked up
 * in the contract's own file. */
static enum verdict judge_path(const struct pipeline *pipeline, const struct contract *contract,
                               const struct frame *frame, struct parsed *parsed)
{
    if (frame->path_length == 0)
        return VERDICT_ROW;
    const struct message_type *type = descriptor_set_by_index(
        pipeline->set, contract->message->file, frame->path, frame->path_length);
    if (type == contract->message)
        return VERDICT_ROW;
    if (type && pipeline->skip_other_types)
        return VERDICT_SKIP;
    err_set(&parsed->err, ERR_REJECT, ERR_EXIT_DATA, "framed as %s, the contract is %s",
            type ? type->full_name : "a message index that the contract's file does not have",
            contract->name);
    return reject(parsed, REASON_SCHEMA);
}

static enum verdict take_value(const struct pipeline *pipeline, unsigned contract_index,
                               const struct record *record, int64_t now, struct arena *arena,
                               struct parsed *parsed)
{
    const struct contract *contract = pipeline->layout->contracts[contract_index];
    struct frame frame;
    if (!framing_strip(pipeline->framing, record, &frame, &parsed->err))
        return reject(parsed, REASON_FRAMING);
    enum verdict verdict = judge_path(pipeline, contract, &frame, parsed);
    if (verdict != VERDICT_ROW)
        return verdict;
    enum wire_fault fault;
    if (!guard_check(&pipeline->guard, contract->message, frame.payload, &fault, &parsed->err))
        return reject(parsed, guard_reason(fault));
    ProtobufCMessage *message =
        message_unpack(contract->message, frame.payload, arena, &parsed->err);
    if (!message)
        return reject(parsed, REASON_MALFORMED);
    struct violation violation;
    if (rules_count(contract->rules) &&
        !validate_message(contract->rules, message, now, &violation)) {
        err_set(&parsed->err, ERR_REJECT, ERR_EXIT_DATA, "%s: %s (%s)",
                violation.field[0] ? violation.field : "message", violation.message,
                violation.rule);
        return reject(parsed, REASON_RULE);
    }
    if (!row_build(pipeline->layout, contract_index, message, arena, pipeline->drift, &parsed->row,
                   &parsed->reason, &parsed->err))
        return VERDICT_REJECT;
    if (pipeline->key.format != KEY_NONE && contract->mode == CONTRACT_UPSERT &&
        !same_text(pipeline, contract, record, message) &&
        !keys_agree(pipeline, contract, record, arena, parsed))
        return VERDICT_REJECT;
    return VERDICT_ROW;
}

/* Does the table have, or may it get, a place for the row? */
static enum verdict judge_range(const struct pipeline *pipeline, enum verdict verdict,
                                struct parsed *parsed)
{
    if (!pipeline->range || range_holds(pipeline->range, pipeline->layout, parsed->row.cells))
        return verdict;
    parsed->out_of_range = true;
    range_refuse(pipeline->range, pipeline->layout, &parsed->err);
    return reject(parsed, REASON_VALUE);
}

enum verdict pipeline_run(const struct pipeline *pipeline, const struct record *record,
                          const struct place *place, int64_t now, struct arena *arena,
                          struct parsed *parsed)
{
    struct arena_mark mark = arena_mark(arena);
    parsed->row = (struct row){.place = *place};
    parsed->row.place.version = 0;
    parsed->reason = REASON_NONE;
    parsed->out_of_range = false;
    const struct pipeline_topic *topic = find_topic(pipeline, record->topic);
    const struct contract *contract = pipeline->layout->contracts[topic->contract];
    enum verdict verdict = record->value.data
                               ? take_value(pipeline, topic->contract, record, now, arena, parsed)
                               : take_tombstone(pipeline, contract, record, arena, parsed);
    if (verdict == VERDICT_ROW || verdict == VERDICT_TOMBSTONE)
        verdict = judge_range(pipeline, verdict, parsed);
    if (verdict == VERDICT_SKIP || verdict == VERDICT_REJECT)
        arena_rewind(arena, mark);
    return verdict;
}
