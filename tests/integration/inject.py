# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a process do a system call, as somebody would who has taken it over: by ptrace, on x86-64."""

import ctypes
import os
import platform

ATTACH, DETACH, GETREGS, SETREGS, STEP, PEEK, POKE = 16, 17, 12, 13, 9, 2, 5
FIELDS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
    "fs_base gs_base ds es fs gs"
).split()

OPENAT, EXECVE, SOCKET, PTRACE, KILL, LISTEN = 257, 59, 41, 101, 62, 50
CHMOD, FCHMODAT2, CHOWN, SETXATTR, UTIMENSAT, UNLINK = 90, 452, 92, 188, 280, 87
PRLIMIT, PIDFD_OPEN, MODIFY_LDT, IOCTL, MOUNT, PRCTL = 302, 434, 154, 16, 165, 157
SUPPORTED = platform.machine() == "x86_64"


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in FIELDS]


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, pid, address=None, data=None):
    ctypes.set_errno(0)
    result = _libc.ptrace(request, pid, address, data)
    if result == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"ptrace {request}")
    return result


WALL = 0x40000000


def call(pid, number, *arguments):
    """The result of the call in the thread `pid`: negative errno on failure. Arguments are numbers,
    or bytes, which are put on its stack. The thread must be blocked in a system call."""
    _ptrace(ATTACH, pid)
    try:
        os.waitpid(pid, WALL)
        saved = Registers()
        _ptrace(GETREGS, pid, None, ctypes.addressof(saved))
        changed = Registers.from_buffer_copy(saved)
        assert _ptrace(PEEK, pid, saved.rip - 2) & 0xFFFF == 0x050F, "not at a system call"
        place = (saved.rsp - 4096) & ~15
        kept = []
        for name, value in zip(("rdi", "rsi", "rdx", "r10"), arguments):
            if isinstance(value, bytes):
                text = value + b"\0" * (8 - len(value) % 8)
                for at in range(0, len(text), 8):
                    kept.append((place + at, _ptrace(PEEK, pid, place + at)))
                    _ptrace(POKE, pid, place + at, int.from_bytes(text[at : at + 8], "little"))
                value, place = place, place + len(text)
            setattr(changed, name, value & (1 << 64) - 1)
        changed.rax, changed.orig_rax, changed.rip = number, (1 << 64) - 1, saved.rip - 2
        _ptrace(SETREGS, pid, None, ctypes.addressof(changed))
        _ptrace(STEP, pid)
        os.waitpid(pid, WALL)
        _ptrace(GETREGS, pid, None, ctypes.addressof(changed))
        for address, word in kept:
            _ptrace(POKE, pid, address, word)
        _ptrace(SETREGS, pid, None, ctypes.addressof(saved))
        result = changed.rax
        return result - (1 << 64) if result >> 63 else result
    finally:
        _ptrace(DETACH, pid)


def open_file(pid, path, flags=os.O_RDONLY):
    """A descriptor of the process, or a negative errno."""
    at_fdcwd = -100
    return call(pid, OPENAT, at_fdcwd, os.fsencode(path), flags, 0o600)
