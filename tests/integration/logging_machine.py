# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with a journal and a syslog: `unshare --mount python3 logging_machine.py DIRECTORY HOW
COMMAND...` makes /run and /dev its own, listens where journald and syslogd do, and runs COMMAND.

HOW is "journal", when its stderr leads to the journal as that of a service does, or "plain". What
arrives is appended to DIRECTORY/journal and DIRECTORY/syslog, a line of JSON each. DIRECTORY/status
gets COMMAND's exit status. A line of input ends syslogd, the end of the input all of the listening."""

import json
import os
import socket
import subprocess
import sys
import threading

DEVICES = ("null", "zero", "full", "random", "urandom", "fuse")


def call(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def own_directories():
    call("mount", "--make-rprivate", "/")
    # The mounts of other tests have been copied, and would live for as long as the copies do.
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        lines = [line.split() for line in file]
    for fields in reversed(lines):
        if fields[fields.index("-") + 1].startswith("fuse"):
            subprocess.run(["umount", "--lazy", fields[4]], check=False, capture_output=True)
    call("mount", "-t", "tmpfs", "none", "/run")
    os.makedirs("/run/systemd/journal")
    os.mkdir("/run/dev")
    call("mount", "-t", "tmpfs", "none", "/run/dev")
    for name in DEVICES:
        with open(f"/run/dev/{name}", "w", encoding="ascii"):
            pass
        call("mount", "--bind", f"/dev/{name}", f"/run/dev/{name}")
    call("mount", "--move", "/run/dev", "/dev")


def journal_fields(datagram):
    """systemd's native protocol: KEY=VALUE lines, or KEY, the length in 8 bytes, the value."""
    fields = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        key, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        fields[key.decode()] = value.decode("utf-8", "replace")
        datagram = rest
    return fields


def listen(address, path, read):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(address)

    def loop():
        with open(path, "a", encoding="utf-8", buffering=1) as file:
            while datagram := listener.recv(65536):
                file.write(json.dumps(read(datagram)) + "\n")
        listener.close()

    threading.Thread(target=loop, daemon=True).start()
    return listener


def main(directory, how, *command):
    own_directories()
    listen("/run/systemd/journal/socket", f"{directory}/journal", journal_fields)
    syslog = listen("/dev/log", f"{directory}/syslog", lambda data: data.decode("utf-8", "replace"))
    streams = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    streams.bind("/run/systemd/journal/stdout")
    streams.listen()
    stderr = None
    if how == "journal":
        stderr = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stderr.connect("/run/systemd/journal/stdout")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
    print("ready", flush=True)
    if sys.stdin.readline():
        syslog.shutdown(socket.SHUT_RD)
        sys.stdin.read()
    with open(f"{directory}/status", "w", encoding="ascii") as file:
        file.write(str(process.wait()))


if __name__ == "__main__":
    main(*sys.argv[1:])
