/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One upload: store the content under a hidden name, with mode and time; look whether others have
 * changed the file; write into the journal what comes; rename. And finding out, after a crash or a
 * lost connection, how far an earlier try had come.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "writeback_private.h"

#define NAME_MAX_BYTES 255

/* An attempt. */
typedef struct {
    Item *item;
    Writeback *writeback;
    RemoteEntry *entry; /* what the temporary is, then the file */
    guint changes;      /* Item.changes as of the mode and time that it has */
    gboolean conflict;
    gboolean exists; /* something is under the target's name */
    RemoteExtraStat
        extra;       /* at `stat_path`, when the content had just been stored; good for one use */
    char *stat_path; /* the path of that time */
} Attempt;

/* ---- after an earlier try ---- */

/* FALSE when it may be there still and another try may help. */
static gboolean remove_earlier(Writeback *writeback, const char *path, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (remote_unlink(writeback->remote, path, NULL, &failure) ||
        !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_OUTAGE))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* The earlier try was about to rename, or did. What had been moved aside goes back, or away. */
static gboolean resolve_committed(Attempt *attempt, gboolean *done, GError **error)
{
    Item *item = attempt->item;
    Writeback *writeback = attempt->writeback;
    g_autoptr(RemoteEntry) other = entry_new();
    JournalState temporary, target, aside = {.kind = JOURNAL_ABSENT};
    if (!writeback_stat(writeback, item->temporary, other, &temporary, error) ||
        (*item->aside != '\0' && !writeback_stat(writeback, item->aside, other, &aside, error)) ||
        !writeback_stat(writeback, item->target, attempt->entry, &target, error))
        return FALSE;
    gboolean ours = temporary.kind == JOURNAL_ABSENT && target.kind == JOURNAL_FILE &&
                    target.size == item->size;
    /* By its time alone, if that tells it from what was there before. */
    gboolean known = ours && item->stored_mtime != G_MININT64 &&
                     target.mtime == item->stored_mtime && !writeback_is_base(&item->base, &target);
    if (ours && !known && !writeback_compare_content(item, item->target, &ours, error))
        return FALSE;
    if (aside.kind == JOURNAL_FILE && target.kind == JOURNAL_ABSENT) {
        if (!remote_rename(writeback->remote, item->aside, item->target, NULL, error))
            return FALSE;
    } else if (aside.kind == JOURNAL_FILE) {
        temporary_cleanup_remove(writeback->cleanup, item->aside);
    }
    attempt->conflict = ours && !g_str_equal(item->target, item->path);
    *done = ours;
    return TRUE;
}

/* Clears up after an earlier try. *done: it had come to its end. */
static gboolean resolve(Attempt *attempt, gboolean *done, GError **error)
{
    Item *item = attempt->item;
    *done = FALSE;
    if (item->temporary == NULL)
        return TRUE;
    if (item->target != NULL && !resolve_committed(attempt, done, error))
        return FALSE;
    if (!*done) {
        if (!remove_earlier(attempt->writeback, item->temporary, error))
            return FALSE;
        temporary_cleanup_recheck(attempt->writeback->cleanup, item->temporary);
    }
    lock_take(&attempt->writeback->lock);
    g_clear_pointer(&item->temporary, g_free);
    g_clear_pointer(&item->target, g_free);
    g_clear_pointer(&item->aside, g_free);
    lock_release(&attempt->writeback->lock);
    return TRUE;
}

/* ---- the upload ---- */

static gboolean send_content(Item *item, RemoteStream *stream, GError **error)
{
    int fd = writeback_open_content(item, error);
    if (fd < 0)
        return FALSE;
    g_autofree guint8 *buffer = g_malloc(WRITEBACK_PIECE);
    lock_take(&item->writeback->lock);
    g_autofree char *path = g_strdup(item->path);
    lock_release(&item->writeback->lock);
    remote_stream_expect(stream, path, item->size);
    gssize n;
    gboolean ok = TRUE;
    while (ok && (n = writeback_read_piece(item, fd, buffer, error)) != 0) {
        ok = n > 0 && remote_stream_write(stream, buffer, (gsize)n, item->cancel, error);
        lock_take(&item->writeback->lock);
        item->sent += ok ? (guint64)n : 0;
        lock_release(&item->writeback->lock);
    }
    close(fd);
    return ok;
}

static gboolean check_size(const Item *item, const RemoteEntry *entry, GError **error)
{
    if (!(entry->has & REMOTE_HAS_SIZE) || entry->size == item->size)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED,
                "%s: the server has %" G_GUINT64_FORMAT " bytes of %" G_GUINT64_FORMAT
                " after the upload",
                item->path, entry->size, item->size);
    return FALSE;
}

/* Chooses the temporary's name, and says so in the journal. */
static char *begin(Attempt *attempt, guint32 *mode, gint64 *mtime, GError **error)
{
    Item *item = attempt->item;
    Writeback *writeback = attempt->writeback;
    lock_take(&writeback->lock);
    g_free(item->temporary);
    item->temporary = temporary_path(item->path, "upload");
    JournalRecord record = journal_record(JOURNAL_START, item->id);
    record.second = item->temporary;
    gboolean ok = journal_append(writeback->journal, &record, FALSE, error);
    *mode = item->mode;
    *mtime = item->mtime;
    attempt->changes = item->changes;
    g_free(attempt->stat_path);
    attempt->stat_path = g_strdup(item->path);
    char *temporary = g_strdup(item->temporary);
    lock_release(&writeback->lock);
    if (ok)
        return temporary;
    g_free(temporary);
    return NULL;
}

/* Stores the content as item->temporary, confirmed. */
static gboolean store(Attempt *attempt, GError **error)
{
    Item *item = attempt->item;
    Remote *remote = attempt->writeback->remote;
    guint32 mode;
    gint64 mtime;
    g_autofree char *temporary = begin(attempt, &mode, &mtime, error);
    if (temporary == NULL)
        return FALSE;
    RemoteStream *stream =
        remote_store_open(remote, temporary, REMOTE_STORE_NEW, 0, item->cancel, error);
    if (stream == NULL)
        return FALSE;
    if (!send_content(item, stream, error)) {
        remote_stream_close(stream);
        return FALSE;
    }
    gboolean finalized = FALSE;
    attempt->extra.path = attempt->stat_path;
    return remote_stream_finish_and_finalize(stream, remote, temporary, mode, mtime, attempt->entry,
                                             &attempt->extra, &finalized, item->cancel, error) &&
           (finalized ||
            remote_finalize(remote, temporary, mode, mtime, attempt->entry, item->cancel, error)) &&
           check_size(item, attempt->entry, error);
}

/* ---- the name ---- */

/* What the look behind the upload has seen, if it is of this path and was made just now. */
static gboolean take_extra(Attempt *attempt, const char *path, JournalState *now)
{
    gboolean good = attempt->extra.known && g_str_equal(attempt->stat_path, path);
    attempt->extra.known = FALSE;
    if (good)
        *now = attempt->extra.exists ? writeback_state_of(attempt->extra.entry)
                                     : (JournalState){.kind = JOURNAL_ABSENT, .mtime = G_MININT64};
    return good;
}

/* Whether others have changed the file since. *ours: it has the content already. */
static gboolean check(Attempt *attempt, const char *path, const JournalState *base, gboolean *ours,
                      GError **error)
{
    const Item *item = attempt->item;
    g_autoptr(RemoteEntry) entry = entry_new();
    JournalState now;
    *ours = FALSE;
    if (!take_extra(attempt, path, &now) &&
        !writeback_stat(attempt->writeback, path, entry, &now, error))
        return FALSE;
    attempt->exists = now.kind == JOURNAL_FILE;
    attempt->conflict = !writeback_is_base(base, &now);
    /* After a crash it may be the work of an earlier try; and two who write the same agree. */
    if (attempt->conflict && now.size == item->size) {
        if (!writeback_compare_content(item, path, ours, error))
            return FALSE;
        attempt->conflict = !*ours;
    }
    return TRUE;
}

/* Where the local content goes when others have changed the file. */
static char *conflict_path(const char *path)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *stamp = g_date_time_format(now, "%Y%m%d-%H%M%S");
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *suffix = g_strdup_printf(".ftpsfs-conflict-%s", stamp);
    gsize room = NAME_MAX_BYTES - 4 - strlen(suffix);
    while (strlen(name) > room) {
        /* Whole characters. */
        char *last = g_utf8_find_prev_char(name, name + strlen(name));
        name[last != NULL ? (gsize)(last - name) : room] = '\0';
    }
    return g_strconcat(parent, g_str_has_suffix(parent, "/") ? "" : "/", name, suffix, NULL);
}

/* A conflict's name that is free. */
static char *free_conflict_path(Attempt *attempt, const char *path, GError **error)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    g_autofree char *first = conflict_path(path);
    for (guint i = 1;; i++) {
        g_autofree char *name = i == 1 ? g_strdup(first) : g_strdup_printf("%s-%u", first, i);
        JournalState state;
        if (!writeback_stat(attempt->writeback, name, entry, &state, error))
            return NULL;
        if (state.kind == JOURNAL_ABSENT)
            return g_steal_pointer(&name);
    }
}

/* Writes the renaming into the journal. FALSE, with *again, when the path has changed, or is held,
 * since it was looked at. */
static gboolean commit(Attempt *attempt, const char *path, const char *target, gboolean *again,
                       GError **error)
{
    Item *item = attempt->item;
    Writeback *writeback = attempt->writeback;
    lock_take(&writeback->lock);
    *again = !item->dropped && (writeback_item_is_locked(item) || !g_str_equal(item->path, path));
    gboolean ok = !item->dropped && !*again;
    if (ok) {
        item->state = ITEM_COMMITTING;
        item->target = g_strdup(target);
        item->aside =
            attempt->exists && !attempt->conflict ? temporary_path(target, "old") : g_strdup("");
        item->stored_mtime =
            (attempt->entry->has & REMOTE_HAS_MTIME) ? attempt->entry->mtime : G_MININT64;
        JournalRecord record = journal_record(JOURNAL_COMMIT, item->id);
        record.path = item->target;
        record.second = item->temporary;
        record.third = item->aside;
        record.size = item->size;
        record.mtime = item->stored_mtime;
        ok = journal_append(writeback->journal, &record, FALSE, error);
    }
    lock_release(&writeback->lock);
    return ok && journal_sync(writeback->journal, error);
}

/* Waits until nobody holds the path. Gives the path and what it is over; NULL when given up. */
static char *await_name(Attempt *attempt, JournalState *base)
{
    Item *item = attempt->item;
    Writeback *writeback = attempt->writeback;
    lock_take(&writeback->lock);
    item->state = ITEM_PARKED;
    g_cond_broadcast(&writeback->changed);
    while (!item->dropped && writeback_item_is_locked(item)) {
        attempt->extra.known = FALSE;
        lock_wait(&writeback->changed, &writeback->lock);
    }
    char *path = item->dropped ? NULL : g_strdup(item->path);
    *base = item->base;
    lock_release(&writeback->lock);
    return path;
}

static gboolean rename_temporary(const Item *item, GError **error)
{
    const Writeback *writeback = item->writeback;
    return temporary_move_over(writeback->remote, writeback->cleanup, item->temporary, item->target,
                               *item->aside != '\0' ? item->aside : NULL, error);
}

/* Gives the temporary its name, or another when others have changed the file. */
static UploadEnd finish(Attempt *attempt, GError **error)
{
    Item *item = attempt->item;
    for (;;) {
        JournalState base;
        gboolean ours = FALSE;
        gboolean again = FALSE;
        g_autofree char *path = await_name(attempt, &base);
        if (path == NULL)
            return UPLOAD_DROPPED;
        if (!check(attempt, path, &base, &ours, error))
            return UPLOAD_FAILED;
        g_autofree char *target =
            attempt->conflict ? free_conflict_path(attempt, path, error) : g_strdup(path);
        if (target == NULL)
            return UPLOAD_FAILED;
        if (!commit(attempt, path, target, &again, error)) {
            if (again)
                continue;
            return UPLOAD_FAILED;
        }
        if (!rename_temporary(item, error))
            return UPLOAD_FAILED;
        if (attempt->conflict) {
            STATS_ADD(attempt->writeback->stats, writeback_conflicts, 1);
            g_warning(
                "%s: somebody else has changed it on the server meanwhile, which is kept; the "
                "local content is stored beside it as %s",
                path, target);
        }
        return UPLOAD_DONE;
    }
}

/* Mode and time that were changed since they were sent. */
static gboolean apply_changes(Attempt *attempt, const char *path, GError **error)
{
    Item *item = attempt->item;
    Writeback *writeback = attempt->writeback;
    for (;;) {
        lock_take(&writeback->lock);
        gboolean finalized = item->changes == attempt->changes;
        attempt->changes = item->changes;
        guint32 mode = item->mode;
        gint64 mtime = item->mtime;
        lock_release(&writeback->lock);
        if (finalized)
            return TRUE;
        if (!remote_finalize(writeback->remote, path, mode, mtime, attempt->entry, NULL, error))
            return FALSE;
    }
}

/* The file is there already, by an earlier try: makes the item as one that was renamed just now. */
static UploadEnd claim_done(Attempt *attempt, GError **error)
{
    Item *item = attempt->item;
    Writeback *writeback = attempt->writeback;
    lock_take(&writeback->lock);
    gboolean dropped = item->dropped;
    if (!dropped)
        item->state = ITEM_COMMITTING;
    attempt->changes = item->changes - 1;
    g_autofree char *path = g_strdup(item->path);
    lock_release(&writeback->lock);
    if (dropped)
        return UPLOAD_DROPPED;
    if (attempt->conflict)
        return UPLOAD_DONE;
    return apply_changes(attempt, path, error) ? UPLOAD_DONE : UPLOAD_FAILED;
}

/* An item that has been tried before, perhaps by a mount that was killed. *found: the server has
 * it.
 */
static gboolean check_earlier(Attempt *attempt, gboolean *found, GError **error)
{
    Item *item = attempt->item;
    gboolean before = item->replayed || item->attempts > 0;
    if (!resolve(attempt, found, error))
        return FALSE;
    if (*found || !before)
        return TRUE;
    lock_take(&attempt->writeback->lock);
    g_autofree char *path = g_strdup(item->path);
    JournalState base = item->base;
    lock_release(&attempt->writeback->lock);
    return check(attempt, path, &base, found, error);
}

static UploadEnd run_attempt(Attempt *attempt, GError **error)
{
    gboolean found = FALSE;
    if (!check_earlier(attempt, &found, error))
        return UPLOAD_FAILED;
    if (found)
        return claim_done(attempt, error);
    if (!store(attempt, error))
        return UPLOAD_FAILED;
    UploadEnd end = finish(attempt, error);
    if (end == UPLOAD_DONE && !attempt->conflict &&
        !apply_changes(attempt, attempt->item->target, error))
        return UPLOAD_FAILED;
    return end;
}

UploadEnd writeback_upload(Item *item, RemoteEntry *entry, JournalState *state, gboolean *conflict,
                           GError **error)
{
    g_autoptr(RemoteEntry) seen = entry_new();
    Attempt attempt = {
        .item = item, .writeback = item->writeback, .entry = entry, .extra = {.entry = seen}};
    UploadEnd end = run_attempt(&attempt, error);
    *conflict = attempt.conflict;
    g_free(attempt.stat_path);
    if (end == UPLOAD_DONE)
        temporary_cleanup_retry(item->writeback->cleanup);
    if (end == UPLOAD_DONE && !attempt.conflict)
        *state = writeback_state_of(entry);
    /* What is given up leaves nothing. */
    lock_take(&item->writeback->lock);
    g_autofree char *left = item->dropped ? g_steal_pointer(&item->temporary) : NULL;
    item->may_reappear = left != NULL;
    lock_release(&item->writeback->lock);
    if (left != NULL) {
        temporary_cleanup_remove(item->writeback->cleanup, left);
        temporary_cleanup_recheck(item->writeback->cleanup, left);
    }
    return end;
}
