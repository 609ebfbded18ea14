#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures services against what people use to relay TCP: all in one run, by turns, in one throw-away host.

Each relay listens in a space and connects to a target on the host's loopback, on one thread. "direct" is the client on
the host itself; so is socat's, which can do no other (and makes a process a connection). "nat" is a service that the
kernel translates; its target is at the host's gateway address, which "veth" reaches from the space directly. Ratios are
medians over turns in which all were measured one after the other. Exit code 1 when a bar is missed."""

import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time

BENCH = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent / "tests/lib"))

import warrenhost as wh  # noqa: E402
from netns import in_ns  # noqa: E402

SPACE, TARGET, FIRST = "bench", 7000, 7001
LOCAL, GATEWAY = "127.0.0.1", "100.64.0.1"
PROXYD = "/lib/systemd/systemd-socket-proxyd"
BACKLOG = 4096

HAPROXY = """
global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
  option splice-auto
listen bench
  bind 127.0.0.1:{port} namespace {space} backlog {backlog}
  server target 127.0.0.1:{target}
"""


class Relays:
    """Those that are installed: where the client of each is, and what it connects to."""

    def __init__(self, tools):
        self.tools = tools
        self.ends, self.processes = {"direct": (wh.HOST, LOCAL, TARGET)}, []
        self.daemon = self.start(tools.warrend)
        wh.warren("add", SPACE)
        for number, (name, begin) in enumerate((("warrend", self.warrend), ("nat", self.nat), ("socket-proxyd", self.proxyd),
                                                ("haproxy", self.haproxy), ("socat", self.socat))):
            if begin(FIRST + number):
                self.ends[name] = (wh.HOST if name == "socat" else SPACE, LOCAL, FIRST + number)
        self.ends["veth"] = (SPACE, GATEWAY, TARGET)

    def start(self, *command, **options):
        process = wh.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def warrend(self, port):
        wh.warren("service", "add", "bench", port, "--to", f"127.0.0.1:{TARGET}", "--mode", "proxy")
        if not wh.wait_until(lambda: wh.run("ss", "-Hlnt", f"sport = :{port}", ns=SPACE).stdout):
            raise RuntimeError("warrend does not listen in the space")
        return True

    def nat(self, port):
        wh.warren("service", "add", "bench-nat", port, "--to", f"{GATEWAY}:{TARGET}", "--mode", "nat")
        return True

    def listener(self, port):
        def body():
            sock = socket.socket()
            sock.bind(("127.0.0.1", port))
            sock.listen(BACKLOG)
            return sock
        return in_ns(SPACE, body)

    def with_listener(self, port, command):
        """Starts the command with the listening socket as descriptor 3, as socket activation does."""
        with self.listener(port) as sock:
            script = f"LISTEN_PID=$$ LISTEN_FDS=1 exec {command} 3<&{sock.fileno()}"
            return self.start("bash", "-c", script, pass_fds=[sock.fileno()])

    def proxyd(self, port):
        return os.access(PROXYD, os.X_OK) and self.with_listener(port, f"{PROXYD} 127.0.0.1:{TARGET}")

    def socat(self, port):
        return shutil.which("socat") and self.start(
            "socat", f"TCP-LISTEN:{port},fork,backlog={BACKLOG},bind=127.0.0.1", f"TCP:127.0.0.1:{TARGET}")

    def haproxy(self, port):
        if not shutil.which("haproxy"):
            return False
        pathlib.Path("/run/haproxy.cfg").write_text(
            HAPROXY.format(port=port, space=SPACE, backlog=BACKLOG, target=TARGET))
        self.start("haproxy", "-db", "-f", "/run/haproxy.cfg")
        return wh.wait_until(lambda: wh.run("ss", "-Hlnt", f"sport = :{port}", ns=SPACE).stdout)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def ask(ns, *command):
    return json.loads(wh.run(*command, ns=ns, timeout=60, check=False).stdout)


def bulk(relays, name):
    """Gbit/s of one stream."""
    ns, address, port = relays.ends[name]
    for _ in range(20):
        answer = ask(ns, "iperf3", "-J", "-c", address, "-p", port, "-t", relays.tools.seconds)
        if "sum_received" in answer["end"]:
            return answer["end"]["sum_received"]["bits_per_second"] / 1e9
        time.sleep(0.1)  # the server is busy until the last relay has told it of the end
    raise RuntimeError(f"{name}: {answer.get('error')}")


def connections(relays, name):
    """New connections a second, each to its first byte."""
    seconds = min(relays.tools.seconds, 1) if name == "socat" else relays.tools.seconds
    ns, address, port = relays.ends[name]
    return ask(ns, relays.tools.connections, "connect", address, port, seconds)["per_second"]


def latency(relays, name):
    """p99 in µs of a question of 200 bytes and its answer."""
    ns, address, port = relays.ends[name]
    return ask(ns, relays.tools.latency, "ask", address, port, 2_000)["p99"]


def measure(relays, server, body, turns):
    """{relay: its values, one a turn}; each turn in another order."""
    values = {name: [] for name in relays.ends}
    process = relays.start(*server)
    wh.wait_until(lambda: wh.run("ss", "-Hlnt", f"sport = :{TARGET}").stdout)
    for turn in range(turns):
        names = list(relays.ends)
        random.Random(turn).shuffle(names)
        for name in names:
            values[name].append(body(relays, name))
            time.sleep(0.05)
        print(f"... {body.__name__} {turn + 1}/{turns}", file=sys.stderr, flush=True)
    process.kill()
    process.wait()
    return values


def ratio(values, above, below):
    return statistics.median(a / b for a, b in zip(values[above], values[below])) if below in values else None


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def memory(tools, spaces=1000, services=3):
    """RSS of a warrend with that many spaces and services, and bytes a listener, its own and the kernel's."""
    with open("/run/spaces.toml", "w") as file:
        file.writelines(f"[space.s{index}]\n" for index in range(spaces))
    wh.warren("apply", "/run/spaces.toml", timeout=300)
    process = wh.start(tools.warrend, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        before, slab = resident(process.pid), kernel_memory()
        for index in range(services):
            wh.warren("service", "add", f"m{index}", 9000 + index, "--to", f"127.0.0.1:{TARGET}", "--mode", "proxy")
        listeners = spaces * services * 2
        wh.wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) >= listeners, 30)
        time.sleep(0.5)
        after = resident(process.pid)
        return {"rss": after, "bytes": (after - before) * 2**20 / listeners,
                "kernel": (kernel_memory() - slab) * 1024 / listeners}
    finally:
        process.kill()
        process.wait()


def kernel_memory():
    """KiB in the kernel's slabs."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Slab:"))


def inside(options):
    tools = options
    relays = Relays(tools)
    turns = 3 if tools.quick else tools.turns
    try:
        result = {
            "bulk": measure(relays, ("iperf3", "-s", "-p", TARGET), bulk, turns),
            "connections": measure(relays, (tools.connections, "serve", TARGET), connections, turns),
            "latency": measure(relays, (tools.latency, "serve", TARGET), latency, 5 * turns),
        }
    finally:
        relays.stop()
    for name in "bench", "bench-nat":
        wh.warren("service", "rm", name)
    result["memory"] = memory(tools, *(() if not tools.quick else (100,)))
    return result


UNITS = {"bulk": "Gbit/s", "connections": "new connections a second", "latency": "µs p99"}


def bars(result):
    """(figure, measured, ">=" or "<=", bar) of each; measured is None where what it is compared with is not installed."""
    return [("proxy: bulk over systemd-socket-proxyd", ratio(result["bulk"], "warrend", "socket-proxyd"), ">=", 1.2),
            ("proxy: new connections over HAProxy", ratio(result["connections"], "warrend", "haproxy"), ">=", 1.0),
            ("proxy: p99 latency over HAProxy", ratio(result["latency"], "warrend", "haproxy"), "<=", 1.0),
            ("nat: bulk over the space's direct connection", ratio(result["bulk"], "nat", "veth"), ">=", 0.95),
            ("nat: new connections over the space's direct ones", ratio(result["connections"], "nat", "veth"), ">=", 0.95),
            ("warrend's RSS with 1,000 spaces x 3 services, MiB", result["memory"]["rss"], "<=", 30)]


def is_met(value, sign, bar):
    return value is not None and (value >= bar if sign == ">=" else value <= bar)


def medians(result):
    """("bulk, Gbit/s", {relay: median}) of each."""
    for what, unit in UNITS.items():
        yield f"{what}, {unit}", {name: statistics.median(values) for name, values in result[what].items()}


def memory_text(result):
    memory_used = result["memory"]
    return f"{memory_used['bytes']:.0f} bytes of warrend's own, {memory_used['kernel']:.0f} of the kernel's"


def cell(value):
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def report(result):
    """Prints the tables; gives whether all bars are met."""
    names = list(result["bulk"])
    print("| | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    for what, values in medians(result):
        print(f"| {what} | " + " | ".join(cell(values[name]) for name in names) + " |")
    print("\n| figure | bar | measured | ok |\n| --- | --- | --- | --- |")
    for name, value, sign, bar in bars(result):
        good = "yes" if is_met(value, sign, bar) else "NO"
        print(f"| {name} | {sign} {bar} | {'-' if value is None else f'{value:.2f}'} | {good} |")
    print(f"\nA listener: {memory_text(result)}.")
    return all(is_met(*rest) for _, *rest in bars(result))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    build = BENCH.parent / "build/release"
    parser.add_argument("--warrend", default=str(build / "apps/warrend/warrend"))
    parser.add_argument("--connections", default=str(build / "bench/warren-connections"))
    parser.add_argument("--latency", default=str(build / "bench/warren-proxy-latency"))
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.5, help="of one measurement")
    parser.add_argument("--quick", action="store_true", help="few turns and spaces: shows only that it runs")
    parser.add_argument("--json", action="store_true", help="print all values and no table")
    options = parser.parse_args()
    if not wh.IN_HOST:
        os.execv(wh.HOST_SH, [wh.HOST_SH, sys.executable, *sys.argv])
    result = inside(options)
    if options.json:
        print(json.dumps(result))
        return 0
    return 0 if report(result) else 1


if __name__ == "__main__":
    sys.exit(main())
