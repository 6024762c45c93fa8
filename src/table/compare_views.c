/* SPDX-License-Identifier: Apache-2.0 */
#include "table/compare_internal.h"

#include "base/memory.h"
#include "table/ddl.h"

#include <stdlib.h>
#include <string.h>

/* One of the two views. A live view keeps the order of its columns (PostgreSQL only appends to a
 * view that it replaces), new ones follow. */
struct view {
    const char *name;
    char *place; /* schema.name */
    bool exists;
    char *const *live;
    unsigned n_live;
    const struct shape_view *has;
    char **order;
    unsigned n_order;
    bool lost; /* a column, so nothing is done */
    bool anew; /* dropped and made again: a column has another type now */
};

/* Has it become several columns that begin with its name? */
static bool is_opened(const struct shape *want, const char *name)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < want->n_columns; i++) {
        const char *other = want->columns[i].name;
        if (strncmp(other, name, length) == 0 && other[length] == '_')
            return true;
    }
    return false;
}

/* "daily, weekly": names in one text; "" for none. The caller's to free. */
static char *listed(char *const *names, unsigned n)
{
    struct buf text = BUF_INIT;
    for (unsigned i = 0; i < n; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", names[i]);
    return text.data ? text.data : mem_string("");
}

static void refuse_loss(const struct view *view, const struct shape *want, const char *column,
                        struct plan *plan)
{
    char *users = listed(view->has->users, view->has->n_users);
    err_hint(plan_refuse(plan, false, view->place,
                         "the view would lose column %s, which its readers may use%s%s", column,
                         *users ? "; built on the view: " : "", users),
             "%skeep the field (deprecated), or " BESIDE,
             is_opened(want, column) ? KEEP_JSONB : "");
    free(users);
}

static const struct shape_column *widened_column(const struct widened *widened, const char *name)
{
    for (unsigned i = 0; i < widened->n; i++)
        if (strcmp(widened->columns[i]->name, name) == 0)
            return widened->columns[i];
    return NULL;
}

/* Will the column have another type than the view shows now? */
static bool is_retyped(const struct view *view, unsigned column, const struct shape *have,
                       const struct widened *widened)
{
    const char *name = view->live[column];
    const struct shape_column *wider = widened_column(widened, name);
    const struct shape_column *live = wider ? wider : shape_column(have, name);
    if (column >= view->has->n_types)
        return wider != NULL;
    return live && strcmp(view->has->types[column], live->type) != 0;
}

static void view_begin(struct view *view, bool all, const struct shape *have,
                       const struct shape *want, const struct widened *widened, struct plan *plan)
{
    char *const *wanted = all ? want->view_all_columns : want->view_columns;
    unsigned n_wanted = all ? want->n_view_all_columns : want->n_view_columns;
    view->place = mem_format("%s.%s", want->view_schema, view->name);
    view->exists = all ? have->view_all_exists : have->view_exists;
    view->has = all ? &have->view_all_has : &have->view_has;
    view->live = all ? have->view_all_columns : have->view_columns;
    view->n_live = view->exists ? (all ? have->n_view_all_columns : have->n_view_columns) : 0;
    for (unsigned i = 0; i < view->n_live; i++) {
        if (!shape_names_have(wanted, n_wanted, view->live[i])) {
            view->lost = true;
            refuse_loss(view, want, view->live[i], plan);
        }
        view->anew |= is_retyped(view, i, have, widened);
        shape_names_add(&view->order, &view->n_order, view->live[i]);
    }
    for (unsigned i = 0; i < n_wanted; i++)
        if (!shape_names_have(view->order, view->n_order, wanted[i]))
            shape_names_add(&view->order, &view->n_order, wanted[i]);
}

static void view_end(struct view *view)
{
    for (unsigned i = 0; i < view->n_order; i++)
        free(view->order[i]);
    free(view->order);
    free(view->place);
}

static void replace_view(const struct view *view, const struct shape *want, struct plan *plan)
{
    struct buf sql = BUF_INIT;
    if (view->lost || view->anew || (view->exists && view->n_order == view->n_live))
        return;
    ddl_view(&sql, want, view->name, view->order, view->n_order);
    ddl_view_options(&sql, want, view->name, view->has->options);
    plan_add(plan, want, STEP_VIEW, false,
             mem_format("%s view %s (%u columns)", view->exists ? "replace" : "create", view->place,
                        view->n_order),
             &sql);
}

/* What is built on a relation keeps PostgreSQL from dropping the view, or from widening the column.
 */
static bool is_built_on(const char *place, char *const *names, unsigned n, bool stops,
                        struct plan *plan)
{
    if (!n)
        return false;
    char *users = listed(names, n);
    err_hint(
        plan_refuse(plan, stops, place,
                    "a column becomes wider, so its views are dropped and made anew, but there "
                    "is built on it: %s",
                    users),
        "drop these and make them again after migrate, or " BESIDE);
    free(users);
    return true;
}

static char *what_of(const struct view views[2], const struct shape *want,
                     const struct widened *widened)
{
    struct buf what = BUF_INIT;
    for (unsigned i = 0; i < widened->n; i++)
        buf_printf(&what, "%s%s.%s.%s to %s", i ? ", " : "widen ", want->schema, want->table,
                   widened->columns[i]->name, widened->columns[i]->type);
    for (unsigned i = 0; i < 2; i++)
        if (views[i].anew)
            buf_printf(&what, "%smake view %s anew", what.length ? ", " : "", views[i].place);
    return what.data;
}

/* The columns and the views that show them, in one transaction: nobody meets a view that is not
 * there. */
static void widen_columns(const struct view views[2], const struct shape *have,
                          const struct shape *want, const struct widened *widened,
                          struct plan *plan)
{
    struct buf sql = BUF_INIT;
    unsigned n_exclusive = widened->n ? 1 : 0;
    char *table = mem_format("%s.%s", want->schema, want->table);
    bool stuck = widened->n && is_built_on(table, have->users, have->n_users, true, plan);
    free(table);
    for (unsigned i = 0; i < 2; i++) {
        stuck |= views[i].lost;
        if (views[i].anew)
            stuck |= is_built_on(views[i].place, views[i].has->users, views[i].has->n_users,
                                 widened->n > 0, plan);
    }
    if (stuck)
        return;
    for (unsigned i = 0; i < 2; i++)
        if (views[i].anew) {
            ddl_drop_view(&sql, want, views[i].name, views[i].has->print);
            n_exclusive++;
        }
    if (widened->n)
        ddl_widen(&sql, want, widened->columns, widened->n, widened->checked, widened->n_checked);
    for (unsigned i = 0; i < 2; i++) {
        if (!views[i].anew)
            continue;
        ddl_view(&sql, want, views[i].name, views[i].order, views[i].n_order);
        if (views[i].has->known)
            ddl_restore_view(&sql, want, views[i].name, views[i].live, views[i].has);
    }
    plan_add(plan, want, widened->n ? STEP_WIDEN : STEP_VIEW, widened->n > 0,
             what_of(views, want, widened), &sql)
        ->n_exclusive = n_exclusive;
}

void compare_views(const struct shape *have, const struct shape *want,
                   const struct widened *widened, struct plan *plan)
{
    char all[SHAPE_NAME_MAX + 1];
    shape_view_all(want->view, all);
    struct view views[2] = {{.name = want->view}, {.name = all}};
    for (unsigned i = 0; i < 2; i++)
        view_begin(&views[i], i == 1, have, want, widened, plan);
    if (widened->n || views[0].anew || views[1].anew)
        widen_columns(views, have, want, widened, plan);
    for (unsigned i = 0; i < 2; i++) {
        replace_view(&views[i], want, plan);
        view_end(&views[i]);
    }
}

void compare_readers(const struct shape *have, const struct shape *want, struct plan *plan)
{
    for (unsigned i = 0; i < want->n_readers; i++) {
        struct shape_reader lacks = {.role = want->readers[i].role, .exists = true};
        const struct shape_reader *live = i < have->n_readers ? &have->readers[i] : &lacks;
        struct buf sql = BUF_INIT;
        if (!live->exists) {
            err_hint(plan_refuse(plan, false, live->role,
                                 "the role shall read %s.%s but does not exist", want->view_schema,
                                 want->view),
                     "create role %s; or take it out of table.readers", live->role);
            continue;
        }
        if (live->usage && live->view && live->view_all)
            continue;
        ddl_grant_reader(&sql, want, live);
        plan_add(plan, want, STEP_GRANT, false,
                 mem_format("let %s read %s.%s", live->role, want->view_schema, want->view), &sql);
    }
}
