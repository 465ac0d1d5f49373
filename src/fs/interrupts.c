/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interrupts.h"

/* What a cancellable knows of where it is registered. */
typedef struct {
    Interrupts *interrupts;
    gsize number;
} Registered;

#define REGISTERED "ftpsfs-interrupt"

void interrupts_init(Interrupts *interrupts)
{
    g_mutex_init(&interrupts->lock);
    interrupts->last = 0;
    interrupts->pending = g_hash_table_new_full(NULL, NULL, NULL, g_object_unref);
}

void interrupts_clear(Interrupts *interrupts)
{
    g_hash_table_unref(interrupts->pending);
    g_mutex_clear(&interrupts->lock);
}

GCancellable *interrupts_begin(Interrupts *interrupts, gsize *number)
{
    GCancellable *cancel = g_cancellable_new();
    Registered *registered = g_new(Registered, 1);
    g_mutex_lock(&interrupts->lock);
    *registered = (Registered){interrupts, ++interrupts->last};
    g_hash_table_insert(interrupts->pending, GSIZE_TO_POINTER(registered->number),
                        g_object_ref(cancel));
    g_mutex_unlock(&interrupts->lock);
    *number = registered->number;
    g_object_set_data_full(G_OBJECT(cancel), REGISTERED, registered, g_free);
    return cancel;
}

void interrupts_cancel(Interrupts *interrupts, gsize number)
{
    g_mutex_lock(&interrupts->lock);
    GCancellable *found = g_hash_table_lookup(interrupts->pending, GSIZE_TO_POINTER(number));
    g_autoptr(GCancellable) cancel = found != NULL ? g_object_ref(found) : NULL;
    g_mutex_unlock(&interrupts->lock);
    /* Whoever is told of it must not meet the lock. */
    g_cancellable_cancel(cancel);
}

void interrupts_end(GCancellable *cancel)
{
    const Registered *registered = g_object_get_data(G_OBJECT(cancel), REGISTERED);
    Interrupts *interrupts = registered->interrupts;
    g_mutex_lock(&interrupts->lock);
    g_hash_table_remove(interrupts->pending, GSIZE_TO_POINTER(registered->number));
    g_mutex_unlock(&interrupts->lock);
    g_object_unref(cancel);
}
