/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status - shows what a mount answers to "status": as a page of text, as JSON, or live.
 *
 * No state beyond a call, no lock.
 */
#ifndef FTPSFS_SRC_STATUS_H
#define FTPSFS_SRC_STATUS_H

#include "control_client.h"

/* How the page is to look. */
typedef struct {
    guint width;       /* columns */
    gboolean terminal; /* lines are not to be longer than that */
    gboolean fine;     /* UTF-8: bars of blocks */
    gboolean colour;   /* escape sequences */
} StatusStyle;

/* The page, for g_free. */
char *status_page(const Records *status, const StatusStyle *style);

/* The same for programs, for g_free. */
char *status_json(const Records *status);

/* How much there was to upload since one began to look, and how much of it is left: bytes. */
typedef struct {
    gint64 all, left;
} StatusWork;

/* One line about the uploads that are pending, with a bar; for g_free. NULL when there are none.
 * `work` is all zeros before the first call. */
char *status_upload_line(const Records *status, const StatusStyle *style, StatusWork *work);

/* The style for the stream `fd`: what a terminal can do, plain text else. */
StatusStyle status_style(int fd);

/* Shows the page again and again until q, ^C, or the end of the mount. An exit status. */
int status_live(const ControlMount *mount);

#endif
