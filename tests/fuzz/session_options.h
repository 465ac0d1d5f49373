/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mount of fuzz_session and of record_session: what it is told of the server. */
#ifndef FTPSFS_TESTS_FUZZ_SESSION_OPTIONS_H
#define FTPSFS_TESTS_FUZZ_SESSION_OPTIONS_H

#include "ftpsfs/ftp/remote.h"

#define SESSION_HOST     "server.example"
#define SESSION_USER     "user"
#define SESSION_PASSWORD "s3cret word"
#define SESSION_ACCOUNT  "sales"
#define SESSION_VIRTUAL  "www.example"
#define SESSION_CODEPAGE "CP1252"

/* Of the options byte. */
#define SESSION_ACTIVE    1u
#define SESSION_EXPLICIT  2u
#define SESSION_COMPRESS  4u
#define SESSION_CODED     8u  /* SESSION_CODEPAGE */
#define SESSION_HOSTED    16u /* HOST, and an account */
#define SESSION_BEGUN     32u /* ftp_init */
#define SESSION_SEVERAL   64u /* connections */
#define SESSION_DIRECTORY 128u

/* By the options byte; the secrets are owned by the caller. */
void session_options(guint byte, RemoteOptions *options);
void session_options_clear(RemoteOptions *options);

#endif
