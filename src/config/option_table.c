/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"
#include "config/option.h"

#define KIB           ((int64_t)1024)
#define MIB           (1024 * KIB)
#define TIB           (KIB * KIB * MIB)
#define MS            USEC_PER_MS
#define SEC           USEC_PER_SEC
#define MEMBER(s, m)  .offset = offsetof(struct s, m), .width = sizeof(((struct s *)0)->m)
#define PROCESS(m)    .scope = OPTION_PROCESS, MEMBER(config, m)
#define STREAM(m)     .scope = OPTION_STREAM, MEMBER(stream_config, m)
#define TOPIC(m)      .scope = OPTION_TOPIC, MEMBER(stream_topic, m)
#define COLUMN(m)     .scope = OPTION_COLUMN, MEMBER(column_options, m)
#define TABLE(m)      STREAM(overrides.contract.m)
#define SAID(s, m)    .companion = offsetof(struct s, m)
#define BETWEEN(a, b) .min = (a), .max = (b)
#define BYTES_MAX(n)  .min = 1, .max = (n)
#define NAME_BYTES    BYTES_MAX(CONTRACT_NAME_MAX)

static const struct option_choice log_levels[] = {
    {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"notice", LOG_LEVEL_NOTICE},
    {"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG},     {0}};
static const struct option_choice poolers[] = {{"none", 0}, {"session", 1}, {0}};
static const struct option_choice framings[] = {{"raw", FRAMING_RAW},
                                                {"confluent", FRAMING_CONFLUENT},
                                                {"confluent-header", FRAMING_CONFLUENT_HEADER},
                                                {0}};
static const struct option_choice key_formats[] = {
    {"none", KEY_NONE}, {"text", KEY_TEXT}, {"protobuf", KEY_PROTOBUF}, {"json", KEY_JSON}, {0}};
static const struct option_choice out_of_range[] = {{"halt", OUT_OF_RANGE_HALT},
                                                    {"earliest", OUT_OF_RANGE_EARLIEST},
                                                    {"latest", OUT_OF_RANGE_LATEST},
                                                    {0}};
static const struct option_choice other_types[] = {{"reject", 0}, {"skip", 1}, {0}};
static const struct option_choice modes[] = {
    {"upsert", CONTRACT_UPSERT}, {"append", CONTRACT_APPEND}, {0}};
static const struct option_choice statuses[] = {{"active", CONTRACT_ACTIVE},
                                                {"draft", CONTRACT_DRAFT},
                                                {"deprecated", CONTRACT_DEPRECATED},
                                                {0}};

static const struct option table[] = {
    {"group", OPTION_TEXT, PROCESS(group), BYTES_MAX(249), .fallback = "pactolus",
     .text =
         "The Kafka consumer group. Daemons of one group share its partitions, and the database "
         "keeps positions under this name."},
    {"client_id", OPTION_TEXT, PROCESS(client_id), BYTES_MAX(249), .fallback = "pactolus",
     .text = "How this daemon names itself to brokers."},
    {"log_level", OPTION_CHOICE, PROCESS(log_level), .choices = log_levels, .fallback = "info",
     .text = "The least important kind of message that is logged."},
    {"drain_timeout", OPTION_DURATION, PROCESS(drain_timeout), BETWEEN(100 * MS, 600 * SEC),
     .fallback = "10s",
     .text = "How long giving partitions back, or a stop, waits for batches on their way. What is "
             "not committed by then is read again by the next owner."},
    {"commit_interval", OPTION_DURATION, PROCESS(commit_interval), BETWEEN(100 * MS, 3600 * SEC),
     .fallback = "5s",
     .text =
         "How often positions are told to Kafka, for lag tools only: PostgreSQL's are the truth."},
    {"recheck_interval", OPTION_DURATION, PROCESS(recheck_interval), BETWEEN(100 * MS, 3600 * SEC),
     .fallback = "30s",
     .text = "How often it is asked whether the topics still are those that were claimed: one that "
             "was deleted and made anew is another log, even when no error tells."},
    {"silence_timeout", OPTION_DURATION, PROCESS(silence_timeout), BETWEEN(500 * MS, 3600 * SEC),
     .fallback = "30s",
     .text = "How long the Kafka client may hear nothing at all of a partition that the broker "
             "answers for, not even where it ends, before another process has to try: it leaves "
             "the group and exits with 75."},
    {"progress_interval", OPTION_DURATION, PROCESS(progress_interval), BETWEEN(0, 86400 * SEC),
     .fallback = "60s", .text = "How often a line about progress is logged; 0 is never."},

    {"kafka", OPTION_KAFKA, .scope = OPTION_PROCESS,
     .text =
         "Any librdkafka property, with underscores for dots: bootstrap_servers, "
         "security_protocol, sasl_username, … What Pactolus must decide itself (offsets, group, "
         "isolation) is refused. Secrets stand in files: sasl_password = "
         "\"file:/etc/pactolus/kafka\", or credential:NAME for one that systemd passes on."},
    {"kafka_properties", OPTION_PROPERTIES, .scope = OPTION_PROCESS,
     .text = "The same as a list, ( { name = \"…\"; value = \"…\"; } ), for names that hold an "
             "underscore themselves."},

    {"database.conninfo", OPTION_TEXT, PROCESS(conninfo), .fallback = "", .secret = true,
     .text =
         "How to reach PostgreSQL, as libpq takes it: key=value pairs or a URI. What is missing "
         "comes from PGHOST and its kin. A password in it is refused: see password_file."},
    {"database.password_file", OPTION_PATH, PROCESS(password_file), BYTES_MAX(4096),
     .text =
         "File whose first line is the password, or credential:NAME for one that systemd passes on "
         "(LoadCredential=). It is read anew for each connection."},
    {"database.pool", OPTION_NUMBER, PROCESS(pool), BETWEEN(2, 64), .fallback = "4",
     .text = "Connections that lanes share. One stream holds at most all but one."},
    {"database.pooler", OPTION_TEXT, PROCESS(pooler), .choices = poolers, .fallback = "none",
     .text = "The pooler between here and the database: none, or one in session mode. One in "
             "transaction mode is refused, since locks and settings are silently wrong there."},
    {"database.connect_timeout", OPTION_DURATION, PROCESS(connect_timeout),
     BETWEEN(1 * SEC, 300 * SEC), .fallback = "10s", .text = "Patience with opening a connection."},
    {"database.statement_timeout", OPTION_DURATION, PROCESS(statement_timeout),
     BETWEEN(1 * SEC, 3600 * SEC), .fallback = "60s", .text = "Patience with one statement."},
    {"database.lock_timeout", OPTION_DURATION, PROCESS(lock_timeout), BETWEEN(10 * MS, 5 * SEC),
     .fallback = "5s", .text = "Patience with a lock that another session holds."},
    {"database.idle_in_transaction_timeout", OPTION_DURATION, PROCESS(idle_in_transaction_timeout),
     BETWEEN(1 * SEC, 3600 * SEC), .fallback = "60s",
     .text = "After this long the server ends a session of ours that is silent within a "
             "transaction, as a frozen daemon's."},
    {"database.answer_timeout", OPTION_DURATION, PROCESS(answer_timeout),
     BETWEEN(1 * SEC, 86400 * SEC), .fallback = "180s",
     .text = "After this long without any answer a connection is taken for lost and another is "
             "opened: a server that is frozen obeys no timeout of its own. Longer than "
             "statement_timeout."},

    {"retry.base", OPTION_DURATION, PROCESS(retry_base), BETWEEN(1 * MS, 60 * SEC),
     .fallback = "50ms",
     .text = "Longest first pause after a failure of broker or database; it "
             "doubles with every further one."},
    {"retry.cap", OPTION_DURATION, PROCESS(retry_cap), BETWEEN(10 * MS, 3600 * SEC),
     .fallback = "30s", .text = "Longest pause between two attempts."},
    {"retry.attempts", OPTION_NUMBER, PROCESS(retry_attempts), BETWEEN(1, 1000), .fallback = "5",
     .text =
         "How often a row is tried that PostgreSQL refuses for what may pass (a parent row that "
         "is not there yet, a trigger's no), before it is a dead letter. Outages do not count: "
         "they are waited for."},

    {"metrics.listen", OPTION_TEXT, PROCESS(metrics_listen), BYTES_MAX(64),
     .text = "Where the daemon answers HTTP with /metrics, /healthz and /readyz: an address of "
             "numbers and a port (127.0.0.1:9464, [::1]:9464, :9464 for every address of the "
             "host), or systemd for a socket that systemd hands over. There is no TLS and no "
             "password: keep it on loopback. Default: nowhere, since two daemons of one host need "
             "two ports."},

    {"streams", OPTION_STREAMS, .scope = OPTION_PROCESS,
     .text =
         "The streams by name: streams : { payments : { … }; };. Files add to it; a name stands "
         "in one of them only."},

    {"descriptors", OPTION_PATH, STREAM(descriptors), BYTES_MAX(4096), .required = true,
     .text = "The descriptor set that holds the contract (protoc --include_imports "
             "--include_source_info -o FILE, or buf build -o FILE)."},
    {"contract", OPTION_TEXT, STREAM(contract), BYTES_MAX(511),
     .text = "Full name of the message, for topics that name none."},
    {"topics", OPTION_TOPICS, .scope = OPTION_STREAM, .required = true,
     .text = "The topics: names, or blocks with name, contract and version."},
    {"framing", OPTION_CHOICE, STREAM(framing), .choices = framings, .fallback = "raw",
     .text = "What stands before the Protobuf bytes: nothing (raw), Confluent's prefix, or "
             "Confluent's schema id in a header."},
    {"start", OPTION_START, STREAM(start), .fallback = "earliest",
     .text = "Where a partition that was never read begins: earliest, latest, or the first record "
             "at or after a time (2026-11-21T08:00:00Z). Known positions are never touched."},
    {"out_of_range", OPTION_CHOICE, STREAM(out_of_range), .choices = out_of_range,
     .fallback = "halt",
     .text =
         "What follows when Kafka no longer has a cursor's next offset, since retention passed it "
         "or the log was cut short: halt the stream, or go on at the log's start (earliest) or "
         "end (latest), with the loss booked in pactolus.losses."},
    {"deletes", OPTION_DELETES, STREAM(deletes), SAID(stream_config, deletes_said),
     .text = "What a record without a value does to its key's row: soft hides it, hard also clears "
             "its columns, final hides it for good, header:NAME hides it at the version that the "
             "header carries, reject makes a dead letter. Streams with a version field take the "
             "last three. Default: soft; reject where there is a version field, or no key.format."},
    {"other_types", OPTION_CHOICE, STREAM(skip_other_types), .choices = other_types,
     .fallback = "reject",
     .text =
         "What becomes of a record that is framed as a type which no topic here carries: a dead "
         "letter (reject), or counted and skipped."},
    {"accept_skew", OPTION_SWITCH, STREAM(accept_skew), .fallback = "false",
     .text = "Accept that producers' clocks decide between records of one key from several "
             "partitions."},
    {"lanes", OPTION_NUMBER, STREAM(lanes), BETWEEN(1, 64), .fallback = "1",
     .text = "Shares of the stream's partitions that are written side by side."},

    {"key.format", OPTION_CHOICE, STREAM(key_format), .choices = key_formats, .fallback = "none",
     .text =
         "How the Kafka key maps to the table's key: the whole key is one column's text, a "
         "message with the key's fields, or a JSON object of them. none: the key says nothing."},
    {"key.column", OPTION_TEXT, STREAM(key_column), NAME_BYTES,
     .text = "format text: the key column that the text is for. Default: the only one."},
    {"key.message", OPTION_TEXT, STREAM(key_message), BYTES_MAX(511),
     .text = "format protobuf: full name of the key's message."},
    {"key.framing", OPTION_CHOICE, STREAM(key_framing), .choices = framings, .fallback = "raw",
     .text = "format protobuf: what stands before the key's bytes."},

    {"dlq.topic", OPTION_TEXT, STREAM(dlq_topic), BYTES_MAX(249),
     .text = "Kafka topic to which dead letters are relayed. Without one they stay in the ledger."},

    {"batch.rows", OPTION_NUMBER, STREAM(batch_rows), BETWEEN(1, 10000), .fallback = "1000",
     .everywhere = true, .text = "Most rows in one transaction."},
    {"batch.bytes", OPTION_SIZE, STREAM(batch_bytes), BETWEEN(64 * KIB, 256 * MIB),
     .fallback = "4MiB", .everywhere = true, .text = "Most bytes of records in one transaction."},

    {"flood.share", OPTION_SHARE, STREAM(flood_share), .fallback = "0.05", .everywhere = true,
     .text =
         "Share of dead letters among the records of a window past which the stream halts: that "
         "is a bad deployment, not bad records. 0 is no limit."},
    {"flood.window", OPTION_DURATION, STREAM(flood_window), BETWEEN(1 * SEC, 86400 * SEC),
     .fallback = "60s", .everywhere = true,
     .text = "How far back a daemon looks for flood.share, and at least how far back resume goes."},
    {"flood.consecutive", OPTION_NUMBER, STREAM(flood_consecutive), BETWEEN(0, 1000000),
     .fallback = "500", .everywhere = true,
     .text = "Dead letters in a row at which the stream halts. 0 is no limit."},
    {"flood.least", OPTION_NUMBER, STREAM(flood_least), BETWEEN(1, 1000000), .fallback = "100",
     .everywhere = true,
     .text = "With fewer dead letters than this in the window, flood.share says nothing."},

    {"limits.record", OPTION_SIZE, STREAM(record_bytes), BETWEEN(1 * KIB, 256 * MIB),
     .fallback = "16MiB", .everywhere = true,
     .text = "Largest record that is taken; a larger one is a dead letter."},
    {"limits.depth", OPTION_NUMBER, STREAM(depth), BETWEEN(1, 256), .fallback = "64",
     .everywhere = true,
     .text = "Deepest nesting of messages that is taken; what is deeper is a dead letter."},

    {"ledger.bytes", OPTION_SIZE, STREAM(ledger_bytes), BETWEEN(64 * KIB, TIB), .fallback = "1GiB",
     .everywhere = true,
     .text = "Most bytes of open dead letters that the stream may keep in the ledger; past it the "
             "stream halts."},

    {"lag.threshold", OPTION_DURATION, STREAM(lag_threshold), BETWEEN(1 * SEC, 30L * 86400 * SEC),
     .fallback = "60s", .everywhere = true,
     .text = "How old the oldest record that is not applied yet may be. The daemon does nothing "
             "with it: it is a metric, for the alert that compares."},

    {"table.key", OPTION_NAMES, TABLE(key), SAID(stream_config, overrides.contract.n_key),
     NAME_BYTES, .text = "Fields that make the primary key, in order."},
    {"table.version", OPTION_TEXT, TABLE(version_field), NAME_BYTES,
     .text = "Integer field by which the greater version of a key wins."},
    {"table.event_time", OPTION_TEXT, TABLE(event_time), NAME_BYTES,
     .text = "Timestamp field: when the thing happened."},
    {"table.mode", OPTION_CHOICE, TABLE(mode), SAID(stream_config, overrides.contract.mode_said),
     .choices = modes, .text = "One row per key (upsert), or one row per record (append)."},
    {"table.schema", OPTION_TEXT, TABLE(schema), NAME_BYTES, .text = "Schema of the table."},
    {"table.name", OPTION_TEXT, TABLE(table), NAME_BYTES, .text = "Name of the table."},
    {"table.view", OPTION_TEXT, TABLE(view), NAME_BYTES, .text = "Name of the view."},
    {"table.owner", OPTION_TEXT, TABLE(owner), BYTES_MAX(255),
     .text = "Team that answers for the data."},
    {"table.notify", OPTION_TEXT, TABLE(notify), BYTES_MAX(255),
     .text = "Where that team hears of trouble."},
    {"table.status", OPTION_CHOICE, TABLE(status),
     SAID(stream_config, overrides.contract.status_said), .choices = statuses,
     .text = "Whether the contract is a draft, in force, or on its way out."},
    {"table.sunset", OPTION_TEXT, TABLE(sunset), BYTES_MAX(10),
     .text = "Date (YYYY-MM-DD) after which nothing should arrive."},
    {"table.freshness", OPTION_TEXT, TABLE(freshness), BYTES_MAX(31),
     .text = "How far behind is still fresh, as a duration."},
    {"table.retention", OPTION_TEXT, TABLE(retention), BYTES_MAX(31),
     .text = "How long rows are kept, as a duration."},
    {"table.purge_deleted_after", OPTION_TEXT, TABLE(purge_deleted_after), BYTES_MAX(31),
     .text =
         "After how long `pactolus maintain` removes deleted rows, as a duration. Longer than the "
         "topics keep records: an older record of such a key would be taken for new. Without "
         "it they stay."},
    {"table.description", OPTION_TEXT, TABLE(description), BYTES_MAX(4096),
     .text = "Purpose and limits of the data; the table's comment."},
    {"table.readers", OPTION_NAMES, STREAM(readers), SAID(stream_config, n_readers), NAME_BYTES,
     .text =
         "Roles that migrate lets read the views: USAGE on their schema, SELECT on both. What they "
         "may already is left alone, and nothing is ever taken away."},

    {"columns", OPTION_COLUMNS, .scope = OPTION_STREAM,
     .text = "What the .proto does not say about its fields: columns : { amount : { … }; };."},

    {"name", OPTION_TEXT, TOPIC(name), BYTES_MAX(249), .required = true, .text = "The topic."},
    {"contract", OPTION_TEXT, TOPIC(contract), BYTES_MAX(511),
     .text = "Full name of the message that its records carry. Default: the one whose options name "
             "the topic, or the only one in the set with Pactolus's options."},
    {"version", OPTION_NUMBER, TOPIC(version), BETWEEN(1, 127),
     .text =
         "Version of the topic: records of a greater one win over all of a lesser. Default: the "
         "N of a name that ends in .vN, else 1."},

    {"name", OPTION_TEXT, COLUMN(name), NAME_BYTES,
     .text = "Name of the column. Default: the field's."},
    {"type", OPTION_TEXT, COLUMN(type), NAME_BYTES,
     .text = "PostgreSQL type instead of the default one."},
    {"unit", OPTION_TEXT, COLUMN(unit), BYTES_MAX(63), .text = "\"EUR\", \"ms\", \"kWh\"."},
    {"classification", OPTION_TEXT, COLUMN(classification), BYTES_MAX(63),
     .text = "\"public\", \"internal\", \"personal\" or \"secret\"."},
    {"null_means", OPTION_TEXT, COLUMN(null_means), BYTES_MAX(255),
     .text = "What the absence of a value says."},
    {"skip", OPTION_SWITCH, COLUMN(skip), SAID(column_options, skip_said),
     .text = "No column for this field."},
    {0},
};

const struct option *option_table(void)
{
    return table;
}
