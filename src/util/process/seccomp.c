/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the sandbox that takes away system calls: a seccomp filter. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "sandbox_private.h"
#include "seccomp_private.h"

#if defined(__x86_64__) && defined(__LP64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define X32_BIT      0x40000000U
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && G_BYTE_ORDER == G_LITTLE_ENDIAN
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#endif

#ifdef ARCHITECTURE

#define LOW_HALF  (G_BYTE_ORDER == G_BIG_ENDIAN ? sizeof(guint32) : 0)
#define HIGH_HALF (sizeof(guint32) - LOW_HALF)

static void add(GArray *program, unsigned code, unsigned k, guint8 jump_true, guint8 jump_false)
{
    struct sock_filter step = BPF_JUMP((unsigned short)code, k, jump_true, jump_false);
    g_array_append_val(program, step);
}

static void load(GArray *program, gsize offset)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void load_number(GArray *program)
{
    load(program, offsetof(struct seccomp_data, nr));
}

static void load_half(GArray *program, guint8 argument, gsize half)
{
    load(program, offsetof(struct seccomp_data, args) + argument * sizeof(guint64) + half);
}

static void give(GArray *program, unsigned result)
{
    add(program, BPF_RET | BPF_K, result, 0, 0);
}

static unsigned refusal(int number)
{
    return SECCOMP_RET_ERRNO | (unsigned)number;
}

/* A comparison that lies further from where it leads than it can say yet. */
#define TO_END 255

/* Goes on when the loaded value compares so with `value`, else to the rule's end. */
static void need(GArray *program, unsigned how, guint32 value)
{
    add(program, BPF_JMP | how | BPF_K, value, 0, TO_END);
}

static void need_not(GArray *program, guint32 value)
{
    add(program, BPF_JMP | BPF_JEQ | BPF_K, value, TO_END, 0);
}

static void add_check(GArray *program, const Check *check, const SandboxOptions *options)
{
    load_half(program, check->argument, LOW_HALF);
    switch (check->kind) {
    case CHECK_BITS:
        add(program, BPF_ALU | BPF_AND | BPF_K, check->mask, 0, 0);
        need(program, BPF_JEQ, check->value);
        break;
    case CHECK_FROM:
        need(program, BPF_JGE, check->value);
        break;
    case CHECK_UP_TO:
        add(program, BPF_JMP | BPF_JGT | BPF_K, check->value, TO_END, 0);
        break;
    case CHECK_NULL:
        need(program, BPF_JEQ, 0);
        load_half(program, check->argument, HIGH_HALF);
        need(program, BPF_JEQ, 0);
        break;
    case CHECK_OURSELF:
        need(program, BPF_JEQ, (guint32)getpid());
        break;
    case CHECK_RECEIVER:
        need(program, BPF_JEQ, (guint32)options->receiver);
        break;
    case CHECK_KEPT:
        if (options->receiver > 0)
            need_not(program, (guint32)options->receiver);
        break;
    case CHECK_OTHER:
        for (gsize i = 0; i < G_N_ELEMENTS(options->senders); i++)
            if (options->senders[i] > 0)
                need_not(program, (guint32)options->senders[i]);
        break;
    case CHECK_END:
        break;
    }
}

static gboolean applies(const Rule *rule, const SandboxOptions *options)
{
    if (rule->number == RULE_ABSENT)
        return FALSE;
    for (gsize i = 0; i < RULE_CHECKS; i++)
        if (rule->checks[i].kind == CHECK_RECEIVER && options->receiver <= 0)
            return FALSE;
    if (rule->in == RULE_LISTENS)
        return options->listen;
    return rule->in == RULE_ALWAYS || options->token;
}

/* Steps that allow the call when the rule holds, and lead on with its number loaded when not. */
static void add_rule(GArray *program, const Rule *rule, const SandboxOptions *options)
{
    guint first = program->len;
    need(program, BPF_JEQ, (guint32)rule->number);
    for (gsize i = 0; i < RULE_CHECKS && rule->checks[i].kind != CHECK_END; i++)
        add_check(program, &rule->checks[i], options);
    give(program, SECCOMP_RET_ALLOW);
    guint end = program->len;
    /* Arguments were loaded over the number. */
    if (end - first > 2)
        load_number(program);
    for (guint i = first; i < end; i++) {
        struct sock_filter *step = &g_array_index(program, struct sock_filter, i);
        guint8 rest = (guint8)(end - i - 1);
        step->jt = step->jt == TO_END ? rest : step->jt;
        step->jf = step->jf == TO_END ? rest : step->jf;
    }
}

static void add_answers(GArray *program)
{
    gsize count;
    const RuleAnswer *answers = seccomp_rules_answers(&count);
    for (gsize i = 0; i < count; i++) {
        if (answers[i].number == RULE_ABSENT)
            continue;
        add(program, BPF_JMP | BPF_JEQ | BPF_K, (guint32)answers[i].number, 0, 1);
        give(program, refusal(answers[i].code));
    }
    add(program, BPF_JMP | BPF_JGT | BPF_K, RULE_LAST, 0, 1);
    give(program, refusal(ENOSYS));
    give(program, refusal(EPERM));
}

static GArray *make_program(const SandboxOptions *options)
{
    GArray *program = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
    load(program, offsetof(struct seccomp_data, arch));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    give(program, SECCOMP_RET_KILL_PROCESS);
    load_number(program);
#ifdef X32_BIT
    add(program, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    give(program, refusal(ENOSYS));
#endif
    RuleTable tables[RULE_TABLES];
    gsize count = seccomp_rules_for(options->role, tables);
    for (gsize i = 0; i < count; i++)
        for (gsize j = 0; j < tables[i].count; j++)
            if (applies(&tables[i].rules[j], options))
                add_rule(program, &tables[i].rules[j], options);
    add_answers(program);
    return program;
}

gboolean seccomp_apply(const SandboxOptions *options, char **words, GError **error)
{
    g_autoptr(GArray) steps = make_program(options);
    struct sock_fprog program = {
        .len = (unsigned short)steps->len,
        .filter = (struct sock_filter *)(void *)steps->data,
    };
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) {
        *words = g_strdup("seccomp");
        return TRUE;
    }
    /* A kernel without it says so in these ways. */
    if (errno == ENOSYS || errno == EINVAL)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "seccomp, which keeps ftpsfs from system calls that it does not need, can't be set "
                "up: %s; -o no_sandbox does without",
                g_strerror(errno));
    return FALSE;
}

#else

gboolean seccomp_apply(const SandboxOptions *options, char **words, GError **error)
{
    (void)options;
    (void)words;
    (void)error;
    return TRUE;
}

#endif
