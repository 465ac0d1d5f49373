# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes over the loopback interface: every TCP byte from or to some ports."""

import ctypes
import socket
import struct
import threading

PACKET_STATISTICS = 6
SOL_PACKET = 263
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SO_ATTACH_FILTER = 26

# Steps of a filter (linux/filter.h, bpf_common.h).
LOAD_BYTE, LOAD_HALF, LOAD_HALF_INDEXED, LOAD_HEADER_LENGTH = 0x30, 0x28, 0x48, 0xB1
IS, IS_AT_LEAST, IS_MORE, GIVE = 0x15, 0x35, 0x25, 0x06
ETHERNET = 14
PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE


def port_filter(first, last):
    """Lets the kernel pick what comes in of IPv4's TCP from or to the ports: what others send over
    this interface, be it ever so much, takes no room."""
    drop, take = 13, 14
    # Code, which step is next when it is true and when not (None: the following one), value.
    steps = [
        (LOAD_BYTE, None, None, PACKET_TYPE),
        (IS, drop, None, socket.PACKET_OUTGOING),  # loopback shows each packet a second time
        (LOAD_HALF, None, None, ETHERNET - 2),
        (IS, None, drop, 0x0800),  # IPv4
        (LOAD_BYTE, None, None, ETHERNET + 9),
        (IS, None, drop, socket.IPPROTO_TCP),
        (LOAD_HEADER_LENGTH, None, None, ETHERNET),
        (LOAD_HALF_INDEXED, None, None, ETHERNET),  # source port
        (IS_AT_LEAST, None, 10, first),
        (IS_MORE, None, take, last),
        (LOAD_HALF_INDEXED, None, None, ETHERNET + 2),  # destination port
        (IS_AT_LEAST, None, drop, first),
        (IS_MORE, drop, take, last),
        (GIVE, None, None, 0),
        (GIVE, None, None, 1 << 18),
    ]
    program = b""
    for here, (code, *targets, value) in enumerate(steps, 1):
        jumps = [0 if target is None else target - here for target in targets]
        program += struct.pack("HBBI", code, *jumps, value)
    return program


class Wire:
    """with Wire(first, last) as wire: ... - then wire.streams has, by (source port, destination
    port), the bytes in the order in which they went, without repetitions."""

    def __init__(self, first, last):
        self.streams = {}
        self._next = {}
        # Of no protocol, so that it takes nothing before the filter is there.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        program = port_filter(first, last)
        memory = ctypes.create_string_buffer(program, len(program))
        descriptor = struct.pack("HL", len(program) // 8, ctypes.addressof(memory))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, descriptor)
        self._socket.bind(("lo", ETH_P_ALL))
        self._socket.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        _, drops = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._socket.close()
        assert drops == 0, f"{drops} packets were not seen"

    def _read(self):
        while True:
            try:
                packet = self._socket.recv(1 << 18)
            except socket.timeout:
                if self._stop.is_set():
                    return
                continue
            self._take(packet[ETHERNET:])

    def _take(self, packet):
        packet = packet[: struct.unpack("!H", packet[2:4])[0] or None]
        segment = packet[(packet[0] & 15) * 4 :]
        source, destination, number = struct.unpack("!HHI", segment[:8])
        data = segment[(segment[12] >> 4) * 4 :]
        key = (source, destination)
        if segment[13] & 2:  # SYN: the ports may have been used before
            self._next[key] = number + 1
            return
        known = self._next.setdefault(key, number)
        fresh = data[max(0, (known - number) % (1 << 32)) :] if known != number else data
        if fresh:
            self.streams.setdefault(key, bytearray()).extend(fresh)
            self._next[key] = (number + len(data)) % (1 << 32)

    def everything(self):
        return b"\0".join(bytes(stream) for stream in self.streams.values())

    def from_client(self, port):
        """The streams to the port."""
        return [bytes(data) for (_, to), data in self.streams.items() if to == port]
