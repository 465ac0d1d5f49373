/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "activity.h"

#define GET(field)        __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define SET(field, value) __atomic_store_n(&(field), (gsize)(value), __ATOMIC_RELAXED)

void activity_init(Activity *activity)
{
    lock_init(&activity->lock, LOCK_RANK_ACTIVITY);
}

void activity_clear(Activity *activity)
{
    lock_clear(&activity->lock);
    g_clear_pointer(&activity->verb, g_free);
    g_clear_pointer(&activity->path, g_free);
}

void activity_command(Activity *activity, const char *verb, const char *argument)
{
    lock_take(&activity->lock);
    if (!activity->transfer) {
        g_free(activity->verb);
        g_free(activity->path);
        activity->verb = g_strdup(verb);
        activity->path = g_strdup(argument);
        activity->since = g_get_monotonic_time();
    }
    lock_release(&activity->lock);
}

void activity_begin_transfer(Activity *activity, guint64 first, guint64 total)
{
    SET(activity->first, first);
    SET(activity->moved, 0);
    SET(activity->total, total);
    lock_take(&activity->lock);
    activity->transfer = TRUE;
    lock_release(&activity->lock);
}

void activity_expect(Activity *activity, const char *path, guint64 total)
{
    if (path != NULL) {
        lock_take(&activity->lock);
        g_free(activity->path);
        activity->path = g_strdup(path);
        lock_release(&activity->lock);
    }
    SET(activity->total, total);
}

void activity_advance(Activity *activity, gsize bytes)
{
    __atomic_add_fetch(&activity->moved, bytes, __ATOMIC_RELAXED);
}

void activity_end_transfer(Activity *activity)
{
    lock_take(&activity->lock);
    activity->transfer = FALSE;
    lock_release(&activity->lock);
}

void activity_snapshot(Activity *activity, SessionSnapshot *into)
{
    lock_take(&activity->lock);
    into->verb = g_strdup(activity->verb);
    into->path = g_strdup(activity->path);
    into->since = activity->since;
    into->transfer = activity->transfer;
    lock_release(&activity->lock);
    into->moved = GET(activity->moved);
    into->position = GET(activity->first) + into->moved;
    into->total = GET(activity->total);
}
