/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interrupts.h"

#include "ftpsfs/util/wait.h"

/* So long an operation may go on. A program that was interrupted waits for no more than a second.
 */
#define PATIENCE_US (400 * 1000)

/* What a cancellable knows of where it is registered. */
typedef struct {
    Interrupts *interrupts;
    gsize number;
} Registered;

typedef struct {
    gsize number;
    gint64 at; /* monotonic, microseconds */
} Asked;

#define REGISTERED "ftpsfs-interrupt"

/* Lock held; dropped while it is cancelled: whoever is told of that must not meet the lock. */
static void cancel_number(Interrupts *interrupts, gsize number)
{
    GCancellable *found = g_hash_table_lookup(interrupts->pending, GSIZE_TO_POINTER(number));
    g_autoptr(GCancellable) cancel = found != NULL ? g_object_ref(found) : NULL;
    lock_release(&interrupts->lock);
    g_cancellable_cancel(cancel);
    lock_take(&interrupts->lock);
}

static gpointer run(gpointer data)
{
    Interrupts *interrupts = data;
    lock_take(&interrupts->lock);
    while (!interrupts->over) {
        Asked *asked = g_queue_peek_head(&interrupts->asked);
        if (asked == NULL) {
            lock_wait(&interrupts->cond, &interrupts->lock);
        } else if (lock_wait_until(&interrupts->cond, &interrupts->lock, asked->at)) {
            continue; /* that one is still the first */
        } else {
            gsize number = asked->number;
            g_free(g_queue_pop_head(&interrupts->asked));
            cancel_number(interrupts, number);
        }
    }
    lock_release(&interrupts->lock);
    return NULL;
}

void interrupts_init(Interrupts *interrupts)
{
    lock_init(&interrupts->lock, LOCK_RANK_INTERRUPTS);
    g_cond_init(&interrupts->cond);
    g_queue_init(&interrupts->asked);
    interrupts->last = 0;
    interrupts->over = FALSE;
    interrupts->pending = g_hash_table_new_full(NULL, NULL, NULL, g_object_unref);
    interrupts->thread = g_thread_new("interrupts", run, interrupts);
}

void interrupts_clear(Interrupts *interrupts)
{
    lock_take(&interrupts->lock);
    interrupts->over = TRUE;
    g_cond_signal(&interrupts->cond);
    lock_release(&interrupts->lock);
    g_thread_join(interrupts->thread);
    g_queue_clear_full(&interrupts->asked, g_free);
    g_hash_table_unref(interrupts->pending);
    g_cond_clear(&interrupts->cond);
    lock_clear(&interrupts->lock);
}

GCancellable *interrupts_begin(Interrupts *interrupts, gsize *number)
{
    GCancellable *cancel = g_cancellable_new();
    Registered *registered = g_new(Registered, 1);
    lock_take(&interrupts->lock);
    *registered = (Registered){interrupts, ++interrupts->last};
    g_hash_table_insert(interrupts->pending, GSIZE_TO_POINTER(registered->number),
                        g_object_ref(cancel));
    lock_release(&interrupts->lock);
    *number = registered->number;
    g_object_set_data_full(G_OBJECT(cancel), REGISTERED, registered, g_free);
    return cancel;
}

void interrupts_ask(Interrupts *interrupts, gsize number)
{
    Asked *asked = g_new(Asked, 1);
    *asked = (Asked){number, g_get_monotonic_time() + PATIENCE_US};
    lock_take(&interrupts->lock);
    g_queue_push_tail(&interrupts->asked, asked);
    g_cond_signal(&interrupts->cond);
    lock_release(&interrupts->lock);
}

void interrupts_detach(GCancellable *cancel)
{
    const Registered *registered = g_object_get_data(G_OBJECT(cancel), REGISTERED);
    Interrupts *interrupts = registered->interrupts;
    lock_take(&interrupts->lock);
    g_hash_table_remove(interrupts->pending, GSIZE_TO_POINTER(registered->number));
    lock_release(&interrupts->lock);
}

void interrupts_end(GCancellable *cancel)
{
    interrupts_detach(cancel);
    g_object_unref(cancel);
}
