# SPDX-License-Identifier: Apache-2.0
"""A network that can fail: TCP proxies on loopback which cut, fall silent, delay and throttle.

Each Link listens on a port of its own and passes every connection on to one address: a port or a
Unix socket. One thread serves all links. What a fault does to a link holds until `heal`. A link's
door is shut while no server stands behind it, so that connecting is refused, as it would be without
the link: a reset after connecting is another failure, and clients treat it differently.
"""

import contextlib
import errno
import random
import selectors
import socket
import struct
import threading
import time

CHUNK = 64 * 1024
HELD = 256 * 1024  # bytes that a direction holds back before its sender has to wait
TICK = 0.01  # seconds: how exactly delays and rates are kept
UP, DOWN = "up", "down"  # towards the server, towards the client
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset, as a machine that is gone would


class Flow:
    """One direction of one connection."""

    def __init__(self, way, source, sink):
        self.way, self.source, self.sink = way, source, sink
        self.held, self.size = [], 0  # [time when due, bytes]
        self.ended = False

    def read(self, due):
        try:
            data = self.source.recv(CHUNK)
        except BlockingIOError:
            return
        if data:
            self.held.append([due, data])
            self.size += len(data)
        else:
            self.ended = True

    def hurry(self):
        """What is held is due: nobody looks at the clock once nothing is delayed any more."""
        for piece in self.held:
            piece[0] = 0.0

    def write(self, now, most):
        """Pass on what is due, at most `most` bytes; how many went."""
        passed = 0
        while self.held and self.held[0][0] <= now and passed < most:
            data = self.held[0][1]
            try:
                sent = self.sink.send(data[:most - passed])
            except BlockingIOError:
                break
            passed += sent
            if sent < len(data):
                self.held[0][1] = data[sent:]
                break
            self.held.pop(0)
        self.size -= passed
        if self.ended and not self.held:
            with contextlib.suppress(OSError):
                self.sink.shutdown(socket.SHUT_WR)
        return passed


class Connection:
    def __init__(self, link, client, server):
        self.link, self.client, self.server = link, client, server
        self.flows = (Flow(UP, client, server), Flow(DOWN, server, client))
        self.masks = {client: 0, server: 0}
        self.port = client.getpeername()[1]

    def over(self):
        return all(flow.ended and not flow.held for flow in self.flows)


class Link:
    """One proxy. Its address is fixed; `target` may change, and counts for new connections."""

    def __init__(self, network, name, target=None):
        self.network, self.name, self.target = network, name, target
        # Keeps the port ours while nobody listens there.
        self.place = socket.socket()
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.place.bind(("127.0.0.1", 0))
        self.port = self.place.getsockname()[1]
        self.listener = None
        self.connections = set()
        self.served = False  # a server is there
        self.clear()

    def clear(self):
        self.resetting, self.refusing, self.silent, self.late = False, False, (), ()
        self.delay, self.rate = 0.0, 0

    # --- the server behind it

    def shut(self):
        self.network.change(self, served=False)

    def open(self):
        self.network.change(self, served=True)

    def stops(self, connection, flow):
        return flow.way in self.silent or flow.way == UP and connection.port in self.late

    # --- faults; each is one of a set of things that a network does

    def cut(self, refuse=True):
        """Every connection is reset; new ones are refused, or reset too."""
        self.network.change(self, refusing=refuse, resetting=not refuse, drop=True)

    def fall_silent(self, ways=(UP, DOWN)):
        """Nothing passes any more, and nobody is told: a half-open connection."""
        self.network.change(self, silent=tuple(ways))

    def hold_back(self, ports):
        """What the clients at these ports send stays on its way, and arrives once all is healed."""
        self.network.change(self, late=frozenset(ports))

    def slow_down(self, delay=0.0, rate=0):
        """Every chunk comes `delay` seconds later; `rate` bytes a second for each direction, 0: all."""
        self.network.change(self, delay=delay, rate=rate)

    def heal(self, drop=False):
        """As new. `drop`: connections of the bad time are reset, else they go on."""
        self.network.change(self, clear=True, drop=drop)


class Network:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()
        self.links, self.by_socket = [], {}
        self.ended = False
        self.waker, self.wakened = socket.socketpair()
        self.wakened.setblocking(False)
        self.selector.register(self.wakened, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, name="network", daemon=True)
        self.thread.start()

    def link(self, name, target=None):
        link = Link(self, name, target)
        with self.lock:
            self.links.append(link)
        return link

    def set_door(self, link):
        """Listen or not, as the link's state wants."""
        wanted = link.served and not link.refusing
        if wanted and not link.listener:
            link.listener = socket.create_server(("127.0.0.1", link.port), backlog=128, reuse_port=True)
            link.listener.setblocking(False)
            self.selector.register(link.listener, selectors.EVENT_READ, link)
        elif not wanted and link.listener:
            self.selector.unregister(link.listener)
            link.listener.close()
            link.listener = None

    def change(self, link, clear=False, drop=False, **state):
        with self.lock:
            if clear:
                link.clear()
                for flow in (flow for connection in link.connections for flow in connection.flows):
                    flow.hurry()
            for name, item in state.items():
                setattr(link, name, item)
            self.set_door(link)
            for connection in list(link.connections) if drop else ():
                self.drop(connection)
            for connection in link.connections:
                self.watch(connection)
        self.waker.send(b".")

    def heal(self):
        for link in self.links:
            link.heal()

    def close(self):
        self.ended = True
        self.waker.send(b".")
        self.thread.join()
        for connection in list(self.by_socket.values()):
            self.drop(connection)
        for link in self.links:
            link.served = False
            self.set_door(link)
            link.place.close()

    # --- the thread

    def run(self):
        while not self.ended:
            with self.lock:
                shaped = any(link.delay or link.rate for link in self.links)
            events = self.selector.select(TICK if shaped else None)
            with self.lock:
                for key, mask in events:
                    self.serve(key.fileobj, key.data, mask)
                if shaped:
                    for link in self.links:
                        for connection in list(link.connections) if link.delay or link.rate else ():
                            self.pump(connection)

    def serve(self, sock, link, mask):
        if sock is self.wakened:
            with contextlib.suppress(BlockingIOError):
                sock.recv(4096)
        elif link:
            if link.listener is sock:
                self.accept(link)
        elif sock in self.by_socket:
            connection = self.by_socket[sock]
            if mask & selectors.EVENT_READ:
                self.receive(connection, sock)
            if sock in self.by_socket:
                self.pump(connection)

    def accept(self, link):
        try:
            client, _ = link.listener.accept()
        except OSError:
            return
        server = None if link.resetting else self.connect(link.target)
        if server is None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(link, client, server)
        link.connections.add(connection)
        for sock in (client, server):
            self.by_socket[sock] = connection
        self.watch(connection)

    @staticmethod
    def connect(target):
        unix = isinstance(target, str)
        server = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        server.setblocking(False)
        code = server.connect_ex(target) if target else errno.ECONNREFUSED
        if code in (0, errno.EINPROGRESS):
            return server
        server.close()
        return None

    def receive(self, connection, sock):
        flow = connection.flows[0 if sock is connection.client else 1]
        try:
            flow.read(time.monotonic() + connection.link.delay * random.uniform(0.5, 1))
        except OSError:
            self.drop(connection)

    def pump(self, connection):
        link, now = connection.link, time.monotonic()
        most = int(link.rate * TICK) + 1 if link.rate else 1 << 30
        try:
            for flow in connection.flows:
                if not link.stops(connection, flow):
                    flow.write(now, most)
        except OSError:
            self.drop(connection)
            return
        if connection.over():
            self.drop(connection, reset=False)
        else:
            self.watch(connection)

    def watch(self, connection):
        """Ask the selector for what this connection can go on with."""
        link, now = connection.link, time.monotonic()
        masks = {connection.client: 0, connection.server: 0}
        for flow in connection.flows:
            if link.stops(connection, flow):
                continue
            if not flow.ended and flow.size < HELD:
                masks[flow.source] |= selectors.EVENT_READ
            if flow.held and flow.held[0][0] <= now and not link.rate:
                masks[flow.sink] |= selectors.EVENT_WRITE
        for sock, mask in masks.items():
            before = connection.masks[sock]
            if mask == before:
                continue
            if not mask:
                self.selector.unregister(sock)
            elif before:
                self.selector.modify(sock, mask)
            else:
                self.selector.register(sock, mask)
            connection.masks[sock] = mask

    def drop(self, connection, reset=True):
        connection.link.connections.discard(connection)
        for sock in (connection.client, connection.server):
            if connection.masks[sock]:
                self.selector.unregister(sock)
                connection.masks[sock] = 0
            self.by_socket.pop(sock, None)
            if reset:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
