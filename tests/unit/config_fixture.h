/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of config/ share: an own working directory, and words that are parsed in it.
 */
#ifndef FTPSFS_TESTS_UNIT_CONFIG_FIXTURE_H
#define FTPSFS_TESTS_UNIT_CONFIG_FIXTURE_H

#include "ftpsfs/config/config.h"

/* A directory with an empty "mnt", a "full" that is not empty, and a "file". It is the working
 * directory of the test, so that names can be relative. */
typedef struct {
    char *directory;
} ConfigFixture;

void config_setup(ConfigFixture *fixture, gconstpointer data);
void config_teardown(ConfigFixture *fixture, gconstpointer data);

/* Before the tests: nothing that stands in the environment of who runs them is for them. */
void config_clear_environment(void);

/* Parses "ftpsfs" and the blank-separated words. */
MountConfig *parse(const char *words, GError **error);
MountConfig *parse_good(const char *words);

/* The same of a source, a mountpoint and these options. */
MountConfig *parse_options(const char *options);

/* They are refused, with one line that says this. */
void refuse(const char *words, const char *says);
void refuse_option(const char *option, const char *says);

/* Whether libfuse gets it. */
gboolean has_fuse_option(const MountConfig *config, const char *option);

#endif
