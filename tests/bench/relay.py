"""A slow, far link for the benchmarks: a relay on loopback that delays what it carries and lets so much through a second.

It stands for a link between two machines where the kernel has no `netem`. All connections share one rate in each direction; each has a
window of its own, as TCP has, so that a single one is bound by window / round trip. Nothing is lost or reordered, and there is no slow
start: real links are harder.
"""

import collections
import contextlib
import socket
import threading
import time

CHUNK_BYTES = 64 << 10
# What a kernel lets a connection have underway by default (the last number of `net.ipv4.tcp_rmem`).
WINDOW_BYTES = 6 << 20


class Rate:
    """One direction of the link: when the next bytes will have left."""

    def __init__(self, bytes_per_second):
        self.bytes_per_second, self.lock, self.free_at, self.carried = bytes_per_second, threading.Lock(), 0.0, 0

    def reserve(self, count):
        with self.lock:
            self.carried += count
            self.free_at = max(self.free_at, time.monotonic()) + count / self.bytes_per_second
            return self.free_at


class Flow:
    """One direction of one connection."""

    def __init__(self, rate, delay, reader, writer):
        self.rate, self.delay, self.reader, self.writer = rate, delay, reader, writer
        self.underway, self.chunks, self.changed = 0, collections.deque(), threading.Condition()
        for work in (self.take, self.give):
            threading.Thread(target=work, daemon=True).start()

    def take(self):
        data = b"-"
        while data:
            with contextlib.suppress(OSError):
                data = self.reader.recv(CHUNK_BYTES)
            due = self.rate.reserve(len(data)) + self.delay
            with self.changed:
                self.changed.wait_for(lambda: self.underway < WINDOW_BYTES)
                self.underway += len(data)
                self.chunks.append((due, data))
                self.changed.notify_all()

    def give(self):
        data = b"-"
        while data:
            with self.changed:
                self.changed.wait_for(lambda: self.chunks)
                due, data = self.chunks.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):
                self.writer.sendall(data) if data else self.writer.shutdown(socket.SHUT_WR)
            with self.changed:
                self.underway -= len(data)
                self.changed.notify_all()


class Relay:
    """A link to a port of this machine; both directions have the same rate and half of the round trip."""

    def __init__(self, port, bytes_per_second, round_trip):
        self.to_port, self.delay = port, round_trip / 2
        self.there, self.back = Rate(bytes_per_second), Rate(bytes_per_second)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        # The way there and back of a handshake.
        time.sleep(self.delay * 2)
        far = socket.create_connection(("127.0.0.1", self.to_port))
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Flow(self.there, self.delay, near, far)
        Flow(self.back, self.delay, far, near)

    def end(self):
        self.listener.close()
