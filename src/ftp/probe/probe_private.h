/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What probe.c (questions) and probe_write.c (tries) share.
 */
#ifndef FTPSFS_SRC_FTP_PROBE_PROBE_PRIVATE_H
#define FTPSFS_SRC_FTP_PROBE_PROBE_PRIVATE_H

#include "ftp/remote/remote_private.h"
#include "ftpsfs/ftp/probe.h"

/* One probe after its login; on the stack of probe_login. */
typedef struct {
    Remote *remote; /* with one control connection */
    Stats *stats;
    GCancellable *cancel;
    Records *out;
    char *small; /* a file that is there to be read; NULL: none was seen */
    guint64 small_size;
} Probe;

/* Tries what takes writing, in files that are removed again, and adds "write"; measures a read of
 * one of them. The clock's offset goes into *ahead, G_MININT64 when it was not seen. FALSE when
 * nothing could be written, so that nothing was read either. */
gboolean probe_try_writing(const Probe *probe, gint64 *ahead);

/* Reads a file of `size` bytes a few times and adds "read". */
void probe_try_reading(const Probe *probe, const char *path, guint64 size);

#endif
