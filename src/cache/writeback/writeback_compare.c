/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the server's file is the one that is known: by its attributes, or by its content. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ftpsfs/util/digest.h"
#include "ftpsfs/util/error.h"
#include "writeback_private.h"

/* Servers that tell times by zones of their own in listings, and by UTC elsewhere, are this far off
 * at most, in steps of a quarter of an hour. */
#define ZONE_STEP_S (15 * 60)
#define ZONE_MAX_S  (15 * 60 * 60)

JournalState writeback_state_of(const RemoteEntry *entry)
{
    JournalState state = {.kind = JOURNAL_FILE,
                          .precision = entry->time_precision,
                          .size = G_MAXUINT64,
                          .mtime = G_MININT64};
    if (entry->has & REMOTE_HAS_SIZE)
        state.size = entry->size;
    if (entry->has & REMOTE_HAS_MTIME)
        state.mtime = entry->mtime;
    return state;
}

gboolean writeback_stat(Writeback *writeback, const char *path, RemoteEntry *entry,
                        JournalState *state, GError **error)
{
    g_autoptr(GError) failure = NULL;
    entry_clear(entry);
    *state = (JournalState){.kind = JOURNAL_ABSENT, .mtime = G_MININT64};
    if (remote_stat_exact(writeback->remote, path, entry, NULL, &failure)) {
        *state = writeback_state_of(entry);
        return TRUE;
    }
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        return TRUE;
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_ACCESS) ||
        ftpsfs_error_is(failure, FTPSFS_ERROR_IS_DIR)) {
        /* Something is there, and it is no file that we know. */
        *state = (JournalState){.kind = JOURNAL_FILE, .size = G_MAXUINT64, .mtime = G_MININT64};
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static gboolean same_time(const JournalState *base, const JournalState *now)
{
    if (base->mtime == G_MININT64 || now->mtime == G_MININT64)
        return TRUE;
    gint64 difference = now->mtime - base->mtime;
    if (base->precision == REMOTE_TIME_SECOND)
        return difference == 0;
    if (base->precision == REMOTE_TIME_DAY)
        return difference > -ZONE_MAX_S && difference < 24 * 60 * 60 + ZONE_MAX_S;
    gint64 beyond = ((difference % ZONE_STEP_S) + ZONE_STEP_S) % ZONE_STEP_S;
    return ABS(difference) <= ZONE_MAX_S && beyond < 60;
}

gboolean writeback_is_base(const JournalState *base, const JournalState *now)
{
    if (now->kind == JOURNAL_ABSENT)
        return TRUE;
    return base->kind == JOURNAL_FILE && now->size == base->size && same_time(base, now);
}

int writeback_open_content(const Item *item, GError **error)
{
    int fd = open(item->content, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: %s", item->content,
                    g_strerror(errno));
    return fd;
}

gssize writeback_read_piece(const Item *item, int fd, guint8 *buffer, GError **error)
{
    ssize_t n;
    do {
        n = read(fd, buffer, WRITEBACK_PIECE);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: %s", item->content,
                    g_strerror(errno));
    return n;
}

static gboolean hash_content(const Item *item, char **hex, GError **error)
{
    g_autoptr(Digest) digest = digest_new(error);
    int fd = digest != NULL ? writeback_open_content(item, error) : -1;
    if (fd < 0)
        return FALSE;
    g_autofree guint8 *buffer = g_malloc(WRITEBACK_PIECE);
    gssize n;
    while ((n = writeback_read_piece(item, fd, buffer, error)) > 0)
        digest_add(digest, buffer, (gsize)n);
    close(fd);
    return n == 0 && (*hex = digest_hex(digest, error)) != NULL;
}

static gboolean hash_remote(Writeback *writeback, const char *path, guint64 size, char **hex,
                            GError **error)
{
    g_autoptr(Digest) digest = digest_new(error);
    g_autoptr(RemoteStream) stream =
        digest != NULL ? remote_stream_open(writeback->remote, path, 0, size, NULL, error) : NULL;
    if (stream == NULL)
        return FALSE;
    g_autofree guint8 *buffer = g_malloc(WRITEBACK_PIECE);
    gssize n;
    while ((n = remote_stream_read(stream, buffer, WRITEBACK_PIECE, NULL, error)) > 0)
        digest_add(digest, buffer, (gsize)n);
    return n == 0 && (*hex = digest_hex(digest, error)) != NULL;
}

gboolean writeback_compare_content(const Item *item, const char *path, gboolean *same,
                                   GError **error)
{
    Writeback *writeback = item->writeback;
    g_autofree char *ours = NULL;
    g_autofree char *theirs = NULL;
    if (!hash_content(item, &ours, error))
        return FALSE;
    if (remote_can(writeback->remote, REMOTE_CAN_HASH))
        theirs = remote_hash(writeback->remote, REMOTE_HASH_SHA256, path, NULL, NULL);
    if (theirs == NULL && !hash_remote(writeback, path, item->size, &theirs, error))
        return FALSE;
    *same = g_ascii_strcasecmp(ours, theirs) == 0;
    return TRUE;
}
