/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/identity.h"

#include <gio/gio.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/records.h"

#define KIND    "source"
#define VERSION 1

/* The fields of the record. Absent ones are those without a value. */
#define HOST         "host"
#define PORT         "port"
#define TLS          "tls"
#define USER         "user"
#define ACCOUNT      "account"
#define VIRTUAL_HOST "virtual_host"
#define INIT         "init"
#define CODEPAGE     "codepage"
#define CA           "ca"
#define PINS         "pins"
#define KEYS         "keys"

/* What chooses the place, and how options call it. PORT is a number and stands for itself. */
static const struct {
    const char *field;
    const char *option;
} fields[] = {
    {HOST, "host"},
    {USER, "user"},
    {TLS, "explicit"},
    {ACCOUNT, "account"},
    {INIT, "ftp_init"},
    {VIRTUAL_HOST, "ftp_host"},
    {CODEPAGE, "codepage"},
    /* How the server is verified: */
    {CA, "tls_verify, cafile or capath"},
    {PINS, "tls_pin"},
    {KEYS, "the remembered key"},
};

#define PLACE_FIELDS 7

struct Identity {
    Records *records;
    const Record *record;
    char *text;
    char *name;
};

/* ---- making the parts ---- */

/* One spelling of all that mean the same. For g_free. */
static char *canonical_host(const char *host)
{
    gsize length = strcspn(host, "%");
    g_autofree char *bare = g_strndup(host, length);
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(bare);
    if (address != NULL) {
        g_autofree char *number = g_inet_address_to_string(address);
        return g_strconcat(number, host + length, NULL);
    }
    g_autofree char *ascii = g_hostname_to_ascii(host);
    char *lower = g_ascii_strdown(ascii != NULL ? ascii : host, -1);
    gsize end = strlen(lower);
    if (end > 1 && lower[end - 1] == '.')
        lower[end - 1] = '\0';
    return lower;
}

/* NULL for UTF-8, which needs no name. For g_free. */
static char *canonical_codepage(const char *codepage)
{
    if (codepage == NULL || *codepage == '\0' || g_ascii_strcasecmp(codepage, "UTF-8") == 0 ||
        g_ascii_strcasecmp(codepage, "UTF8") == 0)
        return NULL;
    return g_ascii_strup(codepage, -1);
}

/* SHA-256 of the strings, each with its final NUL, so that nothing runs into the next. For g_free.
 */
static char *hash_of_strings(const char *const *strings, guint count)
{
    guint8 hash[32];
    gnutls_hash_hd_t handle = NULL;
    gboolean ok = gnutls_hash_init(&handle, GNUTLS_DIG_SHA256) >= 0;
    for (guint i = 0; ok && i < count; i++)
        ok = gnutls_hash(handle, strings[i], strlen(strings[i]) + 1) >= 0;
    if (!ok)
        g_error("GnuTLS can't make a SHA-256; nothing can be verified without it");
    gnutls_hash_deinit(handle, hash);
    GString *text = g_string_sized_new(2 * sizeof hash);
    for (gsize i = 0; i < sizeof hash; i++)
        g_string_append_printf(text, "%02x", hash[i]);
    return g_string_free(text, FALSE);
}

static gint by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys in one order, each once, with blanks between them; for g_free, NULL when there are none.
 */
static char *sorted(const char *const *keys)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    for (; keys != NULL && *keys != NULL; keys++)
        g_ptr_array_add(all, (gpointer)*keys);
    g_ptr_array_sort(all, by_text);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < all->len; i++) {
        const char *key = g_ptr_array_index(all, i);
        if (i == 0 || !g_str_equal(key, g_ptr_array_index(all, i - 1)))
            g_string_append_printf(text, "%s%s", i > 0 ? " " : "", key);
    }
    return all->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static char *words_of_ca(const IdentityFacts *facts)
{
    if (!facts->by_ca)
        return NULL;
    if (facts->ca_file == NULL && facts->ca_path == NULL)
        return g_strdup("system");
    /* A path begins with a slash, and has no NUL. */
    return g_strdup_printf("file:%s\npath:%s", facts->ca_file != NULL ? facts->ca_file : "",
                           facts->ca_path != NULL ? facts->ca_path : "");
}

static Identity *take_records(Records *records)
{
    Identity *identity = g_new0(Identity, 1);
    identity->records = records;
    identity->record = records_get(records, KIND, 0);
    identity->text = records_to_text(records);
    g_autofree char *hash = hash_of_strings((const char *const *)&identity->text, 1);
    identity->name = g_strconcat(IDENTITY_NAME_PREFIX, hash, NULL);
    return identity;
}

Identity *identity_new(const IdentityFacts *facts)
{
    g_autofree char *host = canonical_host(facts->host);
    g_autofree char *codepage = canonical_codepage(facts->codepage);
    /* The host and the user keep equal accounts of others apart, for who reads the text. */
    const char *account[] = {host, facts->user,
                             facts->account != NULL ? secret_peek(facts->account) : ""};
    g_autofree char *account_hash =
        facts->account != NULL ? hash_of_strings(account, G_N_ELEMENTS(account)) : NULL;
    guint commands = 0;
    while (facts->init_commands != NULL && facts->init_commands[commands] != NULL)
        commands++;
    g_autofree char *init = commands > 0 ? hash_of_strings(facts->init_commands, commands) : NULL;
    g_autofree char *ca = words_of_ca(facts);
    g_autofree char *pins = sorted(facts->pins);
    g_autofree char *keys = facts->by_known_key ? sorted(facts->known_keys) : NULL;
    Records *records = records_new();
    records_begin(records, KIND);
    records_add_number(records, "version", VERSION);
    records_add_text(records, HOST, host);
    records_add_number(records, PORT, facts->port);
    records_add_text(records, TLS, facts->explicit_tls ? "explicit" : "implicit");
    records_add_text(records, USER, facts->user);
    records_add_text(records, ACCOUNT, account_hash);
    records_add_text(records, VIRTUAL_HOST, facts->virtual_host);
    records_add_text(records, INIT, init);
    records_add_text(records, CODEPAGE, codepage);
    records_add_text(records, CA, ca);
    records_add_text(records, PINS, pins);
    /* None that is known is not the same as none that is asked for. */
    records_add_text(records, KEYS, facts->by_known_key && keys == NULL ? "-" : keys);
    return take_records(records);
}

void identity_free(Identity *identity)
{
    if (identity == NULL)
        return;
    records_free(identity->records);
    g_free(identity->text);
    g_free(identity->name);
    g_free(identity);
}

const char *identity_text(const Identity *identity)
{
    return identity->text;
}

const char *identity_name(const Identity *identity)
{
    return identity->name;
}

Identity *identity_from_text(const char *text, gsize length, GError **error)
{
    Records *records = records_from_text(text, length, error);
    if (records == NULL)
        return NULL;
    g_autoptr(Identity) identity = take_records(records);
    const Record *record = identity->record;
    if (records_number(record, "version", 0) == VERSION && records_text(record, HOST) != NULL &&
        records_text(record, USER) != NULL && strlen(identity->text) == length &&
        memcmp(identity->text, text, length) == 0)
        return g_steal_pointer(&identity);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                "it says nothing that this version of ftpsfs understands");
    return NULL;
}

/* ---- comparing ---- */

static const char *value_of(const Identity *identity, const char *field)
{
    return records_text(identity->record, field);
}

static gboolean same_port(const Identity *identity, const Identity *other)
{
    return records_number(identity->record, PORT, 0) == records_number(other->record, PORT, 0);
}

gboolean identity_is_at(const Identity *identity, const char *user, const char *host, guint port)
{
    g_autofree char *canonical = canonical_host(host);
    return g_str_equal(value_of(identity, HOST), canonical) &&
           g_str_equal(value_of(identity, USER), user) &&
           records_number(identity->record, PORT, 0) == port;
}

gboolean identity_is_alike(const Identity *identity, const Identity *other)
{
    return g_str_equal(value_of(identity, HOST), value_of(other, HOST)) &&
           g_str_equal(value_of(identity, USER), value_of(other, USER)) &&
           same_port(identity, other);
}

gboolean identity_is_plain(const Identity *identity)
{
    return value_of(identity, VIRTUAL_HOST) == NULL && value_of(identity, ACCOUNT) == NULL &&
           value_of(identity, INIT) == NULL;
}

gboolean identity_is_verified(const Identity *identity)
{
    return value_of(identity, CA) != NULL || value_of(identity, PINS) != NULL ||
           value_of(identity, KEYS) != NULL;
}

/* Whether there are keys, and `allowed` has each of them. */
static gboolean are_among(const char *keys, const char *allowed)
{
    g_auto(GStrv) wanted = g_strsplit(keys != NULL ? keys : "", " ", -1);
    g_auto(GStrv) known = g_strsplit(allowed, " ", -1);
    for (char **key = wanted; *key != NULL; key++)
        if (!g_strv_contains((const char *const *)known, *key))
            return FALSE;
    return wanted[0] != NULL;
}

/* Whether each server that `now` accepts shows one of these keys. */
static gboolean asks_for_one_of(const Identity *now, const char *keys)
{
    return are_among(value_of(now, PINS), keys) || are_among(value_of(now, KEYS), keys);
}

gboolean identity_may_finish(const Identity *now, const Identity *before)
{
    for (guint i = 0; i < PLACE_FIELDS; i++)
        if (g_strcmp0(value_of(now, fields[i].field), value_of(before, fields[i].field)) != 0)
            return FALSE;
    const char *ca = value_of(before, CA);
    const char *pins = value_of(before, PINS);
    const char *keys = value_of(before, KEYS);
    return same_port(now, before) && identity_is_verified(before) &&
           (ca == NULL || g_strcmp0(value_of(now, CA), ca) == 0) &&
           (pins == NULL || asks_for_one_of(now, pins)) &&
           (keys == NULL || asks_for_one_of(now, keys));
}

char *identity_differences(const Identity *identity, const Identity *other)
{
    g_autoptr(GString) words = g_string_new(same_port(identity, other) ? NULL : "port");
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        const char *field = fields[i].field;
        if (g_strcmp0(value_of(identity, field), value_of(other, field)) != 0)
            g_string_append_printf(words, "%s%s", words->len > 0 ? ", " : "", fields[i].option);
    }
    return g_string_free(g_steal_pointer(&words), FALSE);
}
