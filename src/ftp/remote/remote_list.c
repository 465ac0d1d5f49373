/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listings of whole directories, and where a link in one leads to. */
#include "ftp/session/path_argument.h"
#include "ftp/transfer/transfer.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

#define LIST_BUFFER (64 * 1024)
/* An endless listing ends here, at the price of about a gigabyte of memory. */
#define LIST_ENTRIES_MAX 4000000u

#define LIST_KEPT_MAX (8 * 1024 * 1024) /* bytes of a listing that are kept to learn from */

typedef struct {
    const char *path;
    EntryFunc func;
    void (*restart)(gpointer data);
    gpointer data;
    guint64 bytes; /* of the listing */
    guint64 entries;
} ListArgs;

static gboolean count_entry(const RemoteEntry *entry, gpointer data, GError **error)
{
    ListArgs *args = data;
    if (++args->entries > LIST_ENTRIES_MAX) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                    "the listing of %s has more than %u entries, and is given up", args->path,
                    LIST_ENTRIES_MAX);
        return FALSE;
    }
    return args->func(entry, args->data, error);
}

/* Reads the listing into `kept`, as far as that may grow; *whole when its end has come. */
static gboolean keep_listing(Transfer *transfer, GByteArray *kept, gboolean *whole,
                             GCancellable *cancel, GError **error)
{
    *whole = FALSE;
    while (kept->len < LIST_KEPT_MAX) {
        guint before = kept->len;
        g_byte_array_set_size(kept, before + LIST_BUFFER);
        gssize got = transfer_read(transfer, kept->data + before, LIST_BUFFER, cancel, error);
        g_byte_array_set_size(kept, before + (guint)MAX(got, 0));
        if (got < 0)
            return FALSE;
        if (got == 0) {
            *whole = TRUE;
            return TRUE;
        }
    }
    return TRUE;
}

/* The first listing by LIST is kept until its time zone is known. */
static gboolean keep_and_learn(const RemoteTry *try, Transfer *transfer, const char *path,
                               GByteArray *kept, gboolean *whole, GError **error)
{
    return keep_listing(transfer, kept, whole, try->cancel, error) &&
           (!*whole ||
            remote_learn_zone(try->remote, try->session, path, kept, try->cancel, error));
}

static gboolean feed(ListingParser *parser, ListArgs *args, const char *data, gsize length,
                     GError **error)
{
    args->bytes += length;
    return listing_parser_feed(parser, data, length, error);
}

static gboolean parse_transfer(const RemoteTry *try, Transfer *transfer, ListingKind kind,
                               ListArgs *args, GError **error)
{
    Remote *remote = try->remote;
    g_autoptr(GByteArray) kept = g_byte_array_new();
    gboolean whole = FALSE;
    if (kind == LISTING_LIST && remote_zone_is_wanted(remote) &&
        !keep_and_learn(try, transfer, args->path, kept, &whole, error))
        return FALSE;
    ListingContext context = remote_listing_context(remote);
    g_autoptr(ListingParser) parser = listing_parser_new(kind, &context, count_entry, args);
    if (!feed(parser, args, (const char *)kept->data, kept->len, error))
        return FALSE;
    g_autofree char *buffer = g_malloc(LIST_BUFFER);
    while (!whole) {
        gssize got = transfer_read(transfer, buffer, LIST_BUFFER, try->cancel, error);
        if (got < 0)
            return FALSE;
        if (got == 0)
            break;
        if (!feed(parser, args, buffer, (gsize)got, error))
            return FALSE;
    }
    if (!listing_parser_finish(parser, error))
        return FALSE;
    if (kind == LISTING_LIST && listing_parser_dialect(parser) != LISTING_DIALECT_AUTO)
        g_atomic_int_set(&remote->dialect, (gint)listing_parser_dialect(parser));
    return TRUE;
}

static gboolean list_with(const RemoteTry *try, const char *verb, const char *argument,
                          ListArgs *args, GError **error)
{
    TransferOptions how = {
        .verb = verb, .argument = argument, .path = args->path, .expected_size = G_MAXUINT64};
    args->bytes = 0;
    args->entries = 0;
    g_autoptr(Transfer) transfer = transfer_open(try->session, &how, try->cancel, error);
    if (transfer == NULL)
        return FALSE;
    ListingKind kind = g_str_equal(verb, "MLSD") ? LISTING_MLSD : LISTING_LIST;
    g_autoptr(GError) failure = NULL;
    if (!parse_transfer(try, transfer, kind, args, &failure)) {
        /* A listing that makes no sense makes the connection that it came on suspect. */
        if (ftpsfs_error_is(failure, FTPSFS_ERROR_PROTOCOL))
            session_break(try->session);
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    return transfer_finish(g_steal_pointer(&transfer), try->cancel, error);
}

static gboolean list_facts(const RemoteTry *try, ListArgs *args, GError **error)
{
    const char *argument;
    return path_argument_enter_directory(try->session, args->path, &argument, try->cancel, error) &&
           list_with(try, "MLSD", argument, args, error);
}

/* LIST, with "-a" as long as the server is not known to take that for a file name: without it Unix
 * servers leave out names that begin with a dot. */
static gboolean list_unix(const RemoteTry *try, ListArgs *args, GError **error)
{
    Features *features = try->remote->context.features;
    const char *argument;
    if (!path_argument_enter_directory(try->session, args->path, &argument, try->cancel, error))
        return FALSE;
    if (features_maybe(features, FEATURE_LIST_ALL)) {
        g_autofree char *all = g_strdup_printf("-a %s", args->path);
        g_autoptr(GError) failure = NULL;
        if (list_with(try, "LIST", all, args, &failure)) {
            /* With -a there is at least "." to list, unless it was not understood. */
            if (args->bytes > 0)
                features_set(features, FEATURE_LIST_ALL, FEATURE_YES);
            if (args->bytes > 0 || features_get(features, FEATURE_LIST_ALL) == FEATURE_YES)
                return TRUE;
        } else if (features_get(features, FEATURE_LIST_ALL) == FEATURE_YES ||
                   ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
                   ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED) || args->entries > 0) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
    }
    if (!list_with(try, "LIST", argument, args, error))
        return FALSE;
    if (args->entries > 0)
        features_set(features, FEATURE_LIST_ALL, FEATURE_NO);
    return TRUE;
}

typedef struct {
    const char *name;
    RemoteEntry *entry; /* what may be a link */
} LinkArgs;

static gboolean take_link(const RemoteEntry *listed, gpointer data, GError **error)
{
    (void)error;
    LinkArgs *args = data;
    if (listed->type == REMOTE_TYPE_SYMLINK && g_str_equal(listed->name->str, args->name)) {
        args->entry->type = REMOTE_TYPE_SYMLINK;
        g_string_assign(args->entry->target, listed->target->str);
        args->entry->long_target = listed->long_target;
    }
    return TRUE;
}

static gboolean try_list_links(const RemoteTry *try, gpointer data, GError **error)
{
    return list_unix(try, data, error);
}

gboolean remote_resolve_link(Remote *remote, const char *path, RemoteEntry *entry,
                             GCancellable *cancel, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    LinkArgs link = {.name = name, .entry = entry};
    ListArgs args = {.path = parent, .func = take_link, .data = &link};
    return remote_run(remote, TRUE, try_list_links, &args, cancel, error);
}

static gboolean try_list(const RemoteTry *try, gpointer data, GError **error)
{
    ListArgs *args = data;
    if (try->repeated && args->restart != NULL)
        args->restart(args->data);
    if (remote_can(try->remote, REMOTE_CAN_MLST))
        return list_facts(try, args, error);
    return list_unix(try, args, error);
}

static gboolean try_list_long(const RemoteTry *try, gpointer data, GError **error)
{
    ListArgs *args = data;
    if (try->repeated && args->restart != NULL)
        args->restart(args->data);
    return list_unix(try, args, error);
}

gboolean remote_list_long(Remote *remote, const char *path, EntryFunc func,
                          void (*restart)(gpointer), gpointer data, GCancellable *cancel,
                          GError **error)
{
    ListArgs args = {.path = path, .func = func, .restart = restart, .data = data};
    return remote_run(remote, TRUE, try_list_long, &args, cancel, error);
}

gboolean remote_list(Remote *remote, const char *path, EntryFunc func, void (*restart)(gpointer),
                     gpointer data, GCancellable *cancel, GError **error)
{
    ListArgs args = {.path = path, .func = func, .restart = restart, .data = data};
    return remote_run(remote, TRUE, try_list, &args, cancel, error);
}
