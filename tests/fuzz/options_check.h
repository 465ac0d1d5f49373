/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds of options, wherever they were read. */
#ifndef FTPSFS_TESTS_FUZZ_OPTIONS_CHECK_H
#define FTPSFS_TESTS_FUZZ_OPTIONS_CHECK_H

#include "config/options.h"

/* Numbers are within the ranges of the option table, names of files absolute. */
void fuzz_check_options(const OptionState *state);

#endif
