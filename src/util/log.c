/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "ftpsfs/util/plain.h"
#include "log_socket.h"

/* How many different messages are watched for repeats, and for how long. */
#define FOLDS   8
#define FOLD_US (30 * G_USEC_PER_SEC)

#define RECENT 16

/* Fields of our own. */
#define FIELD_PATH "FTPSFS_PATH"
#define FIELD_CODE "FTPSFS_ERROR"

/* A message that was said, and how often it came again. */
typedef struct {
    char *text; /* NULL: unused */
    GLogLevelFlags level;
    gint64 said; /* monotonic microseconds */
    guint again;
} Fold;

/* The logger is the one thing that has to be reachable from everywhere, GLib's own messages
 * included, so its state is global. */
static struct {
    gint level;       /* atomic */
    GMutex lock;      /* guards what follows */
    gboolean journal; /* stderr leads there */
    gboolean system;  /* syslog */
    LogSocket socket; /* to one of them */
    char *mount;
    Fold folds[FOLDS];
    guint last; /* the fold whose message was written last */
    LogRecent recent[RECENT];
    guint recent_next; /* the oldest, which is replaced next */
} logger = {.level = G_LOG_LEVEL_MESSAGE, .socket = {.fd = -1}};

static int syslog_priority(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return LOG_ERR;
    if (level & G_LOG_LEVEL_WARNING)
        return LOG_WARNING;
    if (level & G_LOG_LEVEL_MESSAGE)
        return LOG_NOTICE;
    return (level & G_LOG_LEVEL_INFO) ? LOG_INFO : LOG_DEBUG;
}

static const char *field(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++)
        if (g_str_equal(fields[i].key, key) && fields[i].length == -1)
            return fields[i].value;
    return NULL;
}

/* ---- where it goes; lock held ---- */

static gboolean to_journal(GLogLevelFlags level, const char *text, const GLogField *fields,
                           gsize n_fields)
{
    g_autofree char *priority = g_strdup_printf("%d", syslog_priority(level));
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(GLogField));
    GLogField own[] = {
        {"MESSAGE", text, -1},
        {"PRIORITY", priority, -1},
        {"SYSLOG_IDENTIFIER", "ftpsfs", -1},
        {"FTPSFS_MOUNT", logger.mount != NULL ? logger.mount : "", -1},
    };
    g_array_append_vals(all, own, G_N_ELEMENTS(own));
    g_autofree char *path = plain_text(field(fields, n_fields, FIELD_PATH));
    for (gsize i = 0; i < n_fields; i++) {
        GLogField copy = fields[i];
        if (g_str_equal(copy.key, FIELD_PATH))
            copy.value = path;
        if (!g_str_equal(copy.key, "MESSAGE") && !g_str_equal(copy.key, "PRIORITY"))
            g_array_append_val(all, copy);
    }
    return log_socket_fields(&logger.socket, (const GLogField *)(void *)all->data, all->len);
}

static void put(GLogLevelFlags level, const char *text, const GLogField *fields, gsize n_fields)
{
    if (logger.journal && to_journal(level, text, fields, n_fields))
        return;
    if (logger.system) {
        /* The terminal is not ours any more: there is no other place. */
        (void)log_socket_line(&logger.socket, syslog_priority(level), text);
        return;
    }
    const char *prefix = (level & G_LOG_LEVEL_WARNING) ? "warning: " : "";
    if (g_atomic_int_get(&logger.level) >= G_LOG_LEVEL_DEBUG) /* a trace needs times */
        fprintf(stderr, "%.3f ", (double)g_get_monotonic_time() / G_USEC_PER_SEC);
    fprintf(stderr, "ftpsfs: %s%s\n", prefix, text);
}

/* ---- repeats; lock held ---- */

/* Says how often the message came again, if it did. */
static void report_fold(Fold *fold)
{
    if (fold->text == NULL || fold->again == 0)
        return;
    gboolean last = fold == &logger.folds[logger.last];
    g_autofree char *times =
        fold->again == 1 ? g_strdup("once more") : g_strdup_printf("%u times", fold->again);
    g_autofree char *text = last ? g_strdup_printf("last message repeated %s", times)
                                 : g_strdup_printf("repeated %s: %s", times, fold->text);
    fold->again = 0;
    put(fold->level, text, NULL, 0);
}

/* Whether the message was said a moment ago. Else it is watched from now on. */
static gboolean is_repeat(GLogLevelFlags level, const char *text)
{
    gint64 now = g_get_monotonic_time();
    Fold *oldest = &logger.folds[0];
    for (guint i = 0; i < FOLDS; i++) {
        Fold *fold = &logger.folds[i];
        if (fold->text != NULL && now - fold->said > FOLD_US) {
            report_fold(fold);
            g_clear_pointer(&fold->text, g_free);
            fold->said = 0;
        }
        if (fold->text != NULL && fold->level == level && g_str_equal(fold->text, text)) {
            fold->again++;
            return TRUE;
        }
        if (fold->said < oldest->said)
            oldest = fold;
    }
    /* What follows is another message: the count belongs before it. */
    report_fold(&logger.folds[logger.last]);
    report_fold(oldest);
    g_free(oldest->text);
    *oldest = (Fold){.text = g_strdup(text), .level = level, .said = now};
    logger.last = (guint)(oldest - logger.folds);
    return FALSE;
}

/* ---- what went wrong lately; lock held ---- */

static void recent_clear(LogRecent *entry)
{
    g_free(entry->path);
    g_free(entry->code);
    g_free(entry->message);
    *entry = (LogRecent){0};
}

static void remember(const char *path, const char *code, const char *message)
{
    LogRecent *last = &logger.recent[(logger.recent_next + RECENT - 1) % RECENT];
    if (g_strcmp0(last->message, message) != 0 || g_strcmp0(last->path, path) != 0) {
        last = &logger.recent[logger.recent_next];
        logger.recent_next = (logger.recent_next + 1) % RECENT;
        recent_clear(last);
        last->path = g_strdup(path);
        last->code = g_strdup(code);
        last->message = g_strdup(message);
    }
    last->time = g_get_real_time();
    last->times++;
}

static void recent_free(gpointer data)
{
    recent_clear(data);
    g_free(data);
}

GPtrArray *log_recent(void)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(recent_free);
    g_mutex_lock(&logger.lock);
    for (guint i = 0; i < RECENT; i++) {
        const LogRecent *entry = &logger.recent[(logger.recent_next + i) % RECENT];
        if (entry->message == NULL)
            continue;
        LogRecent *copy = g_new0(LogRecent, 1);
        *copy = *entry;
        copy->path = g_strdup(entry->path);
        copy->code = g_strdup(entry->code);
        copy->message = g_strdup(entry->message);
        g_ptr_array_add(all, copy);
    }
    g_mutex_unlock(&logger.lock);
    return all;
}

/* ---- the writer ---- */

/* The message with the path that it is about, when it does not name that itself: it has to be told
 * from the same message about another file. A server chooses words and names in it, so it is made
 * fit for a terminal here, whoever has written it. For g_free. */
static char *with_path(const char *message, const char *path)
{
    if (path == NULL || strstr(message, path) != NULL)
        return plain_text(message);
    g_autofree char *both = g_strdup_printf("%s: %s", path, message);
    return plain_text(both);
}

static GLogWriterOutput log_write(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                  gpointer data)
{
    (void)data;
    const char *message = field(fields, n_fields, "MESSAGE");
    if (message == NULL)
        message = "(no message)";
    const char *code = field(fields, n_fields, FIELD_CODE);
    GLogLevelFlags kind = level & G_LOG_LEVEL_MASK;
    gboolean shown = (gint)kind <= g_atomic_int_get(&logger.level);
    gboolean kept = kind <= G_LOG_LEVEL_WARNING || (code != NULL && kind <= G_LOG_LEVEL_MESSAGE);
    if (!shown && !kept)
        return G_LOG_WRITER_HANDLED;
    g_mutex_lock(&logger.lock);
    const char *path = field(fields, n_fields, FIELD_PATH);
    if (kept)
        remember(path, code, message);
    g_autofree char *text = shown ? with_path(message, path) : NULL;
    if (shown && (kind == G_LOG_LEVEL_DEBUG || !is_repeat(kind, text)))
        put(kind, text, fields, n_fields);
    g_mutex_unlock(&logger.lock);
    return G_LOG_WRITER_HANDLED;
}

void log_failure(gboolean ordinary, const char *path, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    const GLogField fields[] = {
        {"MESSAGE", text, -1},
        {"GLIB_DOMAIN", G_LOG_DOMAIN, -1},
        {FIELD_CODE, code, -1},
        {FIELD_PATH, path, -1},
    };
    g_log_structured_array(ordinary ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_MESSAGE, fields,
                           path != NULL ? G_N_ELEMENTS(fields) : G_N_ELEMENTS(fields) - 1);
}

/* As GLib does it by itself, but fit for a terminal. */
static void print_to(FILE *stream, const char *text)
{
    const char *charset;
    g_autofree char *plain = plain_lines(text);
    g_autofree char *converted =
        g_get_charset(&charset)
            ? NULL
            : g_convert_with_fallback(plain, -1, charset, "UTF-8", "?", NULL, NULL, NULL);
    fputs(converted != NULL ? converted : plain, stream);
    fflush(stream);
}

static void print_out(const char *text)
{
    print_to(stdout, text);
}

static void print_error(const char *text)
{
    print_to(stderr, text);
}

void log_init(GLogLevelFlags level)
{
    log_set_level(level);
    g_set_print_handler(print_out);
    g_set_printerr_handler(print_error);
    logger.journal = g_log_writer_is_journald(STDERR_FILENO);
    if (logger.journal)
        log_socket_connect(&logger.socket, TRUE);
    g_log_set_writer_func(log_write, NULL, NULL);
}

void log_set_level(GLogLevelFlags level)
{
    g_atomic_int_set(&logger.level, (gint)level);
}

void log_raise(void)
{
    gint level = g_atomic_int_get(&logger.level);
    if (level < G_LOG_LEVEL_INFO) {
        log_set_level(G_LOG_LEVEL_INFO);
        g_message("log_level is info now; SIGUSR1 goes on to debug");
    } else if (level < G_LOG_LEVEL_DEBUG) {
        log_set_level(G_LOG_LEVEL_DEBUG);
        g_message("log_level is debug now; SIGUSR1 goes back to message");
    } else {
        log_set_level(G_LOG_LEVEL_MESSAGE);
        g_message("log_level is message now; SIGUSR1 goes on to info");
    }
}

void log_set_mount(const char *mountpoint)
{
    g_mutex_lock(&logger.lock);
    g_free(logger.mount);
    logger.mount = g_strdup(mountpoint);
    g_mutex_unlock(&logger.lock);
}

int log_connect(gboolean system)
{
    g_mutex_lock(&logger.lock);
    if (system && logger.socket.fd < 0)
        log_socket_connect(&logger.socket, FALSE);
    int fd = logger.socket.fd;
    g_mutex_unlock(&logger.lock);
    return fd;
}

void log_to_system(void)
{
    g_mutex_lock(&logger.lock);
    logger.system = TRUE;
    g_mutex_unlock(&logger.lock);
}

void log_leave(void)
{
    g_mutex_lock(&logger.lock);
    log_socket_close(&logger.socket);
    g_mutex_unlock(&logger.lock);
}

void log_flush(void)
{
    g_mutex_lock(&logger.lock);
    for (guint i = 0; i < FOLDS; i++)
        report_fold(&logger.folds[i]);
    g_mutex_unlock(&logger.lock);
}
