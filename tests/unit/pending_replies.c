/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/session/pending_replies.h"
#include "replies.h"

/* The number of the entry that gets the reply; its commands are numbered from 0. */
static gint finds(GQueue *queue, const char *text)
{
    g_autoptr(Reply) reply = test_reply(text);
    return g_queue_link_index(queue, pending_replies_find(queue, reply));
}

static void test_order(void)
{
    GQueue queue = G_QUEUE_INIT;
    pending_replies_push(&queue, (PendingReply){.who = PENDING_CALLER});
    pending_replies_push(&queue, (PendingReply){.who = PENDING_FUNC});
    /* Without an early question in it there is no way around the order. */
    g_assert_cmpint(finds(&queue, "226 Done.\r\n"), ==, 0);
    g_assert_cmpint(finds(&queue, "229 (|||1|)\r\n"), ==, 0);
    g_assert_cmpint(finds(&queue, "503 No.\r\n"), ==, 0);
    g_queue_clear_full(&queue, g_free);
}

static void test_early(void)
{
    GQueue queue = G_QUEUE_INIT;
    pending_replies_push(&queue, (PendingReply){.who = PENDING_CALLER});
    pending_replies_push(&queue, (PendingReply){.who = PENDING_FUNC, .early = TRUE});
    static const char *const ports[] = {"227 (1,2,3,4,5,6)\r\n", "228 (6,4)\r\n", "229 (|||1|)\r\n",
                                        "229-(|||1|)\r\n229 End\r\n"};
    for (gsize i = 0; i < G_N_ELEMENTS(ports); i++)
        g_assert_cmpint(finds(&queue, ports[i]), ==, 1);
    static const char *const others[] = {"226 Done.\r\n", "125 Soon.\r\n", "230 In.\r\n",
                                         "425 No.\r\n",   "426 No.\r\n",   "503 No.\r\n"};
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_cmpint(finds(&queue, others[i]), ==, 0);
    g_free(g_queue_pop_head(&queue));
    g_assert_cmpint(finds(&queue, "229 (|||1|)\r\n"), ==, 0);
    g_queue_clear_full(&queue, g_free);
}

static void test_drop(void)
{
    GQueue queue = G_QUEUE_INIT;
    pending_replies_push(&queue, (PendingReply){.who = PENDING_CALLER});
    pending_replies_push(&queue, (PendingReply){.who = PENDING_FUNC, .early = TRUE});
    g_assert_true(pending_replies_has_callers(&queue));
    pending_replies_push(&queue, (PendingReply){.who = PENDING_CALLER});
    pending_replies_drop(&queue);
    g_assert_false(pending_replies_has_callers(&queue));
    for (guint i = 0; i < 3; i++) {
        const PendingReply *pending = g_queue_peek_nth(&queue, i);
        g_assert_cmpint(pending->who, ==, i == 1 ? PENDING_FUNC : PENDING_DROP);
    }
    g_assert_cmpint(finds(&queue, "229 (|||1|)\r\n"), ==, 1);
    g_queue_clear_full(&queue, g_free);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pending_replies/replies go to those who sent the commands, in order",
                    test_order);
    g_test_add_func("/pending_replies/a port that was asked for early may come early", test_early);
    g_test_add_func("/pending_replies/what the caller leaves is dropped, what is another's is not",
                    test_drop);
    return g_test_run();
}
