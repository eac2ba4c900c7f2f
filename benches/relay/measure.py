"""The relay beside the real fedmsg-relay, in one run: a burst, clients that live for a moment, a restart in mid-stream, memory.

measure.py BUGRELAY [--messages N] [--clients N] [--rounds N] [--sleep SECONDS] [--rate N] [--seconds N] [--only NAME] [--store FOLDER]

Run by scripts/bench relay, with the Python that has fedmsg. Both hand over by ZeroMQ, to a subscriber without limits in a process of its
own: what is counted is what arrived there. bugrelay has had each message on disk before. --store: where its store lies, as /dev/shm.
"""

import argparse
import json
import multiprocessing
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

SPAWN = multiprocessing.get_context("spawn")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listen(outbound, count, last, ended, answer):
    """What a process of its own does until it is told that it is over; then it says which numbers came."""
    subscriber = zmq.Context.instance().socket(zmq.SUB)
    subscriber.setsockopt(zmq.RCVHWM, 0)
    subscriber.setsockopt(zmq.SUBSCRIBE, b"")
    subscriber.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    subscriber.connect(outbound)
    bodies = []
    while not ended.is_set():
        if not subscriber.poll(50):
            continue
        try:
            while True:
                bodies.append(subscriber.recv_multipart(zmq.NOBLOCK)[-1])
        except zmq.Again:
            count.value, last.value = len(bodies), time.time()
    answer.send([json.loads(body)["msg"]["number"] for body in bodies])
    subscriber.close(0)


class Relay:
    """One that runs, and what arrives behind it."""

    def __init__(self, folder):
        self.folder = folder
        self.inbound, self.outbound = ("tcp://127.0.0.1:%d" % free_port() for _ in range(2))
        self.peak = 0
        self.count, self.last = SPAWN.Value("q", 0), SPAWN.Value("d", 0.0)
        self.over = SPAWN.Event()
        self.answer, theirs = SPAWN.Pipe(duplex=False)
        self.listener = SPAWN.Process(target=listen, args=(self.outbound, self.count, self.last, self.over, theirs))
        self.listener.start()
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

    def settle(self, wanted, quiet=5):
        begin = time.time()
        while self.count.value < wanted and time.time() - (self.last.value or begin) < quiet:
            time.sleep(0.02)

    def numbers(self):
        """All that came, as often as they came."""
        self.over.set()
        numbers = self.answer.recv()
        self.listener.join()
        return numbers

    def end(self):
        self.ended = True
        self.over.set()
        self.kill()


class Fedmsg(Relay):
    name = "fedmsg-relay"

    def __init__(self, folder):
        super().__init__(folder)
        os.mkdir(os.path.join(folder, "fedmsg.d"))
        with open(os.path.join(folder, "fedmsg.d", "relay.py"), "w") as file:
            file.write("config = %r\n" % dict(
                endpoints={"relay_outbound": [self.outbound]}, relay_inbound=self.inbound, topic_prefix="org.example",
                environment="dev", zmq_enabled=True, zmq_strict=False, high_water_mark=0, io_threads=1,
                post_init_sleep=0.5, zmq_linger=1000, sign_messages=False, validate_signatures=False))

    def command(self):
        return [sys.executable, "-W", "ignore", os.path.join(os.path.dirname(sys.executable), "fedmsg-relay")]


class Bugrelay(Relay):
    name = "bugrelay"
    program = None

    def __init__(self, folder):
        super().__init__(folder)
        with open(os.path.join(folder, "bugrelay.toml"), "w") as file:
            file.write('[queue]\nstore = "sqlite:store.db"\n[admin]\nlisten = "127.0.0.1:%d"\n[relay]\nzeromq = "%s"\n'
                       'topics = ["org.example.*"]\n[connectors.out]\ntype = "fedmsg"\nlisten = "%s"\n'
                       'topic_prefix = "org.example"\nhigh_water_mark = 100000\nbatch = 2000\n'
                       % (free_port(), self.inbound, self.outbound))

    def command(self):
        return [self.program, "-c", "bugrelay.toml", "run", "--log", "warn"]


def publisher(inbound, limit=0):
    out = zmq.Context.instance().socket(zmq.PUB)
    out.setsockopt(zmq.SNDHWM, limit)
    out.connect(inbound)
    time.sleep(1)
    return out


def body(number):
    return json.dumps({"i": number + 1, "msg": {"number": number}, "msg_id": "bench-%d" % number, "timestamp": int(time.time()),
                       "topic": "org.example.dev.bench.test", "username": "bench"}).encode()


def burst(relay, plan):
    out = publisher(relay.inbound)
    bodies = [body(number) for number in range(plan.messages)]
    begin = time.time()
    for one in bodies:
        out.send_multipart([b"org.example.dev.bench.test", one])
    sent = time.time() - begin
    relay.settle(plan.messages, quiet=20)
    numbers = relay.numbers()
    took = (relay.last.value or begin) - begin
    out.close(0)
    return dict(lost=plan.messages - len(set(numbers)), per_second=round(len(numbers) / max(took, 0.001)),
                offered_per_second=round(plan.messages / sent))


def clients(relay, plan):
    script = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../tests/services/clients/publish.py"))
    begin = time.time()
    for _ in range(plan.rounds):
        with open(os.path.join(relay.folder, "publish.log"), "ab") as log:
            command = [sys.executable, "-W", "ignore", script, relay.inbound, str(plan.sleep), str(plan.clients)]
            subprocess.run(command, cwd=relay.folder, stdout=log, stderr=log, check=True)
    took = time.time() - begin
    total = plan.clients * plan.rounds
    relay.settle(total)
    return dict(clients="%d x %d" % (plan.rounds, plan.clients), sleep=plan.sleep, lost=total - len(relay.numbers()),
                seconds=round(took, 1))


def restart(relay, plan):
    out = publisher(relay.inbound, 1000)
    total = plan.rate * plan.seconds
    begin = time.time()
    down = threading.Timer(plan.seconds / 3, lambda: (relay.kill(), time.sleep(2), relay.start()))
    down.start()
    for number in range(total):
        out.send_multipart([b"org.example.dev.bench.test", body(number)])
        rest = begin + (number + 1) / plan.rate - time.time()
        if rest > 0:
            time.sleep(rest)
    down.join()
    relay.settle(total)
    out.close(0)
    numbers = relay.numbers()
    return dict(sent=total, lost=total - len(set(numbers)), repeated=len(numbers) - len(set(numbers)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sleep", type=float, default=0.05)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--only", choices=["burst", "clients", "restart"])
    parser.add_argument("--store")
    plan = parser.parse_args()
    Bugrelay.program = os.path.abspath(plan.program)
    for what in (burst, clients, restart):
        if plan.only not in (None, what.__name__):
            continue
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


if __name__ == "__main__":
    main()
