/* SPDX-License-Identifier: Apache-2.0 */
#include "command/loaded.h"

bool loaded_read(struct loaded *loaded, const struct setup *setup, struct errs *errs)
{
    struct err err;
    *loaded = (struct loaded){.config = setup_config(setup, errs)};
    if (!loaded->config)
        return false;
    loaded->n_streams = loaded->config->n_streams;
    loaded->streams = setup_streams(loaded->config, errs);
    loaded->options = (struct engine_options){
        .config = loaded->config, .streams = loaded->streams, .n_streams = loaded->n_streams};
    if (errs->count == 0 && !setup_kafka(loaded->config, &loaded->options.kafka, &err))
        errs_add(errs, &err);
    return errs->count == 0;
}

bool loaded_judge(struct loaded *loaded, enum preflight_strictness strictness, PGconn **conn,
                  struct errs *errs)
{
    struct err err;
    PGconn *session = setup_connect(loaded->config, &err);
    if (!session) {
        errs_add(errs, &err);
        return false;
    }
    bool good = preflight(&loaded->options, session, strictness, errs);
    if (conn)
        *conn = session;
    else
        conn_close(session);
    return good;
}

void loaded_free(struct loaded *loaded)
{
    preflight_free(&loaded->options);
    setup_free_kafka(&loaded->options.kafka);
    setup_free_streams(loaded->streams, loaded->n_streams);
    config_free(loaded->config);
    *loaded = (struct loaded){0};
}
