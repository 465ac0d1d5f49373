/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "describe.h"

#include <stdlib.h>

#include "ftpsfs/config/credentials.h"

/* Longer names of users would push other words out of a dialog. */
#define USER_MAX 64

int describe_run(const MountConfig *config)
{
    g_autoptr(GError) error = NULL;
    const Source *source = config->source;
    g_autofree char *name = credentials_user(config, &error);
    if (name == NULL) {
        g_printerr("ftpsfs: %s\n", error->message);
        return EXIT_FAILURE;
    }
    gboolean usual =
        source->port == (config->explicit_tls ? SOURCE_PORT_EXPLICIT : SOURCE_PORT_IMPLICIT);
    g_autofree char *port = usual ? g_strdup("") : g_strdup_printf(" port %u", source->port);
    gboolean long_name = g_utf8_strlen(name, -1) > USER_MAX;
    g_autofree char *begin = long_name ? g_utf8_substring(name, 0, USER_MAX) : g_strdup(name);
    g_autofree char *user = source_escape(begin);
    if (config->alias != NULL)
        g_print("alias\t%s\n", config->alias);
    g_print("url\t%s\nserver\t%s%s\nuser\t%s%s\n", config->server, source->host, port, user,
            long_name ? "..." : "");
    return EXIT_SUCCESS;
}
