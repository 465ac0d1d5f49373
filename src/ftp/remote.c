/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remote_private.h"

#include <string.h>

#include "ftpsfs/ftp/encoding.h"
#include "ftpsfs/ftp/transfer.h"
#include "ftpsfs/util/error.h"
#include "place.h"

#define LIST_BUFFER (64 * 1024)
/* An endless listing ends here, at the price of about a gigabyte of memory. */
#define LIST_ENTRIES_MAX 4000000u

#define LIST_KEPT_MAX (8 * 1024 * 1024) /* bytes of a listing that are kept to learn from */

static void copy_options(Remote *remote, const RemoteOptions *options)
{
    RemoteOptions *own = &remote->options;
    *own = *options;
    own->host = g_strdup(options->host);
    own->user = g_strdup(options->user);
    own->virtual_host = g_strdup(options->virtual_host);
    own->directory = g_strdup(options->directory);
    own->codepage = g_strdup(options->codepage);
    own->time_zone = options->time_zone != NULL ? g_time_zone_ref(options->time_zone) : NULL;
    own->init_commands = (const char *const *)g_strdupv((char **)options->init_commands);
    own->password = options->password != NULL ? secret_ref(options->password) : NULL;
    own->account = options->account != NULL ? secret_ref(options->account) : NULL;
}

void remote_free(Remote *remote)
{
    if (remote == NULL)
        return;
    pool_free(remote->pool);
    features_free(remote->context.features);
    trust_unref(remote->context.trust);
    g_clear_pointer(&remote->context.ticket, g_bytes_unref);
    g_mutex_clear(&remote->context.ticket_lock);
    RemoteOptions *own = &remote->options;
    g_free((char *)own->host);
    g_free((char *)own->user);
    g_free((char *)own->virtual_host);
    g_free((char *)own->directory);
    g_free((char *)own->codepage);
    g_strfreev((char **)own->init_commands);
    secret_unref(own->password);
    secret_unref(own->account);
    server_clock_free(remote->clock);
    g_clear_pointer(&own->time_zone, g_time_zone_unref);
    g_free(remote->root);
    g_free(remote);
}

Remote *remote_new(const RemoteOptions *options, Trust *trust, Stats *stats, GCancellable *cancel,
                   GError **error)
{
    g_autoptr(Remote) remote = g_new0(Remote, 1);
    copy_options(remote, options);
    remote->context.options = &remote->options;
    remote->context.trust = trust_ref(trust);
    remote->context.stats = stats;
    remote->context.features = features_new();
    remote->clock = server_clock_new(options->time_zone);
    g_mutex_init(&remote->context.ticket_lock);
    remote->pool = pool_new(&remote->context);
    g_autoptr(GError) failure = NULL;
    if (!remote_enter_root(remote, cancel, &failure)) {
        /* Of what goes wrong on a connection the message knows only what, not with whom. */
        if (strstr(failure->message, options->host) == NULL)
            g_prefix_error(&failure, "%s: ", options->host);
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    return g_steal_pointer(&remote);
}

const char *remote_root(const Remote *remote)
{
    return remote->root;
}

gboolean remote_is_read_only(const Remote *remote)
{
    return remote->read_only;
}

gboolean remote_is_gone(Remote *remote, GCancellable *cancel)
{
    if (pool_is_down(remote->pool))
        return TRUE;
    g_autoptr(GError) failure = NULL;
    g_autoptr(Lease) lease = pool_lease(remote->pool, LEASE_FRESH, cancel, &failure);
    return lease == NULL && pool_is_down(remote->pool);
}

gboolean remote_can(const Remote *remote, RemoteCan what)
{
    const Features *features = remote->context.features;
    switch (what) {
    case REMOTE_CAN_MLST:
        return features_get(features, FEATURE_MLST) == FEATURE_YES;
    case REMOTE_CAN_CHMOD:
        return features_get(features, FEATURE_MFF_MODE) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_CHMOD);
    case REMOTE_CAN_SET_MTIME:
        return features_get(features, FEATURE_MFMT) == FEATURE_YES ||
               features_maybe(features, FEATURE_MDTM_SET) ||
               features_get(features, FEATURE_MFF_MODIFY) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_UTIME) ||
               features_maybe(features, FEATURE_SITE_UTIME_LONG);
    case REMOTE_CAN_CHOWN:
        return features_get(features, FEATURE_MFF_OWNER) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_CHOWN);
    case REMOTE_CAN_CHGRP:
        return features_get(features, FEATURE_MFF_GROUP) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_CHGRP);
    case REMOTE_CAN_SYMLINK:
        return features_maybe(features, FEATURE_SITE_SYMLINK);
    case REMOTE_CAN_REST_STOR:
        return features_get(features, FEATURE_REST_STOR) == FEATURE_YES;
    case REMOTE_CAN_MOVE:
        return features_maybe(features, FEATURE_PATHS);
    case REMOTE_CAN_COPY:
        return features_get(features, FEATURE_SITE_COPY) == FEATURE_YES;
    case REMOTE_CAN_HASH:
        return features_get(features, FEATURE_HASH) == FEATURE_YES ||
               features_get(features, FEATURE_XSHA256) == FEATURE_YES ||
               features_get(features, FEATURE_HASH_MD5) == FEATURE_YES ||
               features_get(features, FEATURE_XMD5) == FEATURE_YES ||
               features_get(features, FEATURE_MD5) == FEATURE_YES;
    }
    return FALSE;
}

gboolean remote_run(Remote *remote, gboolean for_data, RemoteTryFunc func, gpointer data,
                    GCancellable *cancel, GError **error)
{
    for (gboolean repeated = FALSE;; repeated = TRUE) {
        LeaseWant want = (for_data ? LEASE_DATA : LEASE_ANY) | (repeated ? LEASE_FRESH : LEASE_ANY);
        g_autoptr(Lease) lease = pool_lease(remote->pool, want, cancel, error);
        if (lease == NULL)
            return FALSE;
        g_autoptr(GError) failure = NULL;
        RemoteTry try = {remote, lease_session(lease), repeated, cancel};
        if (func(&try, data, &failure))
            return TRUE;
        lease_failed(lease, failure);
        if (repeated || !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
            g_cancellable_is_cancelled(cancel)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        STATS_ADD(remote->context.stats, retries, 1);
        g_info("trying again on another control connection: %s", failure->message);
    }
}

ListingContext remote_listing_context(Remote *remote)
{
    return (ListingContext){
        .dialect = (ListingDialect)g_atomic_int_get(&remote->dialect),
        .codepage = remote->options.codepage,
        .now = server_clock_now(remote->clock),
        .zone = server_clock_zone(remote->clock),
        .zone_offset = server_clock_offset(remote->clock),
    };
}

/* ---- listings ---- */

typedef struct {
    const char *path;
    ListingFunc func;
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
static gboolean keep_and_learn(Remote *remote, Session *session, Transfer *transfer,
                               const ListArgs *args, GByteArray *kept, gboolean *whole,
                               GCancellable *cancel, GError **error)
{
    return keep_listing(transfer, kept, whole, cancel, error) &&
           (!*whole || remote_learn_zone(remote, session, args->path, kept, cancel, error));
}

static gboolean feed(ListingParser *parser, ListArgs *args, const char *data, gsize length,
                     GError **error)
{
    args->bytes += length;
    return listing_parser_feed(parser, data, length, error);
}

static gboolean parse_transfer(Remote *remote, Session *session, Transfer *transfer,
                               ListingKind kind, ListArgs *args, GCancellable *cancel,
                               GError **error)
{
    g_autoptr(GByteArray) kept = g_byte_array_new();
    gboolean whole = FALSE;
    if (kind == LISTING_LIST && remote_zone_is_wanted(remote) &&
        !keep_and_learn(remote, session, transfer, args, kept, &whole, cancel, error))
        return FALSE;
    ListingContext context = remote_listing_context(remote);
    g_autoptr(ListingParser) parser = listing_parser_new(kind, &context, count_entry, args);
    if (!feed(parser, args, (const char *)kept->data, kept->len, error))
        return FALSE;
    g_autofree char *buffer = g_malloc(LIST_BUFFER);
    while (!whole) {
        gssize got = transfer_read(transfer, buffer, LIST_BUFFER, cancel, error);
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

static gboolean list_with(Remote *remote, Session *session, const char *verb, const char *argument,
                          ListArgs *args, GCancellable *cancel, GError **error)
{
    TransferOptions how = {
        .verb = verb, .argument = argument, .path = args->path, .expected_size = G_MAXUINT64};
    args->bytes = 0;
    args->entries = 0;
    g_autoptr(Transfer) transfer = transfer_open(session, &how, cancel, error);
    if (transfer == NULL)
        return FALSE;
    ListingKind kind = g_str_equal(verb, "MLSD") ? LISTING_MLSD : LISTING_LIST;
    g_autoptr(GError) failure = NULL;
    if (!parse_transfer(remote, session, transfer, kind, args, cancel, &failure)) {
        /* A listing that makes no sense makes the connection that it came on suspect. */
        if (ftpsfs_error_is(failure, FTPSFS_ERROR_PROTOCOL))
            session_break(session);
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    return transfer_finish(g_steal_pointer(&transfer), cancel, error);
}

static gboolean list_facts(Remote *remote, Session *session, ListArgs *args, GCancellable *cancel,
                           GError **error)
{
    const char *argument;
    return place_enter_directory(session, args->path, &argument, cancel, error) &&
           list_with(remote, session, "MLSD", argument, args, cancel, error);
}

/* LIST, with "-a" as long as the server is not known to take that for a file name: without it Unix
 * servers leave out names that begin with a dot. */
static gboolean list_unix(Remote *remote, Session *session, ListArgs *args, GCancellable *cancel,
                          GError **error)
{
    Features *features = remote->context.features;
    const char *argument;
    if (!place_enter_directory(session, args->path, &argument, cancel, error))
        return FALSE;
    if (features_maybe(features, FEATURE_LIST_ALL)) {
        g_autofree char *all = g_strdup_printf("-a %s", args->path);
        g_autoptr(GError) failure = NULL;
        if (list_with(remote, session, "LIST", all, args, cancel, &failure)) {
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
    if (!list_with(remote, session, "LIST", argument, args, cancel, error))
        return FALSE;
    if (args->entries > 0)
        features_set(features, FEATURE_LIST_ALL, FEATURE_NO);
    return TRUE;
}

/* ---- single entries ---- */

typedef struct {
    const char *path;
    RemoteEntry *entry;
} StatArgs;

gboolean remote_take_mlst(Remote *remote, Session *session, const char *path, const Reply *reply,
                          RemoteEntry *entry, GError **error)
{
    if (reply_is(reply, 2) && reply->code != 250) {
        session_break(session);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "MLST %s: the server answers something else: %d", path, reply->code);
        return FALSE;
    }
    if (reply->code != 250) {
        g_autoptr(GError) refusal = NULL;
        session_set_reply_error(&refusal, "MLST", path, reply);
        /* The path is all that can be wrong here. */
        if (ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(reply, 5))
            ftpsfs_error_propagate_as(error, g_steal_pointer(&refusal), FTPSFS_ERROR_NOT_FOUND);
        else
            g_propagate_error(error, g_steal_pointer(&refusal));
        return FALSE;
    }
    if (reply->lines->len < 2) {
        session_break(session);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "MLST %s: the server's answer holds no facts", path);
        return FALSE;
    }
    ListingContext context = remote_listing_context(remote);
    if (listing_parse_mlst(g_ptr_array_index(reply->lines, 1), &context, entry, error))
        return TRUE;
    session_break(session);
    return FALSE;
}

static gboolean try_mlst(const RemoteTry *try, gpointer data, GError **error)
{
    StatArgs *args = data;
    const char *name = place_enter(try->session, args->path, try->cancel, error);
    if (name == NULL)
        return FALSE;
    STATS_ADD(try->remote->context.stats, stats, 1);
    g_autoptr(Reply) reply = session_command(try->session, "MLST", name, try->cancel, error);
    return reply != NULL &&
           remote_take_mlst(try->remote, try->session, args->path, reply, args->entry, error);
}

gboolean remote_may_be_link(const RemoteEntry *entry)
{
    return (entry->has & REMOTE_HAS_MODE) && entry->mode == 0777 &&
           (entry->has & REMOTE_HAS_SIZE) &&
           (entry->type == REMOTE_TYPE_FILE || entry->type == REMOTE_TYPE_DIR);
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
    return list_unix(try->remote, try->session, data, try->cancel, error);
}

/* Only LIST shows where a link leads to. */
static gboolean resolve_link(Remote *remote, const char *path, RemoteEntry *entry,
                             GCancellable *cancel, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    LinkArgs link = {.name = name, .entry = entry};
    ListArgs args = {.path = parent, .func = take_link, .data = &link};
    return remote_run(remote, TRUE, try_list_links, &args, cancel, error);
}

gboolean remote_stat(Remote *remote, const char *path, RemoteEntry *entry, GCancellable *cancel,
                     GError **error)
{
    if (!remote_can(remote, REMOTE_CAN_MLST)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "the server has no MLST");
        return FALSE;
    }
    StatArgs args = {.path = path, .entry = entry};
    return remote_run(remote, FALSE, try_mlst, &args, cancel, error) &&
           (!remote_may_be_link(entry) || resolve_link(remote, path, entry, cancel, error));
}

gboolean remote_take_size_mdtm(Session *session, const char *path, const Reply *size,
                               const Reply *mdtm, RemoteEntry *entry, GCancellable *cancel,
                               GError **error)
{
    remote_entry_clear(entry);
    if (size->code == 213) {
        entry->has |= REMOTE_HAS_SIZE;
        entry->size = g_ascii_strtoull(g_ptr_array_index(size->lines, 0), NULL, 10);
    }
    if (mdtm->code == 213 &&
        listing_parse_time(g_ptr_array_index(mdtm->lines, 0), &entry->mtime, &entry->mtime_ns)) {
        entry->has |= REMOTE_HAS_MTIME;
        entry->time_precision = REMOTE_TIME_SECOND;
    }
    if (entry->has != 0 || (features_reply_unknown(size) && features_reply_unknown(mdtm)))
        return TRUE;
    remote_set_refusal(error, session, "SIZE", path, size, cancel);
    return FALSE;
}

/* SIZE and MDTM, pipelined (RFC 3659 sections 3 and 4). */
static gboolean try_size_mdtm(const RemoteTry *try, gpointer data, GError **error)
{
    StatArgs *args = data;
    const char *name = place_enter(try->session, args->path, try->cancel, error);
    if (name == NULL)
        return FALSE;
    STATS_ADD(try->remote->context.stats, stats, 1);
    if (!session_queue(try->session, "SIZE", name, error) ||
        !session_send(try->session, "MDTM", name, try->cancel, error))
        return FALSE;
    g_autoptr(Reply) size = session_receive_final(try->session, try->cancel, error);
    g_autoptr(Reply) mdtm =
        size != NULL ? session_receive_final(try->session, try->cancel, error) : NULL;
    if (mdtm == NULL) {
        session_drop_replies(try->session);
        return FALSE;
    }
    return remote_take_size_mdtm(try->session, args->path, size, mdtm, args->entry, try->cancel,
                                 error);
}

gboolean remote_stat_exact(Remote *remote, const char *path, RemoteEntry *entry,
                           GCancellable *cancel, GError **error)
{
    if (remote_can(remote, REMOTE_CAN_MLST))
        return remote_stat(remote, path, entry, cancel, error);
    StatArgs args = {.path = path, .entry = entry};
    return remote_run(remote, FALSE, try_size_mdtm, &args, cancel, error);
}

/* Whether the server's answer, in words, is that something is not there; else *error is set. */
static gboolean is_answer(GError *failure, GError **error)
{
    if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_NAME) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_INVALID)) {
        g_error_free(failure);
        return TRUE;
    }
    g_propagate_error(error, failure);
    return FALSE;
}

/* remote_exists on a server without path names. */
static gboolean exists_by_name(Session *session, const char *path, GCancellable *cancel,
                               GError **error)
{
    GError *failure = NULL;
    const char *name = place_enter(session, path, cancel, &failure);
    if (name == NULL) {
        is_answer(failure, error);
        return FALSE;
    }
    g_autoptr(Reply) reply = session_command(session, "SIZE", name, cancel, error);
    if (reply == NULL || reply_is(reply, 2))
        return reply != NULL;
    if (place_enter_directory(session, path, &name, cancel, &failure))
        return TRUE;
    is_answer(failure, error);
    return FALSE;
}

gboolean remote_exists(Session *session, const char *path, GCancellable *cancel, GError **error)
{
    gboolean mlst = features_get(session_context(session)->features, FEATURE_MLST) == FEATURE_YES;
    if (place_is_relative(session) && !mlst)
        return exists_by_name(session, path, cancel, error);
    const char *name = place_enter(session, path, cancel, error);
    if (name == NULL)
        return FALSE;
    g_autoptr(Reply) reply = session_command(session, mlst ? "MLST" : "SIZE", name, cancel, error);
    if (reply == NULL || reply_is(reply, 2) || mlst)
        return reply != NULL && reply_is(reply, 2);
    g_autoptr(Reply) directory = session_command(session, "CWD", path, cancel, error);
    return directory != NULL && reply_is(directory, 2);
}

void remote_set_refusal(GError **error, Session *session, const char *verb, const char *path,
                        const Reply *reply, GCancellable *cancel)
{
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, verb, path, reply);
    if (ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(reply, 5)) {
        g_autoptr(GError) failure = NULL;
        gboolean exists = remote_exists(session, path, cancel, &failure);
        if (failure == NULL)
            refusal->code = exists ? FTPSFS_ERROR_ACCESS : FTPSFS_ERROR_NOT_FOUND;
    }
    g_propagate_error(error, g_steal_pointer(&refusal));
}

/* ---- whole directories ---- */

static gboolean try_list(const RemoteTry *try, gpointer data, GError **error)
{
    ListArgs *args = data;
    if (try->repeated && args->restart != NULL)
        args->restart(args->data);
    if (remote_can(try->remote, REMOTE_CAN_MLST))
        return list_facts(try->remote, try->session, args, try->cancel, error);
    return list_unix(try->remote, try->session, args, try->cancel, error);
}

static gboolean try_list_long(const RemoteTry *try, gpointer data, GError **error)
{
    ListArgs *args = data;
    if (try->repeated && args->restart != NULL)
        args->restart(args->data);
    return list_unix(try->remote, try->session, args, try->cancel, error);
}

gboolean remote_list_long(Remote *remote, const char *path, ListingFunc func,
                          void (*restart)(gpointer), gpointer data, GCancellable *cancel,
                          GError **error)
{
    ListArgs args = {.path = path, .func = func, .restart = restart, .data = data};
    return remote_run(remote, TRUE, try_list_long, &args, cancel, error);
}

gboolean remote_list(Remote *remote, const char *path, ListingFunc func, void (*restart)(gpointer),
                     gpointer data, GCancellable *cancel, GError **error)
{
    ListArgs args = {.path = path, .func = func, .restart = restart, .data = data};
    return remote_run(remote, TRUE, try_list, &args, cancel, error);
}
