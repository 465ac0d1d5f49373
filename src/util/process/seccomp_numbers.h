/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for the system calls that not every architecture has, or not every header yet: old ones
 * that newer architectures were born without, and those of 32 bits that take large files or times.
 */
#ifndef FTPSFS_SRC_UTIL_PROCESS_SECCOMP_NUMBERS_H
#define FTPSFS_SRC_UTIL_PROCESS_SECCOMP_NUMBERS_H

#include <sys/syscall.h>

#include "seccomp_private.h"

/* clang-format off */
#ifndef SYS__llseek
#define SYS__llseek RULE_ABSENT
#endif
#ifndef SYS__newselect
#define SYS__newselect RULE_ABSENT
#endif
#ifndef SYS_accept
#define SYS_accept RULE_ABSENT
#endif
#ifndef SYS_access
#define SYS_access RULE_ABSENT
#endif
#ifndef SYS_arm_fadvise64_64
#define SYS_arm_fadvise64_64 RULE_ABSENT
#endif
#ifndef SYS_clock_getres_time64
#define SYS_clock_getres_time64 RULE_ABSENT
#endif
#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 RULE_ABSENT
#endif
#ifndef SYS_clock_nanosleep_time64
#define SYS_clock_nanosleep_time64 RULE_ABSENT
#endif
#ifndef SYS_clone3
#define SYS_clone3 RULE_ABSENT
#endif
#ifndef SYS_copy_file_range
#define SYS_copy_file_range RULE_ABSENT
#endif
#ifndef SYS_dup2
#define SYS_dup2 RULE_ABSENT
#endif
#ifndef SYS_epoll_wait
#define SYS_epoll_wait RULE_ABSENT
#endif
#ifndef SYS_eventfd
#define SYS_eventfd RULE_ABSENT
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 RULE_ABSENT
#endif
#ifndef SYS_fadvise64
#define SYS_fadvise64 RULE_ABSENT
#endif
#ifndef SYS_fadvise64_64
#define SYS_fadvise64_64 RULE_ABSENT
#endif
#ifndef SYS_fcntl64
#define SYS_fcntl64 RULE_ABSENT
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* the same everywhere */
#endif
#ifndef SYS_fstat
#define SYS_fstat RULE_ABSENT
#endif
#ifndef SYS_fstat64
#define SYS_fstat64 RULE_ABSENT
#endif
#ifndef SYS_fstatat64
#define SYS_fstatat64 RULE_ABSENT
#endif
#ifndef SYS_fstatfs64
#define SYS_fstatfs64 RULE_ABSENT
#endif
#ifndef SYS_ftruncate64
#define SYS_ftruncate64 RULE_ABSENT
#endif
#ifndef SYS_futex_time64
#define SYS_futex_time64 RULE_ABSENT
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv RULE_ABSENT
#endif
#ifndef SYS_getcpu
#define SYS_getcpu RULE_ABSENT
#endif
#ifndef SYS_getdents
#define SYS_getdents RULE_ABSENT
#endif
#ifndef SYS_getegid32
#define SYS_getegid32 RULE_ABSENT
#endif
#ifndef SYS_geteuid32
#define SYS_geteuid32 RULE_ABSENT
#endif
#ifndef SYS_getgid32
#define SYS_getgid32 RULE_ABSENT
#endif
#ifndef SYS_getrlimit
#define SYS_getrlimit RULE_ABSENT
#endif
#ifndef SYS_gettimeofday
#define SYS_gettimeofday RULE_ABSENT
#endif
#ifndef SYS_getuid32
#define SYS_getuid32 RULE_ABSENT
#endif
#ifndef SYS_link
#define SYS_link RULE_ABSENT
#endif
#ifndef SYS_lstat
#define SYS_lstat RULE_ABSENT
#endif
#ifndef SYS_lstat64
#define SYS_lstat64 RULE_ABSENT
#endif
#ifndef SYS_membarrier
#define SYS_membarrier RULE_ABSENT
#endif
#ifndef SYS_mkdir
#define SYS_mkdir RULE_ABSENT
#endif
#ifndef SYS_mlock2
#define SYS_mlock2 RULE_ABSENT
#endif
#ifndef SYS_mmap
#define SYS_mmap RULE_ABSENT
#endif
#ifndef SYS_mmap2
#define SYS_mmap2 RULE_ABSENT
#endif
#ifndef SYS_newfstatat
#define SYS_newfstatat RULE_ABSENT
#endif
#ifndef SYS_open
#define SYS_open RULE_ABSENT
#endif
#ifndef SYS_pipe
#define SYS_pipe RULE_ABSENT
#endif
#ifndef SYS_poll
#define SYS_poll RULE_ABSENT
#endif
#ifndef SYS_ppoll_time64
#define SYS_ppoll_time64 RULE_ABSENT
#endif
#ifndef SYS_preadv2
#define SYS_preadv2 RULE_ABSENT
#endif
#ifndef SYS_pselect6_time64
#define SYS_pselect6_time64 RULE_ABSENT
#endif
#ifndef SYS_pwritev2
#define SYS_pwritev2 RULE_ABSENT
#endif
#ifndef SYS_readlink
#define SYS_readlink RULE_ABSENT
#endif
#ifndef SYS_recv
#define SYS_recv RULE_ABSENT
#endif
#ifndef SYS_recvmmsg_time64
#define SYS_recvmmsg_time64 RULE_ABSENT
#endif
#ifndef SYS_rename
#define SYS_rename RULE_ABSENT
#endif
#ifndef SYS_renameat
#define SYS_renameat RULE_ABSENT
#endif
#ifndef SYS_renameat2
#define SYS_renameat2 RULE_ABSENT
#endif
#ifndef SYS_riscv_flush_icache
#define SYS_riscv_flush_icache RULE_ABSENT
#endif
#ifndef SYS_riscv_hwprobe
#define SYS_riscv_hwprobe RULE_ABSENT
#endif
#ifndef SYS_rmdir
#define SYS_rmdir RULE_ABSENT
#endif
#ifndef SYS_rseq
#define SYS_rseq RULE_ABSENT
#endif
#ifndef SYS_rt_sigtimedwait_time64
#define SYS_rt_sigtimedwait_time64 RULE_ABSENT
#endif
#ifndef SYS_sched_getattr
#define SYS_sched_getattr RULE_ABSENT
#endif
#ifndef SYS_select
#define SYS_select RULE_ABSENT
#endif
#ifndef SYS_send
#define SYS_send RULE_ABSENT
#endif
#ifndef SYS_sigreturn
#define SYS_sigreturn RULE_ABSENT
#endif
#ifndef SYS_socketcall
#define SYS_socketcall RULE_ABSENT
#endif
#ifndef SYS_stat
#define SYS_stat RULE_ABSENT
#endif
#ifndef SYS_stat64
#define SYS_stat64 RULE_ABSENT
#endif
#ifndef SYS_statfs64
#define SYS_statfs64 RULE_ABSENT
#endif
#ifndef SYS_statx
#define SYS_statx RULE_ABSENT
#endif
#ifndef SYS_time
#define SYS_time RULE_ABSENT
#endif
#ifndef SYS_timerfd_settime64
#define SYS_timerfd_settime64 RULE_ABSENT
#endif
#ifndef SYS_tkill
#define SYS_tkill RULE_ABSENT
#endif
#ifndef SYS_ugetrlimit
#define SYS_ugetrlimit RULE_ABSENT
#endif
#ifndef SYS_unlink
#define SYS_unlink RULE_ABSENT
#endif
#ifndef SYS_utimensat_time64
#define SYS_utimensat_time64 RULE_ABSENT
#endif
/* clang-format on */

#endif
