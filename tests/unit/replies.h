/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies of a server, for tests. */
#ifndef FTPSFS_TESTS_UNIT_REPLIES_H
#define FTPSFS_TESTS_UNIT_REPLIES_H

#include "ftp/session/reply.h"

/* The one whole reply in `text`, whose lines end with CR LF. */
Reply *test_reply(const char *text);

#endif
