/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ftpsfs/fs/mount_place.h"
#include "ftpsfs/util/error.h"
#include "progress.h"

gboolean verbs_have(const MountConfig *config)
{
    return config->target != NULL;
}

static int complain(const GError *error)
{
    g_printerr("ftpsfs: %s\n", error->message);
    return EXIT_FAILURE;
}

/* ---- status ---- */

static int show_status(const MountConfig *config, const ControlMount *mount)
{
    if (!config->json && !config->once && isatty(STDOUT_FILENO))
        return status_live(mount);
    g_autoptr(GError) error = NULL;
    g_autoptr(Records) status = control_client_query(mount, "status", NULL, &error);
    if (status == NULL)
        return complain(error);
    StatusStyle style = status_style(STDOUT_FILENO);
    g_autofree char *text = config->json ? status_json(status) : status_page(status, &style);
    fputs(text, stdout);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- waiting for uploads ---- */

/* The answer to a question that takes as long as the uploads do, whose progress is shown. */
static Records *ask_with_progress(const ControlMount *mount, int fd, GError **error)
{
    g_auto(Bar) bar = {0};
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    while (poll(&answer, 1, PROGRESS_MS) == 0) {
        g_autoptr(Records) status = control_client_query(mount, "status", NULL, NULL);
        if (status != NULL)
            progress_bar_draw(&bar, status);
    }
    return control_client_receive(fd, 0, error);
}

static void report_failures(const ControlMount *mount)
{
    g_autoptr(Records) status = control_client_query(mount, "status", NULL, NULL);
    for (guint i = 0; status != NULL && i < records_count(status, "upload"); i++) {
        const Record *upload = records_get(status, "upload", i);
        const char *failure = records_text(upload, "failure");
        if (failure != NULL)
            g_printerr("ftpsfs: %s is not on the server yet: %s\n", records_text(upload, "path"),
                       failure);
    }
}

/* TRUE when everything is on the server. Without an `error` the reasons have been printed. */
static gboolean flush(const ControlMount *mount, GError **error)
{
    int fd = control_client_ask(mount, "flush", NULL, error);
    g_autoptr(Records) answer = fd >= 0 ? ask_with_progress(mount, fd, error) : NULL;
    if (answer == NULL)
        return FALSE;
    if (records_number(records_get(answer, "ok", 0), "failed", 0) == 0)
        return TRUE;
    report_failures(mount);
    return FALSE;
}

static int flush_alone(const ControlMount *mount)
{
    g_autoptr(GError) error = NULL;
    if (flush(mount, &error))
        return EXIT_SUCCESS;
    return error != NULL ? complain(error) : EXIT_FAILURE;
}

/* ---- unmount ---- */

/* Only the mount that was found: while its last files were sent, its path may have come to lead to
 * another file system. */
static gboolean take_down(const ControlMount *mount)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MountPlace) place =
        mount_place_at(mount->mountpoint, mount->id, mount->major, mount->minor, &error);
    if (place != NULL && mount_place_unmount(place, 0, &error))
        return TRUE;
    complain(error);
    return FALSE;
}

/* A mount whose program was killed: there is nobody to send anything, nor to wait for. */
static int unmount_dead(const ControlMount *mount)
{
    if (!take_down(mount))
        return EXIT_FAILURE;
    control_client_forget(mount);
    g_printerr("ftpsfs: %s is unmounted; its program had ended before: what was not on the server "
               "then is sent by the next mount if -o writeback had kept it, else it is lost\n",
               mount->mountpoint);
    return EXIT_SUCCESS;
}

static int unmount(const ControlMount *mount)
{
    g_autoptr(GError) error = NULL;
    if (!flush(mount, &error)) {
        if (ftpsfs_error_is(error, FTPSFS_ERROR_LOST) && control_client_is_dead(mount))
            return unmount_dead(mount);
        if (error != NULL)
            complain(error);
        g_printerr("ftpsfs: %s stays mounted; fusermount3 -u unmounts it all the same, and what "
                   "can't be sent is kept on this machine\n",
                   mount->mountpoint);
        return EXIT_FAILURE;
    }
    int fd = control_client_ask(mount, "end", NULL, &error);
    if (fd < 0)
        return complain(error);
    if (!take_down(mount)) {
        close(fd);
        return EXIT_FAILURE;
    }
    g_autoptr(Records) answer = ask_with_progress(mount, fd, &error);
    if (answer == NULL)
        return complain(error);
    const Record *end = records_get(answer, "ok", 0);
    gint64 lost = records_number(end, "lost", 0);
    if (lost == 0)
        return EXIT_SUCCESS;
    g_printerr("ftpsfs: %" G_GINT64_FORMAT " files could not be sent and are kept in %s\n", lost,
               records_text(end, "lost_dir"));
    return EXIT_FAILURE;
}

/* ---- refresh ---- */

static int refresh(const ControlMount *mount)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Records) answer = control_client_query(mount, "refresh", mount->below, &error);
    return answer != NULL ? EXIT_SUCCESS : complain(error);
}

int verbs_run(const MountConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ControlMount) mount = control_client_find(config->target, &error);
    if (mount == NULL)
        return complain(error);
    switch (config->action) {
    case CONFIG_STATUS:
        return show_status(config, mount);
    case CONFIG_FLUSH:
        return flush_alone(mount);
    case CONFIG_REFRESH:
        return refresh(mount);
    case CONFIG_UNMOUNT:
        return unmount(mount);
    default:
        return EXIT_FAILURE;
    }
}
