/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states of an upload. The table is that of upload.h.
 */
#include "upload_private.h"

static const char *const names[] = {"NONE", "STREAMING", "STALE", "PAUSED", "FINISHING", "WHOLE"};

Upload *upload_new(void)
{
    Upload *upload = g_new0(Upload, 1);
    upload->wanted = (UploadWanted){G_MAXUINT32, G_MININT64};
    return upload;
}

void upload_free(Upload *upload)
{
    if (upload == NULL)
        return;
    g_free(upload->temporary);
    g_free(upload);
}

UploadState upload_state(const Upload *upload)
{
    return upload->state;
}

gboolean upload_may_go(UploadState from, UploadState to)
{
    static const char may[UPLOAD_STATES][UPLOAD_STATES + 1] = {
        "xx--xx", /* NONE */
        "--xxxx", /* STREAMING */
        "----xx", /* STALE */
        "xx--xx", /* PAUSED */
        "x---xx", /* FINISHING */
        "xx--xx", /* WHOLE */
    };
    return may[from][to] == 'x';
}

void upload_go(Upload *upload, UploadState next)
{
    if (upload_may_go(upload->state, next)) {
        upload->state = next;
        return;
    }
#ifndef NDEBUG
    g_error("an upload went from %s to %s", names[upload->state], names[next]);
#else
    g_warning_once(
        "a file is uploaded whole, since its upload went from %s to %s; please report it",
        names[upload->state], names[next]);
    upload->state = UPLOAD_WHOLE;
#endif
}

void upload_note_change(Upload *upload, guint64 start, guint64 end)
{
    upload->wanted.mtime = G_MININT64; /* a time that was set before is not the last any more */
    if (start < upload->sent && upload->state == UPLOAD_STREAMING)
        upload_go(upload, UPLOAD_STALE);
    else if (start < upload->sent && upload->state == UPLOAD_PAUSED)
        upload_go(upload, UPLOAD_WHOLE);
    if (start == end)
        upload->frontier = MIN(upload->frontier, end);
    else if (start <= upload->frontier)
        upload->frontier = MAX(upload->frontier, end);
}

gboolean upload_is_empty(const Upload *upload)
{
    return (upload->state == UPLOAD_STREAMING || upload->state == UPLOAD_PAUSED) &&
           upload->sent == 0;
}

guint64 upload_progress(const Upload *upload)
{
    return upload->progress;
}

void upload_want(Upload *upload, guint32 mode, gint64 mtime)
{
    if (mode != G_MAXUINT32)
        upload->wanted.mode = mode;
    if (mtime != G_MININT64)
        upload->wanted.mtime = mtime;
}

UploadWanted upload_wanted(const Upload *upload)
{
    return upload->wanted;
}

void upload_had(Upload *upload, const UploadWanted *set)
{
    if (upload->wanted.mode == set->mode)
        upload->wanted.mode = G_MAXUINT32;
    if (upload->wanted.mtime == set->mtime)
        upload->wanted.mtime = G_MININT64;
}
