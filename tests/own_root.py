#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command where the root directory is a mount point: `own_root.py COMMAND...`.

In a chroot it often is none. Then neither unshare(1) nor mount(8) --make-rprivate can make the mounts
of a new namespace private, since they name them by "/", and what is mounted in it shows outside. So
this takes a namespace of its own, climbs out of the chroot for a moment to make it private, and binds
the root to itself."""

import ctypes
import os
import sys
import tempfile

CLONE_NEWNS = 0x00020000
MS_BIND = 1 << 12
MS_REC = 1 << 14
MS_PRIVATE = 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def call(what, result):
    if result != 0:
        number = ctypes.get_errno()
        sys.exit(f"own_root.py: {what}: {os.strerror(number)}")


def mount(source, target, flags):
    call(f"mount {target}", _libc.mount(source.encode(), target.encode(), None, flags, None))


def make_private():
    """Of the whole namespace, whose own root lies above."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    inner = tempfile.mkdtemp()
    os.chroot(inner)
    os.fchdir(root)
    while not os.path.samefile("..", "."):
        os.chdir("..")
    os.chroot(".")
    mount("none", "/", MS_REC | MS_PRIVATE)
    os.fchdir(root)
    os.chroot(".")
    os.rmdir(inner)


def main(command):
    here = os.getcwd()
    call("a new mount namespace", _libc.unshare(CLONE_NEWNS))
    make_private()
    with_mount = tempfile.mkdtemp()
    mount("/", with_mount, MS_REC | MS_BIND)
    os.chroot(with_mount)
    # The directory for the mount is seen through the mount as well.
    os.chdir(here)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
