/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session_options.h"

void session_options(guint byte, RemoteOptions *options)
{
    static const char *const begun[] = {"SITE UMASK 022", NULL};
    *options = (RemoteOptions){
        .host = SESSION_HOST,
        .port = 990,
        .user = SESSION_USER,
        .password = secret_new(SESSION_PASSWORD, -1),
        .account = (byte & SESSION_HOSTED) != 0 ? secret_new(SESSION_ACCOUNT, -1) : NULL,
        .virtual_host = (byte & SESSION_HOSTED) != 0 ? SESSION_VIRTUAL : NULL,
        .directory = (byte & SESSION_DIRECTORY) != 0 ? "sub" : NULL,
        .explicit_tls = (byte & SESSION_EXPLICIT) != 0,
        .active = (byte & SESSION_ACTIVE) != 0,
        .compress = (byte & SESSION_COMPRESS) != 0,
        .codepage = (byte & SESSION_CODED) != 0 ? SESSION_CODEPAGE : NULL,
        .init_commands = (byte & SESSION_BEGUN) != 0 ? begun : NULL,
        .connections = (byte & SESSION_SEVERAL) != 0 ? 3 : 1,
        .timeout_s = 30,
        .keepalive_s = 60,
        .idle_timeout_s = 300,
    };
}

void session_options_clear(RemoteOptions *options)
{
    secret_unref(options->password);
    secret_unref(options->account);
}
