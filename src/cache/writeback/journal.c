/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/lock.h"
#include "journal_private.h"

/* A journal has this much at most. */
#define FILE_MAX (256 * 1024 * 1024)

struct Journal {
    char *directory;
    char *path;
    char *prefix;
    int lock_fd;
    Lock lock; /* guards what follows */
    GCond changed;
    int fd;           /* -1 until journal_rewrite */
    gsize end;        /* bytes of good records */
    gsize synced;     /* of which so many are on the disk */
    gboolean syncing; /* one thread waits for the disk */
    gboolean broken;  /* what is at the end of the file is unknown */
};

static gboolean set_errno(const char *path, const char *what, GError **error)
{
    int code = errno;
    gboolean full = code == ENOSPC || code == EDQUOT || code == EFBIG;
    g_set_error(error, FTPSFS_ERROR, full ? FTPSFS_ERROR_NO_SPACE : FTPSFS_ERROR_IO,
                "%s: can't be %s: %s%s", path, what, g_strerror(code),
                full ? "; make room there" : "");
    return FALSE;
}

gboolean journal_sync_directory(const char *directory, GError **error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        set_errno(directory, "synchronised", error);
    if (fd >= 0)
        close(fd);
    return ok;
}

static gboolean write_all(int fd, const guint8 *data, gsize length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return FALSE;
        }
        data += n;
        length -= (gsize)n;
    }
    return TRUE;
}

static int lock_file(const char *directory, guint number, GError **error)
{
    g_autofree char *name = g_strdup_printf("lock-%u", number);
    g_autofree char *path = g_build_filename(directory, name, NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0 && errno == EWOULDBLOCK)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_BUSY, "%s is used by another mount", path);
    else
        set_errno(path, "locked", error);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Damage is for the user to see, and the bytes for who wants to look. */
static void report_damage(const char *path, const JournalPlan *plan, const char *data, gsize length)
{
    if (plan->torn > 0)
        g_info("%s: the last %" G_GSIZE_FORMAT " bytes are not whole, as a crash leaves them", path,
               plan->torn);
    if (plan->damaged == 0)
        return;
    g_autofree char *copy = g_strconcat(path, ".damaged", NULL);
    g_autoptr(GError) failure = NULL;
    gboolean kept = g_file_set_contents(copy, data, (gssize)length, &failure);
    g_critical("%s: damaged in %u places; what is around them is used. Uploads that only they tell "
               "of are not made: look for their content beside it. A copy of the journal is %s",
               path, plan->damaged, kept ? copy : failure->message);
}

static JournalPlan *read_plan(const char *path, GError **error)
{
    g_autofree char *data = NULL;
    gsize length = 0;
    g_autoptr(GError) failure = NULL;
    if (!g_file_get_contents(path, &data, &length, &failure) &&
        !g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: can't be read: %s", path,
                    failure->message);
        return NULL;
    }
    JournalPlan *plan = journal_replay((const guint8 *)data, length);
    report_damage(path, plan, data, length);
    return plan;
}

Journal *journal_open(const char *directory, guint number, JournalPlan **plan, GError **error)
{
    int lock_fd = lock_file(directory, number, error);
    if (lock_fd < 0)
        return NULL;
    g_autoptr(Journal) journal = g_new0(Journal, 1);
    g_autofree char *name = g_strdup_printf("journal-%u", number);
    journal->directory = g_strdup(directory);
    journal->path = g_build_filename(directory, name, NULL);
    journal->prefix = g_strdup_printf("content-%u-", number);
    journal->lock_fd = lock_fd;
    journal->fd = -1;
    lock_init(&journal->lock, LOCK_RANK_JOURNAL);
    g_cond_init(&journal->changed);
    *plan = read_plan(journal->path, error);
    return *plan != NULL ? g_steal_pointer(&journal) : NULL;
}

void journal_close(Journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    close(journal->lock_fd);
    g_cond_clear(&journal->changed);
    lock_clear(&journal->lock);
    g_free(journal->directory);
    g_free(journal->path);
    g_free(journal->prefix);
    g_free(journal);
}

void journal_remove(Journal *journal)
{
    if (unlink(journal->path) != 0 && errno != ENOENT)
        g_warning("%s: can't be removed: %s; delete it by hand", journal->path, g_strerror(errno));
}

const char *journal_prefix(const Journal *journal)
{
    return journal->prefix;
}

gsize journal_size(Journal *journal)
{
    lock_take(&journal->lock);
    gsize size = journal->end;
    lock_release(&journal->lock);
    return size;
}

/* The new file under a name of its own. -1 on error. */
static int write_new(const char *path, const GByteArray *bytes, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0 && write_all(fd, bytes->data, bytes->len) && fdatasync(fd) == 0)
        return fd;
    set_errno(path, "written", error);
    if (fd >= 0)
        close(fd);
    return -1;
}

gboolean journal_rewrite(Journal *journal, const GPtrArray *records, GError **error)
{
    g_autoptr(GByteArray) bytes = journal_header();
    for (guint i = 0; i < records->len; i++) {
        g_autoptr(GByteArray) one = journal_encode(g_ptr_array_index(records, i));
        g_byte_array_append(bytes, one->data, one->len);
    }
    g_autofree char *path = g_strconcat(journal->path, ".new", NULL);
    lock_take(&journal->lock);
    while (journal->syncing)
        lock_wait(&journal->changed, &journal->lock);
    int fd = write_new(path, bytes, error);
    gboolean ok = fd >= 0;
    if (ok && rename(path, journal->path) != 0)
        ok = set_errno(path, "renamed", error);
    /* From here on it is the file; the old one must not be written to any more. */
    if (ok) {
        if (journal->fd >= 0)
            close(journal->fd);
        journal->fd = fd;
        journal->end = journal->synced = bytes->len;
        journal->broken = FALSE;
        ok = journal_sync_directory(journal->directory, error);
    } else if (fd >= 0) {
        close(fd);
    }
    lock_release(&journal->lock);
    return ok;
}

/* Waits until the file is on the disk up to `end`; of several threads one does it for all. Lock
 * held; dropped while waiting. */
static gboolean sync_to(Journal *journal, gsize end, GError **error)
{
    while (journal->synced < MIN(end, journal->end)) {
        if (journal->syncing) {
            lock_wait(&journal->changed, &journal->lock);
            continue;
        }
        gsize all = journal->end;
        journal->syncing = TRUE;
        lock_release(&journal->lock);
        gboolean ok = fdatasync(journal->fd) == 0;
        int code = errno;
        lock_take(&journal->lock);
        journal->syncing = FALSE;
        g_cond_broadcast(&journal->changed);
        if (!ok) {
            /* The kernel may have dropped the pages: a second fdatasync proves nothing. */
            journal->broken = TRUE;
            errno = code;
            return set_errno(journal->path, "written to the disk", error);
        }
        journal->synced = MAX(journal->synced, all);
    }
    return TRUE;
}

static gboolean append_locked(Journal *journal, const GByteArray *bytes, GError **error)
{
    if (journal->broken || journal->end > FILE_MAX) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                    "%s: an earlier write to it failed, or it has become too large; make sure that "
                    "the disk is healthy, and mount again",
                    journal->path);
        return FALSE;
    }
    if (write_all(journal->fd, bytes->data, bytes->len)) {
        journal->end += bytes->len;
        return TRUE;
    }
    set_errno(journal->path, "written", error);
    if (ftruncate(journal->fd, (off_t)journal->end) != 0)
        journal->broken = TRUE;
    return FALSE;
}

gboolean journal_sync(Journal *journal, GError **error)
{
    lock_take(&journal->lock);
    gboolean ok = sync_to(journal, journal->end, error);
    lock_release(&journal->lock);
    return ok;
}

gboolean journal_append(Journal *journal, const JournalRecord *record, gboolean durable,
                        GError **error)
{
    g_autoptr(GByteArray) bytes = journal_encode(record);
    lock_take(&journal->lock);
    gboolean ok =
        append_locked(journal, bytes, error) && (!durable || sync_to(journal, journal->end, error));
    lock_release(&journal->lock);
    return ok;
}
