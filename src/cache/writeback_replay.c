/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What earlier mounts of the source have left: reading their journals, and going on from there. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exists.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/keyed_hash.h"
#include "writeback_private.h"

/* Mounts of one source at once. */
#define JOURNALS_MAX 64

/* ---- reading ---- */

static gboolean journal_exists(const Writeback *writeback, guint number)
{
    g_autofree char *name = g_strdup_printf("journal-%u", number);
    g_autofree char *path = g_build_filename(writeback->directory, name, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Gives a content file of another journal a name of ours too. NULL when it is not there. */
static char *link_content(const Writeback *writeback, const char *name)
{
    g_autofree char *path = g_build_filename(writeback->directory, name, NULL);
    if (strchr(name, '/') != NULL)
        return NULL;
    if (g_str_has_prefix(name, journal_prefix(writeback->journal)))
        return access(path, R_OK) == 0 ? g_steal_pointer(&path) : NULL;
    for (guint i = 0; i < 100; i++) {
        g_autofree char *own = g_strdup_printf("%s%08x", writeback->prefix, g_random_int());
        if (link(path, own) == 0)
            return g_steal_pointer(&own);
        if (errno != EEXIST)
            break;
    }
    return NULL;
}

static gboolean content_is_whole(const char *path, guint64 size)
{
    struct stat status;
    return stat(path, &status) == 0 && (guint64)status.st_size == size;
}

/* Moves what a journal tells into the common plan, with new numbers. */
static void take_over(Writeback *writeback, JournalPlan *plan)
{
    JournalPlan *all = writeback->plan;
    guint64 shift = all->next_id;
    while (plan->items->len > 0) {
        JournalItem *item = g_ptr_array_steal_index(plan->items, 0);
        g_autofree char *content = link_content(writeback, item->content);
        if (content == NULL || !content_is_whole(content, item->size)) {
            g_critical(
                "%s: its content, which was to be uploaded, is not there or not whole: %s/%s",
                item->path, writeback->directory, item->content);
            g_clear_pointer(&content, g_free);
        }
        g_free(item->content);
        item->content = g_steal_pointer(&content);
        item->id += shift;
        item->after += item->after != 0 ? shift : 0;
        g_ptr_array_add(all->items, item);
    }
    while (plan->renames->len > 0)
        g_ptr_array_add(all->renames, g_ptr_array_steal_index(plan->renames, 0));
    while (plan->leftovers->len > 0)
        g_ptr_array_add(all->leftovers, g_ptr_array_steal_index(plan->leftovers, 0));
    all->next_id += plan->next_id;
}

/* Removes the content files with this beginning that no item names: those of files that were being
 * written when a mount was killed, or of a journal that was taken over. */
static void remove_unused(const Writeback *writeback, const char *prefix)
{
    g_autoptr(GHashTable) used = g_hash_table_new(keyed_hash_text, g_str_equal);
    for (guint i = 0; i < writeback->plan->items->len; i++) {
        const JournalItem *item = g_ptr_array_index(writeback->plan->items, i);
        if (item->content != NULL)
            g_hash_table_add(used, item->content);
    }
    g_autoptr(GDir) dir = g_dir_open(writeback->directory, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(writeback->directory, name, NULL);
        if (g_str_has_prefix(name, prefix) && !g_hash_table_contains(used, path))
            writeback_remove_content(path);
    }
}

static void add_record(GPtrArray *records, JournalRecord record)
{
    g_ptr_array_add(records, g_memdup2(&record, sizeof record));
}

static void add_item(GPtrArray *records, const JournalItem *item)
{
    JournalRecord put = journal_record(JOURNAL_PUT, item->id);
    put.path = item->path;
    put.second = strrchr(item->content, '/') + 1;
    put.size = item->size;
    put.mode = item->mode;
    put.mtime = item->mtime;
    put.state = item->base;
    put.other = item->after;
    add_record(records, put);
    if (item->temporary == NULL)
        return;
    gboolean committed = item->target != NULL;
    JournalRecord step = journal_record(committed ? JOURNAL_COMMIT : JOURNAL_START, item->id);
    step.second = item->temporary;
    step.path = committed ? item->target : "";
    step.third = committed ? item->aside : "";
    step.size = item->size;
    step.mtime = committed ? item->stored_mtime : G_MININT64;
    add_record(records, step);
}

/* The records that say the plan. */
static GPtrArray *records_of(const JournalPlan *plan)
{
    GPtrArray *records = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < plan->items->len; i++) {
        const JournalItem *item = g_ptr_array_index(plan->items, i);
        if (item->content != NULL)
            add_item(records, item);
    }
    for (guint i = 0; i < plan->renames->len; i++) {
        const JournalRename *rename = g_ptr_array_index(plan->renames, i);
        JournalRecord record = journal_record(JOURNAL_RENAME, plan->next_id + i);
        record.path = rename->from;
        record.second = rename->to;
        add_record(records, record);
    }
    return records;
}

/* Reads all journals that no mount has locked; the first of them is ours. */
static gboolean read_journals(Writeback *writeback, guint *damaged, GError **error)
{
    for (guint number = 1; number <= JOURNALS_MAX; number++) {
        if (writeback->journal != NULL && !journal_exists(writeback, number))
            continue;
        g_autoptr(JournalPlan) plan = NULL;
        g_autoptr(GError) failure = NULL;
        Journal *journal = journal_open(writeback->directory, number, &plan, &failure);
        if (journal == NULL && ftpsfs_error_is(failure, FTPSFS_ERROR_BUSY))
            continue;
        if (journal == NULL) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        if (writeback->journal == NULL) {
            writeback->journal = journal;
            writeback->prefix =
                g_strdup_printf("%s/%s", writeback->directory, journal_prefix(journal));
        } else {
            g_ptr_array_add(writeback->taken_over, journal);
        }
        *damaged += plan->damaged;
        take_over(writeback, plan);
    }
    if (writeback->journal != NULL)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LIMIT,
                "%s: %u mounts of this server and user are there already", writeback->directory,
                JOURNALS_MAX);
    return FALSE;
}

gboolean writeback_read(Writeback *writeback, GError **error)
{
    if (g_mkdir_with_parents(writeback->directory, 0700) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: can't be made: %s",
                    writeback->directory, g_strerror(errno));
        return FALSE;
    }
    guint damaged = 0;
    writeback->plan = journal_replay(NULL, 0);
    if (!read_journals(writeback, &damaged, error))
        return FALSE;
    g_autoptr(GPtrArray) records = records_of(writeback->plan);
    if (!journal_sync_directory(writeback->directory, error) ||
        !journal_rewrite(writeback->journal, records, error))
        return FALSE;
    writeback->next_id = writeback->plan->next_id + writeback->plan->renames->len;
    for (guint i = 0; i < writeback->taken_over->len; i++) {
        Journal *other = g_ptr_array_index(writeback->taken_over, i);
        journal_remove(other);
        if (damaged == 0)
            remove_unused(writeback, journal_prefix(other));
    }
    /* What a damaged record may have named is for the user to judge. */
    if (damaged == 0)
        remove_unused(writeback, journal_prefix(writeback->journal));
    g_ptr_array_set_size(writeback->taken_over, 0);
    return TRUE;
}

/* ---- going on ---- */

/* Renames that the server may have been told of when the mount was killed. */
static void settle_renames(Writeback *writeback)
{
    JournalPlan *plan = writeback->plan;
    for (guint i = 0; i < plan->renames->len; i++) {
        const JournalRename *rename = g_ptr_array_index(plan->renames, i);
        gboolean done = exists_renamed(writeback->remote, rename->from, rename->to) == EXISTS_YES;
        JournalRecord record =
            journal_record(done ? JOURNAL_RENAMED : JOURNAL_KEPT, plan->next_id + i);
        g_autoptr(GError) failure = NULL;
        if (!journal_append(writeback->journal, &record, TRUE, &failure))
            g_warning("%s", failure->message);
        if (done)
            journal_plan_rename(plan, rename->from, rename->to);
    }
}

/* The node of a path's directory, as a new reference; NULL when it is not to be seen in this mount,
 * or is not there. */
static Node *find_directory(Writeback *writeback, const char *path)
{
    const char *root = remote_root(writeback->remote);
    gsize length = g_str_equal(root, "/") ? 0 : strlen(root);
    if (strncmp(path, root, length) != 0 || path[length] != '/')
        return NULL;
    g_auto(GStrv) names = g_strsplit(path + length + 1, "/", -1);
    Node *dir = node_ref(tree_root(writeback->tree));
    for (char **name = names; name[0] != NULL && name[1] != NULL && dir != NULL; name++) {
        g_autoptr(Node) above = dir;
        g_autoptr(GError) failure = NULL;
        dir = tree_lookup(writeback->tree, above, *name, NULL, &failure);
        if (dir == NULL)
            g_message("%s: its directory is not there: %s", path, failure->message);
    }
    return dir;
}

/* The file of a pending item, shown as it will be: pinned, a new reference. */
static Node *show(Writeback *writeback, const JournalItem *item)
{
    g_autoptr(Node) dir = find_directory(writeback, item->path);
    if (dir == NULL)
        return NULL;
    NodeInfo info;
    node_info(dir, &info);
    if (info.type != REMOTE_TYPE_DIR)
        return NULL;
    g_autofree char *name = g_path_get_basename(item->path);
    /* So that it is known whether the server has one, with its mode. */
    Node *known = tree_lookup(writeback->tree, dir, name, NULL, NULL);
    g_clear_pointer(&known, node_unref);
    guint32 mode = item->mode != G_MAXUINT32 ? item->mode : 0644;
    Node *node = tree_add_file(writeback->tree, dir, name, mode);
    tree_pin(writeback->tree, node);
    tree_set_local(writeback->tree, node, item->size, item->mtime, 0, item->mode, TRUE);
    return node;
}

/* Of two items of one path that can't be shown the newer one counts. Lock held. */
static void drop_older(Writeback *writeback, JournalItem *newer)
{
    g_autoptr(GList) items = g_hash_table_get_values(writeback->by_id);
    for (GList *l = items; l != NULL; l = l->next) {
        Item *item = l->data;
        if (item->node != NULL || !g_str_equal(item->path, newer->path))
            continue;
        JournalRecord record = journal_record(JOURNAL_DROP, item->id);
        g_autoptr(GError) failure = NULL;
        g_autofree char *content = NULL;
        if (!journal_append(writeback->journal, &record, TRUE, &failure))
            g_warning("%s", failure->message);
        newer->base = item->base;
        if (newer->temporary == NULL) {
            newer->temporary = g_steal_pointer(&item->temporary);
            newer->target = g_steal_pointer(&item->target);
            newer->aside = g_steal_pointer(&item->aside);
        }
        writeback_forget(item, &content);
        writeback_remove_content(content);
    }
}

static void resume_item(Writeback *writeback, JournalItem *from, Node *node)
{
    g_mutex_lock(&writeback->lock);
    if (node == NULL)
        drop_older(writeback, from);
    Item *before = node != NULL ? g_hash_table_lookup(writeback->by_node, node) : NULL;
    Item *item = writeback_item_new(writeback, from->id, node, from->path, from->content);
    item->size = from->size;
    item->mode = from->mode;
    item->mtime = from->mtime;
    item->base = from->base;
    item->after = before;
    item->replayed = TRUE;
    item->temporary = g_steal_pointer(&from->temporary);
    item->target = g_steal_pointer(&from->target);
    item->aside = g_steal_pointer(&from->aside);
    item->stored_mtime = from->stored_mtime;
    space_count(writeback->space, item->size);
    STATS_ADD(writeback->stats, writeback_bytes, item->size);
    writeback_schedule(item, 0);
    g_mutex_unlock(&writeback->lock);
}

void writeback_resume(Writeback *writeback)
{
    JournalPlan *plan = writeback->plan;
    settle_renames(writeback);
    for (guint i = 0; i < plan->leftovers->len; i++) {
        const char *path = g_ptr_array_index(plan->leftovers, i);
        leftovers_remove(writeback->leftovers, path);
        leftovers_recheck(writeback->leftovers, path);
    }
    guint resumed = 0;
    for (guint i = 0; i < plan->items->len; i++) {
        JournalItem *item = g_ptr_array_index(plan->items, i);
        if (item->content == NULL)
            continue;
        g_autoptr(Node) node = show(writeback, item);
        resume_item(writeback, item, node);
        if (node != NULL)
            tree_unpin(writeback->tree, node); /* the item has a pin of its own */
        resumed++;
    }
    if (resumed > 0)
        g_message("%u uploads of an earlier mount are being completed", resumed);
    g_clear_pointer(&writeback->plan, journal_plan_free);
}
