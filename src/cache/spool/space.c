/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/space.h"

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"

struct Space {
    guint64 limit;
    guint timeout_s;
    Lock lock; /* guards what follows */
    GCond changed;
    guint64 used;
    guint64 given; /* counts what was given back */
};

Space *space_new(guint64 limit, guint timeout_s)
{
    Space *space = g_new0(Space, 1);
    space->limit = limit;
    space->timeout_s = timeout_s;
    lock_init(&space->lock, LOCK_RANK_SPACE);
    g_cond_init(&space->changed);
    return space;
}

void space_free(Space *space)
{
    if (space == NULL)
        return;
    g_cond_clear(&space->changed);
    lock_clear(&space->lock);
    g_free(space);
}

static gboolean fits(const Space *space, guint64 bytes)
{
    return space->limit == 0 ||
           (space->used <= space->limit && bytes <= space->limit - space->used);
}

/* Without a wait. Lock held. */
static gboolean take_now(Space *space, guint64 bytes)
{
    if (!fits(space, bytes))
        return FALSE;
    space->used += bytes;
    return TRUE;
}

/* Waits until `bytes` fit, and takes them. Lock held. */
static gboolean take_later(Space *space, guint64 bytes, const Wait *wait, GError **error)
{
    gint64 deadline = deadline_in(space->timeout_s);
    while (!take_now(space, bytes)) {
        g_autoptr(GError) failure = NULL;
        guint64 given = space->given;
        gboolean woken = wait_step(wait, deadline, "space for files being written", &failure);
        /* As long as uploads get on there is hope. */
        if (space->given != given && !ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
            deadline = deadline_in(space->timeout_s);
        } else if (!woken && !fits(space, bytes)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
    }
    return TRUE;
}

gboolean space_take(Space *space, guint64 bytes, GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    lock_take(&space->lock);
    gboolean ok = take_now(space, bytes);
    if (!ok && bytes <= space->limit) {
        Wait wait;
        wait_begin_locked(&wait, &space->changed, &space->lock, cancel);
        ok = take_later(space, bytes, &wait, &failure);
        wait_end_locked(&wait);
    }
    lock_release(&space->lock);
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
        g_propagate_error(error, g_steal_pointer(&failure));
    else if (!ok)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NO_SPACE,
                    "files being written fill the %" G_GUINT64_FORMAT " bytes of -o spool_size=, "
                    "and none was uploaded for %u s",
                    space->limit, space->timeout_s);
    return ok;
}

void space_count(Space *space, guint64 bytes)
{
    lock_take(&space->lock);
    space->used += bytes;
    lock_release(&space->lock);
}

void space_give(Space *space, guint64 bytes)
{
    if (bytes == 0)
        return;
    lock_take(&space->lock);
    space->used -= MIN(space->used, bytes);
    space->given += bytes;
    g_cond_broadcast(&space->changed);
    lock_release(&space->lock);
}

guint64 space_used(Space *space)
{
    lock_take(&space->lock);
    guint64 used = space->used;
    lock_release(&space->lock);
    return used;
}
