/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - the private socket by which a running mount is asked what it does and told what to do:
 * the other end of `ftpsfs --status`, --flush, --refresh and --unmount.
 *
 * One Unix stream socket a mount, 0600 in a directory that is its user's alone, found by the
 * mountpoint (control_path.h). Only that user and root are answered, by the kernel's word on who
 * has connected. A connection carries one question, one line of a few KiB at most, and one answer;
 * both are records (util/records.h). Every exchange has a deadline.
 *
 * Questions: "status"; "flush": answered when every upload that was pending has been tried;
 * "refresh" with path, below the mount's root; "end": answered when the mount has ended.
 *
 * The socket is bound before the process gives up its privileges and served by threads of its own.
 * The lock (LOCK_RANK_CONTROL) guards what the answers are made from, so that main can take parts
 * of it away.
 */
#ifndef FTPSFS_FS_CONTROL_H
#define FTPSFS_FS_CONTROL_H

#include "ftpsfs/fs/fs.h"
#include "ftpsfs/util/records.h"

typedef struct {
    const char *mountpoint; /* absolute, as the mount table will show it */
    uid_t uid;              /* whose the mount is */
    const char *state_dir;  /* where the socket goes when the user has no runtime directory */
} ControlAddress;

/* What the answers are about; all of it outlives the Control or is taken away before. */
typedef struct {
    Remote *remote;
    Files *files;
    Fs *fs;
    const Stats *stats;
    const char *server;     /* for people: "ftps://user@host/dir" */
    const char *rescue_dir; /* where content goes that could not be uploaded */
    guint connections;      /* of the options */
} ControlSubject;

typedef struct Control Control;

/* Binds the socket. FTPSFS_ERROR_CONFIG when there is no place for it: a mount can do without. */
Control *control_bind(const ControlAddress *address, GError **error);

/* The directory that it lies in, which the process has to be able to write to. */
const char *control_directory(const Control *control);

/* Begins to answer. The subject is copied, what it points to is not. */
void control_start(Control *control, const ControlSubject *subject);

/* What "status" is answered. */
void control_report(Control *control, Records *into);

/* Takes the Fs away, then the Files and all below: what is under way with them is waited for. A
 * NULL Control is fine. */
void control_leave_fs(Control *control);
void control_leave_files(Control *control);

/* Tells those who wait for the end, removes the socket, ends the threads and frees. */
void control_stop(Control *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Control, control_stop)

#endif
