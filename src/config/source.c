/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/config/source.h"

#include <arpa/inet.h>
#include <string.h>

#include "config_fail.h"
#include "ftpsfs/util/plain.h"

#define FSTAB_PREFIX "ftpsfs#"
#define HOST_MAX     253 /* RFC 1035 section 2.3.4, without the root's dot */

/* A stretch of the text that is being read. */
typedef struct {
    const char *start;
    const char *end;
} Span;

/* The text taken apart, nothing decoded yet. `user.start` is NULL without a user. */
typedef struct {
    Span user;
    Span host;
    Span port;
    const char *directory; /* what follows the host's "/" or ":", to the end of the text */
    gboolean bracketed;    /* the host stood in [] */
    gboolean remote_path;  /* host:dir, the sshfs spelling: nothing is percent-encoded in it */
} Parts;

static gboolean fail_password(GError **error)
{
    return config_fail(error,
                       "the mount source must not hold a password: every user sees it in the "
                       "process list. Put it into ~/.netrc or a file for -o credentials=FILE, or "
                       "leave it out to be asked");
}

gboolean source_has_control(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return TRUE;
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return TRUE;
    }
    return FALSE;
}

/* Skips "ftps://", if there; sets *url when it was. */
static const char *skip_scheme(const char *text, gboolean *url, GError **error)
{
    const char *mark = strstr(text, "://");
    gsize length = mark == NULL ? 0 : (gsize)(mark - text);
    *url = FALSE;
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalnum(text[i]) && strchr("+.-", text[i]) == NULL)
            return text;
    }
    if (mark == NULL)
        return text;
    g_autofree char *scheme = g_ascii_strdown(text, (gssize)length);
    if (g_str_equal(scheme, "ftps")) {
        *url = TRUE;
        return mark + 3;
    }
    if (g_str_equal(scheme, "ftp"))
        config_fail(error,
                    "ftp:// is not encrypted, and ftpsfs does not mount it: write ftps://, with "
                    "-o explicit for a server that starts TLS on port 21");
    else if (g_str_equal(scheme, "ftpes"))
        config_fail(error, "write ftps:// with -o explicit instead of ftpes://");
    else
        config_fail(error, "a mount source starts with ftps://, not with %s://", scheme);
    return NULL;
}

static const char *find_last(Span span, char wanted)
{
    for (const char *p = span.end; p > span.start; p--) {
        if (p[-1] == wanted)
            return p - 1;
    }
    return NULL;
}

static const char *find_first(Span span, char wanted)
{
    return memchr(span.start, wanted, (gsize)(span.end - span.start));
}

static gboolean is_ipv6(const char *text)
{
    struct in6_addr address;
    g_autofree char *plain = g_strndup(text, strcspn(text, "%"));
    return inet_pton(AF_INET6, plain, &address) == 1;
}

/* What stands behind the host: nothing, "/dir", ":port", ":port/dir", ":dir". */
static gboolean split_tail(const char *tail, gboolean url, Parts *parts, GError **error)
{
    if (*tail != ':') {
        parts->directory = *tail == '/' ? tail + 1 : tail;
        return TRUE;
    }
    const char *after = tail + 1;
    const char *digits_end = after + strspn(after, "0123456789");
    gboolean ends_there = *digits_end == '/' || *digits_end == '\0';
    if (ends_there && (url || digits_end > after)) {
        parts->port = (Span){after, digits_end};
        parts->directory = *digits_end == '/' ? digits_end + 1 : digits_end;
        return TRUE;
    }
    /* "user:pass/word@host": what looks like a directory is the rest of a password. */
    gboolean rooted =
        *after == '/' || g_str_has_prefix(after, "./") || g_str_has_prefix(after, "~/");
    if (strchr(after, '@') != NULL && (url || !rooted))
        return fail_password(error);
    if (url)
        return config_fail(error,
                           "the port in the mount source is no number: write ftps://host:990/dir");
    parts->remote_path = TRUE;
    parts->directory = after;
    return TRUE;
}

static gboolean split(const char *text, gboolean url, Parts *parts, GError **error)
{
    Span authority = {text, text + strcspn(text, "/")};
    const char *at = find_last(authority, '@');
    if (at != NULL) {
        parts->user = (Span){text, at};
        if (find_first(parts->user, ':') != NULL)
            return fail_password(error);
        if (at == text)
            return config_fail(error, "the mount source has an empty user name before the @");
        authority.start = at + 1;
    }
    g_autofree char *rest = g_strndup(authority.start, (gsize)(authority.end - authority.start));
    if (is_ipv6(rest))
        return config_fail(error, "an IPv6 address in the mount source stands in brackets: [::1]");

    const char *tail;
    if (*authority.start == '[') {
        const char *close = find_first(authority, ']');
        if (close == NULL)
            return config_fail(error, "a [ without ] in the mount source");
        parts->bracketed = TRUE;
        parts->host = (Span){authority.start + 1, close};
        tail = close + 1;
        if (tail < authority.end && *tail != ':')
            return config_fail(error,
                               "after the ] in the mount source only :port or /dir may follow");
    } else {
        const char *colon = find_first(authority, ':');
        tail = colon != NULL ? colon : authority.end;
        parts->host = (Span){authority.start, tail};
    }
    if (parts->host.start == parts->host.end)
        return config_fail(error, "the mount source has no host: write [user@]host[:port][/dir]");
    return split_tail(tail, url, parts, error);
}

/* The host as it is looked up: IPv6 without brackets, international names in ASCII (RFC 5891). */
static char *read_host(const Parts *parts, GError **error)
{
    g_autofree char *host =
        g_strndup(parts->host.start, (gsize)(parts->host.end - parts->host.start));
    if (parts->bracketed) {
        /* RFC 6874 section 2 writes the scope's "%" as "%25". */
        g_auto(GStrv) scope = g_strsplit(host, "%25", 2);
        char *plain = g_strjoinv("%", scope);
        gboolean good =
            is_ipv6(plain) && !g_str_has_suffix(plain, "%") && strpbrk(plain, " ,@[]") == NULL;
        if (good)
            return plain;
        g_free(plain);
        config_fail(error, "what stands in [] in the mount source is no IPv6 address");
        return NULL;
    }
    g_autofree char *ascii = g_str_is_ascii(host) ? g_strdup(host) : g_hostname_to_ascii(host);
    gboolean good = ascii != NULL && *ascii != '\0' && strlen(ascii) <= HOST_MAX && *ascii != '-';
    for (const char *p = ascii; good && *p != '\0'; p++)
        good = g_ascii_isalnum(*p) || strchr("-._", *p) != NULL;
    if (!good) {
        config_fail(error, "\"%s\" in the mount source is no host name", host);
        return NULL;
    }
    return g_steal_pointer(&ascii);
}

static gboolean read_port(const Parts *parts, guint16 *port, GError **error)
{
    if (parts->port.start == parts->port.end)
        return TRUE;
    g_autofree char *digits =
        g_strndup(parts->port.start, (gsize)(parts->port.end - parts->port.start));
    guint64 number;
    if (!g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT16, &number, NULL))
        /* The digits are not repeated: with an @ further on they are part of a password. */
        return config_fail(error, "the port in the mount source is out of range: write 1 to 65535");
    *port = (guint16)number;
    return TRUE;
}

/* Percent-decodes unless `raw`. NULL with *error for bad escapes and what FTP can't carry. */
static char *read_text(Span span, gboolean raw, const char *what, GError **error)
{
    g_autofree char *text = raw ? g_strndup(span.start, (gsize)(span.end - span.start))
                                : g_uri_unescape_segment(span.start, span.end, NULL);
    if (text == NULL) {
        config_fail(error, "a bad %% escape in the %s of the mount source: %%25 stands for %%",
                    what);
        return NULL;
    }
    if (source_has_control(text)) {
        config_fail(error, "the %s of the mount source holds control characters or is no UTF-8",
                    what);
        return NULL;
    }
    return g_steal_pointer(&text);
}

/* Takes out empty and "." components; a leading "/" stays. */
static char *normalize(const char *directory)
{
    g_auto(GStrv) components = g_strsplit(directory, "/", -1);
    g_autoptr(GString) result = g_string_new(*directory == '/' ? "/" : "");
    gboolean first = TRUE;
    for (char **component = components; *component != NULL; component++) {
        if (**component == '\0' || g_str_equal(*component, "."))
            continue;
        if (!first)
            g_string_append_c(result, '/');
        g_string_append(result, *component);
        first = FALSE;
    }
    return g_string_free(g_steal_pointer(&result), FALSE);
}

static char *read_directory(const Parts *parts, GError **error)
{
    const char *start = parts->directory;
    /* scp's habit; an FTP server has no "~". */
    if (parts->remote_path && *start == '~' && (start[1] == '/' || start[1] == '\0'))
        start += start[1] == '/' ? 2 : 1;
    /* "host:~//dir" is below the login directory all the same. */
    if (parts->remote_path && start != parts->directory)
        start += strspn(start, "/");
    g_autofree char *text =
        read_text((Span){start, start + strlen(start)}, parts->remote_path, "directory", error);
    return text == NULL ? NULL : normalize(text);
}

Source *source_parse(const char *text, GError **error)
{
    if (g_str_has_prefix(text, FSTAB_PREFIX))
        text += strlen(FSTAB_PREFIX);
    if (source_has_control(text)) {
        config_fail(error, "the mount source holds control characters or is no UTF-8");
        return NULL;
    }
    gboolean url;
    const char *rest = skip_scheme(text, &url, error);
    Parts parts = {0};
    if (rest == NULL || !split(rest, url, &parts, error))
        return NULL;

    g_autoptr(Source) source = g_new0(Source, 1);
    if (parts.user.start != NULL) {
        source->user = read_text(parts.user, parts.remote_path, "user name", error);
        if (source->user == NULL)
            return NULL;
    }
    source->host = read_host(&parts, error);
    if (source->host == NULL || !read_port(&parts, &source->port, error))
        return NULL;
    source->directory = read_directory(&parts, error);
    return source->directory == NULL ? NULL : g_steal_pointer(&source);
}

void source_free(Source *source)
{
    if (source == NULL)
        return;
    g_free(source->user);
    g_free(source->host);
    g_free(source->directory);
    g_free(source);
}

gboolean source_same_host(const char *a, const char *b)
{
    /* A dot at the end says that a name is whole (RFC 1034 section 3.1). */
    gsize length = strlen(a) - (g_str_has_suffix(a, ".") ? 1 : 0);
    gsize other = strlen(b) - (g_str_has_suffix(b, ".") ? 1 : 0);
    return length == other && g_ascii_strncasecmp(a, b, length) == 0;
}

/* Percent-encoded but for letters, digits, "-._~" and `allowed`. Letters of other scripts stay;
 * what changes the order in which text is shown does not. */
static char *escape(const char *text, const char *allowed)
{
    g_autofree char *escaped = g_uri_escape_string(text, allowed, TRUE);
    g_autoptr(GString) shown = g_string_new(NULL);
    for (const char *p = escaped; *p != '\0'; p = g_utf8_next_char(p)) {
        gsize length = (gsize)(g_utf8_next_char(p) - p);
        if (!plain_is_risky(g_utf8_get_char(p))) {
            g_string_append_len(shown, p, (gssize)length);
            continue;
        }
        for (gsize i = 0; i < length; i++)
            g_string_append_printf(shown, "%%%02X", (guint)(guchar)p[i]);
    }
    return g_string_free(g_steal_pointer(&shown), FALSE);
}

char *source_escape(const char *text)
{
    return escape(text, "@+");
}

char *source_to_string(const Source *source)
{
    g_autoptr(GString) text = g_string_new("ftps://");
    if (source->user != NULL) {
        g_autofree char *user = escape(source->user, NULL);
        g_string_append_printf(text, "%s@", user);
    }
    if (strchr(source->host, ':') != NULL) {
        g_auto(GStrv) scope = g_strsplit(source->host, "%", 2);
        g_autofree char *host = g_strjoinv("%25", scope);
        g_string_append_printf(text, "[%s]", host);
    } else {
        g_string_append(text, source->host);
    }
    if (source->port != 0 && source->port != SOURCE_PORT_IMPLICIT)
        g_string_append_printf(text, ":%u", source->port);
    /* A comma would end the name in -o fsname= and in fstab, so it is escaped too. */
    g_autofree char *directory = escape(source->directory, "/:@+=");
    g_string_append_printf(text, "/%s", directory);
    return g_string_free(g_steal_pointer(&text), FALSE);
}
