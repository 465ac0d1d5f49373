# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes over the loopback interface: every TCP byte from or to some ports."""

import socket
import struct
import threading

PACKET_STATISTICS = 6
SOL_PACKET = 263
ETH_P_ALL = 3


class Wire:
    """with Wire(first, last) as wire: ... - then wire.streams has, by (source port, destination
    port), the bytes in the order in which they went, without repetitions."""

    def __init__(self, first, last):
        self.first, self.last = first, last
        self.streams = {}
        self._next = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._socket.bind(("lo", 0))
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
                packet, address = self._socket.recvfrom(1 << 17)
            except socket.timeout:
                if self._stop.is_set():
                    return
                continue
            # Loopback shows each packet as it goes out and as it comes in.
            if address[2] == socket.PACKET_OUTGOING:
                self._take(packet[14:])

    def _take(self, packet):
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            return
        packet = packet[: struct.unpack("!H", packet[2:4])[0] or None]
        segment = packet[(packet[0] & 15) * 4 :]
        source, destination, number = struct.unpack("!HHI", segment[:8])
        if not any(self.first <= port <= self.last for port in (source, destination)):
            return
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
