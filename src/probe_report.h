/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_report - what --probe has found, as a page of text, as JSON, and in warnings.
 *
 * Works on the records of ftp/probe.h and these of probe.c:
 *   probe    server, verify ("yes", "tofu", "no"), pinned, time (seconds since 1970)
 *   outcome  status (the exit status), message: what went wrong; absent: nothing
 *
 * No state, no lock; texts are for g_free.
 */
#ifndef FTPSFS_SRC_PROBE_REPORT_H
#define FTPSFS_SRC_PROBE_REPORT_H

#include "ftpsfs/util/records.h"

char *probe_page(const Records *found);
char *probe_json(const Records *found);

/* What an administrator should know, char *, the gravest first; the array frees them. */
GPtrArray *probe_warnings(const Records *found);

#endif
