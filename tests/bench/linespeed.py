#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a line carries, to put the bench's figures beside it.

    linespeed.py serve ADDRESS                    prints its port; ends when standard input closes
    linespeed.py measure ADDRESS PORT SECONDS     prints one line of JSON

The server sends without end on each connection, as an FTP server that serves a large file does, and
the other side reads: on one connection, then on eight at once."""

import json
import os
import socket
import statistics
import sys
import threading
import time

BLOCK = 1 << 20


def serve(address):
    listener = socket.create_server((address, 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    sys.stdin.read()


def accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=feed, args=(connection,), daemon=True).start()


def feed(connection):
    block = bytes(BLOCK)
    try:
        while True:
            connection.sendall(block)
    except OSError:
        connection.close()


def read(target, since, until, counts):
    buffer = bytearray(BLOCK)
    with socket.create_connection(target) as connection:
        while (now := time.monotonic()) < until:
            got = connection.recv_into(buffer)
            if now >= since:
                counts.append(got)


def megabytes(target, streams, warm_up, seconds):
    """MB/s over streams connections at once, after some seconds in which TCP finds its speed."""
    counts = []
    since = time.monotonic() + warm_up
    arguments = (target, since, since + seconds, counts)
    readers = [threading.Thread(target=read, args=arguments) for _ in range(streams)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return sum(counts) / seconds / 1e6


def connect_ms(target):
    started = time.monotonic()
    with socket.create_connection(target):
        return (time.monotonic() - started) * 1e3


def measure(address, port, seconds):
    target = (address, port)
    rtt = statistics.median(connect_ms(target) for _ in range(9))
    warm_up = 0.2 + 30 * rtt / 1e3
    result = {
        "rtt_measured_ms": round(rtt, 3),
        "one_stream_mb_s": round(megabytes(target, 1, warm_up, seconds), 1),
        "eight_streams_mb_s": round(megabytes(target, 8, warm_up, seconds), 1),
    }
    print(json.dumps(result), flush=True)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        measure(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
