# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd and automount(8) do, in small: lets the kernel's autofs watch a directory, and mounts
there when somebody comes by. Run as a program, in a mount namespace of its own:

    automounter.py POINT FILE PROGRAM SOURCE POINT [OPTIONS]

prints the content of FILE, which `cat` reads as a stranger to the automounter."""

import ctypes
import fcntl
import os
import signal
import struct
import subprocess
import sys

READY, FAIL = 0x9360, 0x9361  # AUTOFS_IOC_READY, AUTOFS_IOC_FAIL
PACKET_BYTES = 304  # struct autofs_v5_packet
SECONDS = 30


def watch(point):
    """The pipe that the kernel asks on, and the directory to answer by. Only processes of this
    group are let through to the directory meanwhile."""
    reader, writer = os.pipe()
    options = f"fd={writer},pgrp={os.getpgrp()},minproto=5,maxproto=5,direct"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"autofs", os.fsencode(point), b"autofs", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount autofs")
    os.close(writer)
    return reader, os.open(point, os.O_RDONLY | os.O_DIRECTORY)


def main(point, path, *command):
    os.setpgid(0, 0)
    signal.alarm(SECONDS)
    reader, directory = watch(point)
    with subprocess.Popen(["cat", path], start_new_session=True) as stranger:
        token = struct.unpack_from("iiI", os.read(reader, PACKET_BYTES))[2]
        try:
            status = subprocess.run(command, timeout=SECONDS // 2, check=False).returncode
        except subprocess.TimeoutExpired:
            status = "none: it waits for itself"
        fcntl.ioctl(directory, READY if status == 0 else FAIL, token)
        stranger.wait(SECONDS // 2)
    subprocess.run(["umount", point], check=status == 0)
    assert status == 0, f"the mount ended with status {status}"
    return stranger.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
