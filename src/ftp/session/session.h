/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/ftp/session: one control connection: login, commands, replies, and what is known of the
 * server. Offers commands with their replies to all other folders of src/ftp. Uses src/tls and
 * src/util.
 *
 * session - one control connection: TCP, TLS, greeting, login, and pipelined commands with their
 * replies in order.
 *
 * A Session belongs to whoever leased it from the pool, or to the pool while it is idle; it is used
 * by one thread at a time and has no lock. What it needs of the mount (SessionContext) outlives it.
 *
 * Every command sent has one final reply to come. The session keeps a queue of what is expected, so
 * that a caller can send several commands, leave replies to be dropped later, and go on.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_SESSION_H
#define FTPSFS_SRC_FTP_SESSION_SESSION_H

#include "features.h"
#include "ftpsfs/ftp/remote_options.h"
#include "ftpsfs/tls/channel.h"
#include "ftpsfs/tls/trust.h"
#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/stats.h"

typedef struct Session Session;

/* Owned by the Remote; constant but for what Features guards itself and the ticket, which has a
 * lock of its own (LOCK_RANK_TICKET). */
typedef struct {
    const RemoteOptions *options;
    Trust *trust;
    Features *features;
    Stats *stats;
    Lock ticket_lock; /* guards ticket */
    GBytes *ticket;   /* TLS session data of the latest control connection */
    gint opened;      /* atomic: control connections that were begun, which numbers them */
    gint moves;       /* atomic: directories may have been renamed or removed so often */
} SessionContext;

/* Closes without QUIT. NULL is fine. */
void session_free(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

/* Like session_send, but the command goes out together with the next one that is sent, in one TLS
 * record: servers then see both before anything that follows on another connection. */
gboolean session_queue(Session *session, const char *verb, const char *argument, GError **error);

/* Sends one command: `verb`, then `argument` (UTF-8, or NULL) in the server's encoding. Does not
 * wait for a reply. FTPSFS_ERROR_NAME when the argument can't be expressed (nothing was sent),
 * FTPSFS_ERROR_LOST and other connection errors (the session is broken then). */
gboolean session_send(Session *session, const char *verb, const char *argument,
                      GCancellable *cancel, GError **error);

/* The next reply to the caller's commands, preliminary ones (1xx) included; replies that were to be
 * dropped are passed over. FTPSFS_ERROR_LOST (421 included), _TIMEOUT, _PROTOCOL, and _LOGGED_OUT
 * when the server wants another login: the session is broken then. FTPSFS_ERROR_INTERRUPTED: the
 * reply is still to come; drop it or ask again. */
Reply *session_receive(Session *session, GCancellable *cancel, GError **error);

/* session_receive, passing over preliminary replies. */
Reply *session_receive_final(Session *session, GCancellable *cancel, GError **error);

/* Sends one command and gives its final reply. When interrupted, its reply will be dropped. */
Reply *session_command(Session *session, const char *verb, const char *argument,
                       GCancellable *cancel, GError **error);

/* The replies that the caller has not received yet are dropped when they come. */
void session_drop_replies(Session *session);

/* The server has dropped the command whose reply was to be the next: none will come. */
void session_forget_reply(Session *session);

/* Waits at most so many seconds for each reply from now on; 0: as long as the timeout says. */
void session_hurry(Session *session, guint seconds);

/* Whether the caller has replies to receive. */
gboolean session_owes_replies(const Session *session);

/* Whether all replies have come. */
gboolean session_is_drained(const Session *session);

/* Waits, `timeout_s` seconds at most, until all replies have come that were to be dropped or go to
 * a SessionReplyFunc. The caller expects none of its own. A transfer that was cut short has to end
 * before the next command: servers answer that out of order, or not at all. */
gboolean session_drain(Session *session, guint timeout_s, GCancellable *cancel, GError **error);

/* Reads what has come, without waiting. FALSE when the connection is dead: EOF, 421, or a reply
 * that nobody asked for. */
gboolean session_poll(Session *session, GError **error);

/* Marks the session as unusable; pool_return drops it. */
void session_break(Session *session);
gboolean session_is_broken(const Session *session);

/* Sends QUIT; waits for its reply until `deadline` (monotonic microseconds) and says TLS's goodbye.
 * Of a session that is to be freed. */
void session_quit_begin(Session *session);
void session_quit_end(Session *session, gint64 deadline);

/* The login directory as PWD gave it, "/" when it gave none; in the server's own words where these
 * begin with no slash. Owned by the session. */
const char *session_login_directory(const Session *session);

/* Monotonic microseconds of the last command or reply. */
gint64 session_last_used(const Session *session);

/* Monotonic microseconds of the last reply. */
gint64 session_last_heard(const Session *session);

/* The pool's note of when the session was last given back; monotonic microseconds. */
void session_set_idle_since(Session *session, gint64 when);
gint64 session_idle_since(const Session *session);

Channel *session_channel(Session *session);
SessionContext *session_context(const Session *session);

/* Makes an error of `reply` to a command that the server refused: the domain's code by the reply's
 * meaning, a message that names `verb`, `path` and the server's words. 550 and 553 are
 * FTPSFS_ERROR_ACCESS or _NOT_FOUND, _EXISTS, _NOT_EMPTY, _IS_DIR, _NOT_DIR, _NO_SPACE as far as
 * the words tell; FTPSFS_ERROR_IO when they say nothing: callers decide then from what they know.
 */
void session_set_reply_error(GError **error, const char *verb, const char *path,
                             const Reply *reply);

/* For the same layer: sends EPSV or PASV, whose final reply goes to `func` when it comes, whoever
 * is receiving. `early`: before the end of a transfer, whose reply may come later than this one. */
typedef void (*SessionReplyFunc)(Session *session, const Reply *reply);
gboolean session_ask_port(Session *session, const char *verb, gboolean early, SessionReplyFunc func,
                          GCancellable *cancel, GError **error);

/* Any command in the same way, but it goes out together with the next one that is sent. */
gboolean session_queue_to(Session *session, const char *verb, const char *argument,
                          SessionReplyFunc func, GError **error);

/* Bookkeeping of stats.round_trips: something was sent that the server has to answer; its answer is
 * waited for now. A wait counts when something was sent since the last one. */
void session_note_sent(Session *session);
void session_note_wait(Session *session);

/* Something that goes with the session and is freed before it, once: its data port (dataport.h).
 * session_attached: NULL before. */
void session_attach(Session *session, gpointer data, GDestroyNotify free_data);
gpointer session_attached(const Session *session);

#endif
