/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the system call filter: seccomp_rules.c has them as tables, seccomp.c makes the
 * kernel's program of them. A call is allowed when one rule for it holds; what no rule allows is
 * refused.
 */
#ifndef FTPSFS_SRC_UTIL_PROCESS_SECCOMP_PRIVATE_H
#define FTPSFS_SRC_UTIL_PROCESS_SECCOMP_PRIVATE_H

#include "ftpsfs/util/sandbox.h"

/* What has to be true of one argument. The kernel takes most from the low 32 bits. */
typedef enum {
    CHECK_END,      /* no more checks */
    CHECK_BITS,     /* (low half & mask) == value */
    CHECK_FROM,     /* low half >= value, unsigned */
    CHECK_UP_TO,    /* low half <= value */
    CHECK_NULL,     /* all 64 bits are 0 */
    CHECK_OURSELF,  /* this process's number */
    CHECK_RECEIVER, /* SandboxOptions.receiver */
    CHECK_OTHER,    /* a descriptor that is none of SandboxOptions.senders */
    CHECK_KEPT,     /* a descriptor that is not SandboxOptions.receiver */
} CheckKind;

typedef struct {
    CheckKind kind;
    guint8 argument;
    guint32 mask;
    guint32 value;
} Check;

typedef enum {
    RULE_ALWAYS,
    RULE_LISTENS, /* SandboxOptions.listen */
    RULE_TOKEN,   /* SandboxOptions.token */
} RuleCase;

#define RULE_CHECKS 3

/* The number of a call that this architecture has not got. */
#define RULE_ABSENT (-1L)

typedef struct {
    long number;
    const char *why; /* the mount needs it */
    RuleCase in;
    Check checks[RULE_CHECKS];
} Rule;

typedef struct {
    const Rule *rules;
    gsize count;
} RuleTable;

/* What a call is answered that is refused, where EPERM would not do: libraries take another way at
 * these. */
typedef struct {
    long number;
    int code;
} RuleAnswer;

#define RULE_TABLES 2

/* Fills in the tables for `role`; gives how many. */
gsize seccomp_rules_for(SandboxRole role, RuleTable tables[RULE_TABLES]);
const RuleAnswer *seccomp_rules_answers(gsize *count);

/* The last system call that the tables were written with. Later ones have the same number on all
 * architectures; they are answered ENOSYS, as by a kernel that has not got them. */
#define RULE_LAST 469

#endif
