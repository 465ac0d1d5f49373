/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What earlier mounts of the source have left: reading their journals, and going on from there. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/temporary/ask_outcome.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/keyed_hash.h"
#include "journal_places.h"
#include "writeback_private.h"

/* ---- reading ---- */

/* A directory of journals that are taken over. */
typedef struct {
    const char *directory;
    GPtrArray *journals; /* Journal, until their items are in ours */
    GArray *numbers;     /* theirs */
    guint damaged;       /* parts of all that were read there */
} Place;

static void close_journal(gpointer journal)
{
    journal_close(journal);
}

static Place *place_new(const char *directory)
{
    Place *place = g_new0(Place, 1);
    place->directory = directory;
    place->journals = g_ptr_array_new_with_free_func(close_journal);
    place->numbers = g_array_new(FALSE, FALSE, sizeof(guint));
    return place;
}

static void place_free(gpointer pointer)
{
    Place *place = pointer;
    g_ptr_array_unref(place->journals);
    g_array_unref(place->numbers);
    g_free(place);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Place, place_free)

static gboolean journal_exists(const Place *place, guint number)
{
    g_autofree char *name = g_strdup_printf("journal-%u", number);
    g_autofree char *path = g_build_filename(place->directory, name, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Gives a content file of another journal a name of ours too. *link stays NULL when it is not
 * there. FALSE when it is and can't be had: what would be taken for lost is deleted later. */
static gboolean link_content(const Writeback *writeback, const Place *place, const char *name,
                             char **link_path, GError **error)
{
    g_autofree char *path = g_build_filename(place->directory, name, NULL);
    *link_path = NULL;
    if (strchr(name, '/') != NULL || access(path, F_OK) != 0)
        return TRUE;
    if (g_str_has_prefix(path, writeback->prefix)) {
        *link_path = g_steal_pointer(&path);
        return TRUE;
    }
    int code = EEXIST;
    for (guint i = 0; code == EEXIST && i < 100; i++) {
        g_autofree char *own = g_strdup_printf("%s%08x", writeback->prefix, g_random_int());
        code = link(path, own) == 0 ? 0 : errno;
        if (code == 0)
            *link_path = g_steal_pointer(&own);
    }
    if (code == 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: can't be linked into %s: %s", path,
                writeback->directory, g_strerror(code));
    return FALSE;
}

static gboolean content_is_whole(const char *path, guint64 size)
{
    struct stat status;
    return stat(path, &status) == 0 && (guint64)status.st_size == size;
}

/* The content files of the items, by names of ours: char *, or NULL for those that are not there.
 */
static GPtrArray *link_contents(const Writeback *writeback, const Place *place,
                                const JournalPlan *plan, GError **error)
{
    g_autoptr(GPtrArray) contents = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < plan->items->len; i++) {
        const JournalItem *item = g_ptr_array_index(plan->items, i);
        char *content = NULL;
        if (!link_content(writeback, place, item->content, &content, error))
            return NULL;
        g_ptr_array_add(contents, content);
    }
    return g_steal_pointer(&contents);
}

/* What tells a file whatever its name is. For g_free; NULL when it is not there. */
static char *file_number(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return NULL;
    return g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, (guint64)status.st_dev,
                           (guint64)status.st_ino);
}

/* Leaves out the items whose content is one of ours: a crash came after they were taken over, and
 * before their journal was removed. */
static void leave_out_known(const Writeback *writeback, const Place *place, JournalPlan *plan)
{
    g_autoptr(GHashTable) known = g_hash_table_new_full(keyed_hash_text, g_str_equal, g_free, NULL);
    for (guint i = 0; i < writeback->plan->items->len; i++) {
        const JournalItem *item = g_ptr_array_index(writeback->plan->items, i);
        char *number = item->content != NULL ? file_number(item->content) : NULL;
        if (number != NULL)
            g_hash_table_add(known, number);
    }
    for (guint i = plan->items->len; i-- > 0;) {
        const JournalItem *item = g_ptr_array_index(plan->items, i);
        g_autofree char *path = g_build_filename(place->directory, item->content, NULL);
        g_autofree char *number = file_number(path);
        if (number != NULL && g_hash_table_contains(known, number))
            g_ptr_array_remove_index(plan->items, i);
    }
}

/* Moves what a journal tells into the common plan, with new numbers. */
static gboolean take_over(Writeback *writeback, const Place *place, JournalPlan *plan,
                          GError **error)
{
    JournalPlan *all = writeback->plan;
    guint64 shift = all->next_id;
    leave_out_known(writeback, place, plan);
    g_autoptr(GPtrArray) contents = link_contents(writeback, place, plan, error);
    if (contents == NULL)
        return FALSE;
    for (guint i = 0; i < contents->len; i++) {
        JournalItem *item = g_ptr_array_index(plan->items, i);
        g_autofree char *content = g_steal_pointer(&g_ptr_array_index(contents, i));
        if (content == NULL || !content_is_whole(content, item->size)) {
            g_critical(
                "%s: its content, which was to be uploaded, is not there or not whole: %s/%s",
                item->path, place->directory, item->content);
            g_clear_pointer(&content, g_free);
        }
        g_free(item->content);
        item->content = g_steal_pointer(&content);
        item->id += shift;
        item->after += item->after != 0 ? shift : 0;
        g_ptr_array_add(all->items, item);
    }
    g_ptr_array_set_free_func(plan->items, NULL);
    g_ptr_array_set_size(plan->items, 0);
    while (plan->renames->len > 0)
        g_ptr_array_add(all->renames, g_ptr_array_steal_index(plan->renames, 0));
    while (plan->cleanup->len > 0)
        g_ptr_array_add(all->cleanup, g_ptr_array_steal_index(plan->cleanup, 0));
    all->next_id += plan->next_id;
    return TRUE;
}

/* Removes the content files with this beginning that no item names: those of files that were being
 * written when a mount was killed, or of a journal that was taken over. */
static void remove_unused(const Writeback *writeback, const char *directory, const char *prefix)
{
    g_autoptr(GHashTable) used = g_hash_table_new(keyed_hash_text, g_str_equal);
    for (guint i = 0; i < writeback->plan->items->len; i++) {
        const JournalItem *item = g_ptr_array_index(writeback->plan->items, i);
        if (item->content != NULL)
            g_hash_table_add(used, item->content);
    }
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
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

/* Does nothing when another mount has it. The first one is ours. */
static gboolean read_journal(Writeback *writeback, Place *place, guint number, GError **error)
{
    g_autoptr(JournalPlan) plan = NULL;
    g_autoptr(GError) failure = NULL;
    g_autoptr(Journal) journal = journal_open(place->directory, number, &plan, &failure);
    if (journal == NULL) {
        gboolean busy = ftpsfs_error_is(failure, FTPSFS_ERROR_BUSY);
        if (!busy)
            g_propagate_error(error, g_steal_pointer(&failure));
        return busy;
    }
    place->damaged += plan->damaged;
    if (writeback->journal == NULL) {
        writeback->prefix = g_strdup_printf("%s/%s", place->directory, journal_prefix(journal));
        writeback->journal = g_steal_pointer(&journal);
        return take_over(writeback, place, plan, error);
    }
    if (!take_over(writeback, place, plan, error))
        return FALSE;
    g_ptr_array_add(place->journals, g_steal_pointer(&journal));
    g_array_append_val(place->numbers, number);
    return TRUE;
}

/* Reads all journals of a place that no mount has locked. */
static gboolean read_place(Writeback *writeback, Place *place, GError **error)
{
    for (guint number = 1; number <= JOURNALS_MAX; number++) {
        if (writeback->journal != NULL && !journal_exists(place, number))
            continue;
        if (!read_journal(writeback, place, number, error))
            return FALSE;
    }
    if (writeback->journal != NULL)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LIMIT,
                "%s: %u mounts of this source are there already", place->directory, JOURNALS_MAX);
    return FALSE;
}

/* What other mounts have left for this one; where that can't be had it stays there. */
static GPtrArray *read_others(Writeback *writeback, const GPtrArray *directories)
{
    GPtrArray *places = g_ptr_array_new_with_free_func(place_free);
    for (guint i = 0; i < directories->len; i++) {
        guint before = writeback->plan->items->len;
        Place *place = place_new(g_ptr_array_index(directories, i));
        g_autoptr(GError) failure = NULL;
        g_ptr_array_add(places, place);
        if (!read_place(writeback, place, &failure))
            g_warning("uploads that wait in %s are not made: %s", place->directory,
                      failure->message);
        if (writeback->plan->items->len > before)
            g_message("uploads taken over from %s: %u", place->directory,
                      writeback->plan->items->len - before);
    }
    return places;
}

/* Once all is in our journal. */
static void remove_taken_over(const Writeback *writeback, const Place *place)
{
    for (guint i = 0; i < place->journals->len; i++) {
        Journal *journal = g_ptr_array_index(place->journals, i);
        journal_remove(journal);
        /* What a damaged record may have named is for the user to judge. */
        if (place->damaged == 0)
            remove_unused(writeback, place->directory, journal_prefix(journal));
    }
}

gboolean writeback_read(Writeback *writeback, const WritebackOptions *options, GError **error)
{
    writeback->directory = journal_place_make(options->directory, options->identity, error);
    if (writeback->directory == NULL)
        return FALSE;
    writeback->plan = journal_replay(NULL, 0);
    g_autoptr(Place) own = place_new(writeback->directory);
    if (!read_place(writeback, own, error))
        return FALSE;
    g_autoptr(GPtrArray) directories =
        journal_places_to_finish(options->directory, writeback->directory, options->identity);
    g_autoptr(GPtrArray) others = read_others(writeback, directories);
    g_autoptr(GPtrArray) records = records_of(writeback->plan);
    if (!journal_sync_directory(writeback->directory, error) ||
        !journal_rewrite(writeback->journal, records, error))
        return FALSE;
    writeback->next_id = writeback->plan->next_id + writeback->plan->renames->len;
    remove_taken_over(writeback, own);
    if (own->damaged == 0)
        remove_unused(writeback, own->directory, journal_prefix(writeback->journal));
    for (guint i = 0; i < others->len; i++) {
        const Place *place = g_ptr_array_index(others, i);
        remove_taken_over(writeback, place);
        journal_place_remove(place->directory, place->numbers);
    }
    return TRUE;
}

/* ---- going on ---- */

/* Renames that the server may have been told of when the mount was killed. */
static void conclude_renames(Writeback *writeback)
{
    JournalPlan *plan = writeback->plan;
    for (guint i = 0; i < plan->renames->len; i++) {
        const JournalRename *rename = g_ptr_array_index(plan->renames, i);
        gboolean done = ask_outcome_renamed(writeback->remote, rename->from, rename->to, NULL) ==
                        ASK_OUTCOME_YES;
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
    lock_take(&writeback->lock);
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
    lock_release(&writeback->lock);
}

void writeback_resume(Writeback *writeback)
{
    JournalPlan *plan = writeback->plan;
    conclude_renames(writeback);
    for (guint i = 0; i < plan->cleanup->len; i++) {
        const char *path = g_ptr_array_index(plan->cleanup, i);
        temporary_cleanup_remove(writeback->cleanup, path);
        temporary_cleanup_recheck(writeback->cleanup, path);
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
