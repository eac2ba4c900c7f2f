"""The relay beside the real fedmsg-relay, in one run: a burst, clients that live for a moment, a restart in mid-stream, memory.

measure.py BUGRELAY [--messages N] [--clients N] [--rate N] [--seconds N] [--store FOLDER]

Run by scripts/bench relay, with the Python that has fedmsg. The real relay hands over by ZeroMQ, to a subscriber without limits; bugrelay
writes a file, synced, with its store synced before: what is counted is what arrived there. --store: where the store and the file lie, as /dev/shm.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import zmq


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Relay:
    """One that runs, and what arrives behind it."""

    def __init__(self, folder):
        self.folder = folder
        self.inbound = "tcp://127.0.0.1:%d" % free_port()
        self.peak = 0
        self.arrived = []
        self.last = None
        self.ended = False
        self.process = None
        threading.Thread(target=self.watch, daemon=True).start()

    def start(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(self.command(), cwd=self.folder, stdout=log, stderr=log)
        host, port = self.inbound.removeprefix("tcp://").split(":")
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.05)
        sys.exit("it does not start; see %s/log" % self.folder)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def watch(self):
        while not self.ended:
            try:
                with open("/proc/%d/status" % self.process.pid) as status:
                    kib = next(line for line in status if line.startswith("VmRSS"))
                    self.peak = max(self.peak, int(kib.split()[1]) // 1024)
            except (AttributeError, OSError, StopIteration):
                pass
            time.sleep(0.1)

    def arrive(self, body):
        self.arrived.append(body)
        self.last = time.time()

    def settle(self, wanted, quiet=5):
        begin = time.time()
        while len(self.arrived) < wanted and time.time() - (self.last or begin) < quiet:
            time.sleep(0.02)

    def numbers(self):
        return {json.loads(body)["msg"]["number"] for body in self.arrived}

    def end(self):
        self.ended = True
        self.kill()


class Fedmsg(Relay):
    name = "fedmsg-relay"

    def __init__(self, folder):
        super().__init__(folder)
        self.outbound = "tcp://127.0.0.1:%d" % free_port()
        os.mkdir(os.path.join(folder, "fedmsg.d"))
        with open(os.path.join(folder, "fedmsg.d", "relay.py"), "w") as file:
            file.write("config = %r\n" % dict(
                endpoints={"relay_outbound": [self.outbound]}, relay_inbound=self.inbound, topic_prefix="org.example",
                environment="dev", zmq_enabled=True, zmq_strict=False, high_water_mark=0, io_threads=1,
                post_init_sleep=0.5, zmq_linger=1000, sign_messages=False, validate_signatures=False))
        threading.Thread(target=self.listen, daemon=True).start()

    def command(self):
        return [sys.executable, "-W", "ignore", os.path.join(os.path.dirname(sys.executable), "fedmsg-relay")]

    def listen(self):
        subscriber = zmq.Context.instance().socket(zmq.SUB)
        subscriber.setsockopt(zmq.RCVHWM, 0)
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        subscriber.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        subscriber.connect(self.outbound)
        while not self.ended:
            if subscriber.poll(100):
                self.arrive(subscriber.recv_multipart()[-1])
        subscriber.close(0)


class Bugrelay(Relay):
    name = "bugrelay"
    program = None

    def __init__(self, folder):
        super().__init__(folder)
        self.out = os.path.join(folder, "out.jsonl")
        with open(os.path.join(folder, "bugrelay.toml"), "w") as file:
            file.write('[queue]\nstore = "sqlite:store.db"\n[admin]\nlisten = "127.0.0.1:%d"\n[relay]\nzeromq = "%s"\n'
                       'topics = ["org.example.*"]\n[connectors.out]\ntype = "file"\npath = "%s"\nbatch = 2000\n'
                       % (free_port(), self.inbound, self.out))
        threading.Thread(target=self.read, daemon=True).start()

    def command(self):
        return [self.program, "-c", "bugrelay.toml", "run", "--log", "warn"]

    def read(self):
        while not os.path.exists(self.out) and not self.ended:
            time.sleep(0.01)
        with open(self.out, "rb") as lines:
            rest = b""
            while not self.ended:
                rest += lines.read(1 << 20)
                *whole, rest = rest.split(b"\n")
                for line in whole:
                    self.arrive(line)
                if not whole:
                    time.sleep(0.005)


def publisher(inbound, limit=0):
    out = zmq.Context.instance().socket(zmq.PUB)
    out.setsockopt(zmq.SNDHWM, limit)
    out.connect(inbound)
    time.sleep(1)
    return out


def send(out, number):
    body = {"i": number + 1, "msg": {"number": number}, "msg_id": "bench-%d" % number, "timestamp": int(time.time()),
            "topic": "org.example.dev.bench.test", "username": "bench"}
    out.send_multipart([b"org.example.dev.bench.test", json.dumps(body).encode()])


def burst(relay, plan):
    out = publisher(relay.inbound)
    begin = time.time()
    for number in range(plan.messages):
        send(out, number)
    sent = time.time() - begin
    relay.settle(plan.messages, quiet=20)
    took = (relay.last or begin) - begin
    out.close(0)
    return dict(lost=plan.messages - len(relay.numbers()), per_second=round(len(relay.arrived) / max(took, 0.001)),
                offered_per_second=round(plan.messages / sent))


def clients(relay, plan):
    with open(os.path.join(relay.folder, "publish.log"), "wb") as log:
        script = os.path.join(os.path.dirname(__file__), "../../tests/services/clients/publish.py")
        begin = time.time()
        subprocess.run([sys.executable, "-W", "ignore", os.path.abspath(script), relay.inbound, "0.05", str(plan.clients)],
                       cwd=relay.folder, stdout=log, stderr=log, check=True)
        took = time.time() - begin
    relay.settle(plan.clients)
    return dict(clients=plan.clients, lost=plan.clients - len(relay.numbers()), seconds=round(took, 1))


def restart(relay, plan):
    out = publisher(relay.inbound, 1000)
    total = plan.rate * plan.seconds
    begin = time.time()
    down = threading.Timer(plan.seconds / 3, lambda: (relay.kill(), time.sleep(2), relay.start()))
    down.start()
    for number in range(total):
        send(out, number)
        rest = begin + (number + 1) / plan.rate - time.time()
        if rest > 0:
            time.sleep(rest)
    down.join()
    relay.settle(total)
    out.close(0)
    numbers = relay.numbers()
    return dict(sent=total, lost=total - len(numbers), repeated=len(relay.arrived) - len(numbers))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--store")
    plan = parser.parse_args()
    Bugrelay.program = os.path.abspath(plan.program)
    for what in (burst, clients, restart):
        for kind in (Fedmsg, Bugrelay):
            folder = tempfile.mkdtemp(prefix="bench-relay-", dir=plan.store)
            relay = kind(folder)
            relay.start()
            # A subscriber needs a moment to be known, and the real relay one to be ready.
            time.sleep(3)
            try:
                found = what(relay, plan)
            finally:
                relay.end()
                shutil.rmtree(folder, ignore_errors=True)
            figures = "  ".join("%s %s" % pair for pair in found.items())
            print("%-8s %-13s %s  peak %d MiB" % (what.__name__, kind.name, figures, relay.peak), flush=True)


main()
