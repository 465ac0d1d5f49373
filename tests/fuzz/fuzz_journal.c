/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes journal_replay: no bytes crash it, what it finds pending is whole, and when that is
 * written as a journal again the same is pending. */
#include <stdint.h>

#include "cache/writeback/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const JournalItem *item, const JournalPlan *plan)
{
    g_assert_nonnull(item->path);
    g_assert_nonnull(item->content);
    g_assert_cmpuint(item->id, <, plan->next_id);
    g_assert_true((item->base.kind == JOURNAL_AFTER) == (item->after != 0));
    g_assert_true(item->target == NULL || item->aside != NULL);
}

static void write_item(GByteArray *bytes, const JournalItem *item)
{
    JournalRecord record = {.type = JOURNAL_PUT,
                            .id = item->id,
                            .other = item->after,
                            .size = item->size,
                            .mode = item->mode,
                            .mtime = item->mtime,
                            .state = item->base,
                            .path = item->path,
                            .second = item->content,
                            .third = ""};
    g_autoptr(GByteArray) one = journal_encode(&record);
    g_byte_array_append(bytes, one->data, one->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(JournalPlan) plan = journal_replay(data, size);
    g_autoptr(GByteArray) bytes = journal_header();
    for (guint i = 0; i < plan->items->len; i++) {
        check_item(g_ptr_array_index(plan->items, i), plan);
        write_item(bytes, g_ptr_array_index(plan->items, i));
    }
    g_autoptr(JournalPlan) again = journal_replay(bytes->data, bytes->len);
    g_assert_cmpuint(again->torn + again->damaged, ==, 0);
    g_assert_cmpuint(again->items->len, ==, plan->items->len);
    for (guint i = 0; i < plan->items->len; i++) {
        const JournalItem *before = g_ptr_array_index(plan->items, i);
        const JournalItem *after = g_ptr_array_index(again->items, i);
        g_assert_cmpuint(after->id, ==, before->id);
        g_assert_cmpstr(after->path, ==, before->path);
    }
    return 0;
}
