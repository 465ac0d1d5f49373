/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/resolver.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "ftpsfs/util/owners.h"

static void no_title(gpointer data, const char *title)
{
    (void)data;
    (void)title;
}

static ResolverProcess *start(void)
{
    g_autoptr(GError) error = NULL;
    ResolverProcess *process = resolver_start(no_title, NULL, &error);
    g_assert_no_error(error);
    return process;
}

static GList *look_up(const char *name, GResolverNameLookupFlags flags, GError **error)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    return g_resolver_lookup_by_name_with_flags(resolver, name, flags, NULL, error);
}

/* GLib answers for "localhost" itself, so the name is the machine's own, which may or may not be
 * one that can be looked up: the helper finds what this process finds. */
static void test_hosts(void)
{
    g_autoptr(ResolverProcess) process = start();
    g_assert_nonnull(process);
    g_autoptr(GError) error = NULL;
    const char *name = g_get_host_name();
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *here = NULL;
    gboolean known = getaddrinfo(name, NULL, &hints, &here) == 0;
    GList *list = look_up(name, G_RESOLVER_NAME_LOOKUP_FLAGS_IPV4_ONLY, &error);
    g_assert_cmpint(list != NULL, ==, known);
    g_assert_cmpint(error == NULL, ==, known);
    for (const GList *at = list; at != NULL; at = at->next)
        g_assert_cmpint(g_inet_address_get_family(at->data), ==, G_SOCKET_FAMILY_IPV4);
    g_resolver_free_addresses(list);
    if (here != NULL)
        freeaddrinfo(here);
    g_clear_error(&error);

    g_assert_null(look_up("no-such-host.invalid", G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, &error));
    g_assert_true(error->domain == G_RESOLVER_ERROR);
    g_assert_nonnull(strstr(error->message, "no-such-host.invalid"));
}

/* The error names the host that this thread asked for. */
static gpointer look_up_in_thread(gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("no-such-host-%d.invalid", GPOINTER_TO_INT(data));
    g_assert_null(look_up(name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, &error));
    return GINT_TO_POINTER(strstr(error->message, name) != NULL);
}

static void test_threads(void)
{
    g_autoptr(ResolverProcess) process = start();
    g_assert_nonnull(process);
    GThread *threads[16];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("test", look_up_in_thread, GINT_TO_POINTER((int)i));
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_true(GPOINTER_TO_INT(g_thread_join(threads[i])));
}

static void test_cancelled(void)
{
    g_autoptr(ResolverProcess) process = start();
    g_assert_nonnull(process);
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    g_cancellable_cancel(cancel);
    g_assert_null(g_resolver_lookup_by_name(resolver, "no-such-host.invalid", cancel, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void test_accounts(void)
{
    g_autoptr(ResolverProcess) process = start();
    g_autoptr(Owners) owners = owners_new(process);
    guint32 id = 42;
    for (int i = 0; i < 2; i++) {
        g_assert_true(owners_find(owners, RESOLVER_USER, "root", &id));
        g_assert_cmpuint(id, ==, 0);
        g_assert_true(owners_find(owners, RESOLVER_GROUP, "root", &id));
        g_assert_cmpuint(id, ==, 0);
        g_assert_false(owners_find(owners, RESOLVER_USER, "no-such-user", &id));
        g_assert_false(owners_find(owners, RESOLVER_GROUP, "", &id));
    }
    g_autofree char *endless = g_strnfill(5000, 'a');
    g_assert_false(owners_find(owners, RESOLVER_USER, endless, &id));
    for (int i = 0; i < 2; i++) {
        g_autofree char *user = owners_name(owners, RESOLVER_USER, 0);
        g_autofree char *group = owners_name(owners, RESOLVER_GROUP, 0);
        g_assert_cmpstr(user, ==, "root");
        g_assert_cmpstr(group, ==, "root");
        g_assert_null(owners_name(owners, RESOLVER_USER, 4200000001));
        g_assert_null(owners_name(owners, RESOLVER_GROUP, 4200000001));
    }
}

static void test_end(void)
{
    g_autoptr(GResolver) before = g_resolver_get_default();
    g_autoptr(ResolverProcess) process = start();
    g_autoptr(GResolver) during = g_resolver_get_default();
    g_assert_true(during != before);
    g_clear_pointer(&process, resolver_stop);
    g_autoptr(GResolver) after = g_resolver_get_default();
    g_assert_true(after == before);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/resolver/hosts are looked up in the helper", test_hosts);
    g_test_add_func("/resolver/many threads may ask at once", test_threads);
    g_test_add_func("/resolver/a lookup can be cancelled", test_cancelled);
    g_test_add_func("/owners/accounts are found by name and by number and remembered",
                    test_accounts);
    g_test_add_func("/resolver/when it ends GLib's own is back", test_end);
    return g_test_run();
}
