/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * describe - --describe: says where a source leads, for a program that asks the user about it. No
 * state, no lock.
 */
#ifndef FTPSFS_SRC_DESCRIBE_H
#define FTPSFS_SRC_DESCRIBE_H

#include "ftpsfs/config/config.h"

/* Prints lines of a name, a tab and a value, each fit for a terminal and a dialog:
 * alias: that the source was named by; left out without one.
 * url: the source in one spelling. server: its host, with the port where it is an unusual one.
 * user: who would be logged in.
 * The program's exit status; what was wrong has been said on stderr. */
int describe_run(const MountConfig *config);

#endif
