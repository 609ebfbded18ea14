#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the benchmark inside a throw-away host: does what bench/run asks for, one JSON object a line, and times it."""

import json
import os
import pathlib
import subprocess
import sys
import time

BENCH = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH / "peers"), str(BENCH.parent / "tests/lib")]

import cni  # noqa: E402
import logins  # noqa: E402
import netavark  # noqa: E402
import warrenhost as wh  # noqa: E402

SCRIPT = str(BENCH / "peers/script.sh")
ANSWER = "/run/bench-answer"
SERVED = 8080  # inside a space


def forwards_of(number, count):
    """The (host port, port) pairs of space `number`, the same for all competitors."""
    if count == 1:
        return [(6000 + number, SERVED)]
    return [(10000 + 32 * number + i, SERVED + i) for i in range(count)]


def timed(*command):
    """Seconds that the whole process took, from before it is made until it is waited for; what it printed is in ANSWER."""
    output = [(os.POSIX_SPAWN_OPEN, 1, ANSWER, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=output)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter() - begin
    if status:
        text = pathlib.Path(ANSWER).read_text()[-2000:]
        raise RuntimeError(f"{' '.join(command)[:200]}: exit {os.waitstatus_to_exitcode(status)}\n{text}")
    return took


def toml(count, forwards):
    """The desired state of `count` spaces, for warren apply."""
    lines = []
    for number in range(1, count + 1):
        ports = ", ".join(f'"{outer}:{inner}"' for outer, inner in forwards_of(number, forwards))
        lines.append(f"[space.space{number}]\nports = [{ports}]\n")
    return "\n".join(lines)


class Worker:
    def __init__(self, warren, tools):
        self.warren_path, self.tools = warren, tools
        self.children = []

    # ---- one space by each competitor

    def setup(self, kind):
        if kind in ("script", "lean"):
            timed(SCRIPT, "setup")

    def add(self, kind, number, forwards=1):
        """Seconds for one more space."""
        name, pairs = f"space{number}", forwards_of(number, forwards)
        if kind in ("script", "lean"):
            os.environ["LEAN"] = "1" if kind == "lean" else ""
            return timed(SCRIPT, "add", str(number), str(forwards))
        if kind == "warren":
            ports = [word for outer, inner in pairs for word in ("-p", f"{outer}:{inner}")]
            return timed(self.warren_path, "add", name, *ports)
        begin = time.perf_counter()
        {"cni": cni, "netavark": netavark}[kind].add(name, pairs)
        return time.perf_counter() - begin

    # ---- logins by PAM

    def logins(self, count):
        self.sessions = logins.Logins(self.warren_path, self.tools, count)

    def login_times(self, rounds):
        return self.sessions.existing(rounds)

    def first_login(self, number, kind):
        return self.sessions.first(number, kind)

    def forget_netns(self, number):
        logins.forget_netns(number)

    # ---- one command in a guest's namespaces

    def prepare_guests(self):
        """A space whose network namespace belongs to its guests' user namespace."""
        for words in ("add", "space1"), ("map", "assign", "space1", "--owner", "space1"), ("down", "space1"), ("up", "space1"):
            if words[0] == "map":
                self.warren("id", "allocate", "space1")
            self.warren(*words)

    def guest_time(self, kind):
        """Seconds for `true` as a whole process: by warren run, or by bwrap with a network of its own or in the host's."""
        if kind == "warren":
            return timed(self.warren_path, "run", "space1", "--", "true")
        shared = [] if kind == "bwrap in one network" else ["--unshare-net"]
        return timed("/usr/bin/bwrap", "--unshare-user", "--unshare-pid", "--unshare-uts", "--unshare-ipc",
                     "--unshare-cgroup", *shared, "--bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true")

    # ---- warren and the floor in bulk

    def warren(self, *args):
        """Seconds for a whole warren process."""
        return timed(self.warren_path, *args)

    def apply(self, count, forwards):
        path = pathlib.Path("/run/bench.toml")
        path.write_text(toml(count, forwards))
        return timed(self.warren_path, "apply", str(path))

    def floor(self, *args):
        """What warren-floor printed."""
        timed(f"{self.tools}/warren-floor", *args)
        return json.loads(pathlib.Path(ANSWER).read_text())

    # ---- traffic from outside through a forward of the host

    def iptables_forwards(self, count):
        """One space as the script makes it, and `count` DNAT rules of which the last is its own, port 6001."""
        timed(SCRIPT, "setup")
        timed(SCRIPT, "add", "1", "1")
        rules = "".join(f"-I PREROUTING -p tcp --dport {10000 + i} -m addrtype --dst-type LOCAL "
                        f"-j DNAT --to-destination 10.200.0.6:{SERVED}\n" for i in range(count - 1))
        subprocess.run(["iptables-restore", "--noflush"], input=f"*nat\n{rules}COMMIT\n", text=True, check=True)

    def serve(self, space):
        """iperf3 and the connection server in the space, in turn at its one port."""
        self.stop()
        self.space = space

    def _server(self, *command):
        self.stop()
        self.children = [wh.start(*command, ns=self.space, stdout=subprocess.DEVNULL)]
        if not wh.wait_until(lambda: wh.run("ss", "-Hltn", f"sport = :{SERVED}", ns=self.space).stdout):
            raise RuntimeError(f"{command[0]} does not listen")

    def connections(self, port, seconds):
        """New connections per second from outside to the host's port."""
        self._server(f"{self.tools}/warren-connections", "serve", SERVED)
        result = wh.run(f"{self.tools}/warren-connections", "connect", wh.UPLINK4, port, seconds, ns=wh.OUTSIDE)
        return json.loads(result.stdout)["per_second"]

    def throughput(self, port, seconds):
        """Gbit/s from outside to the host's port."""
        self._server("iperf3", "-s", "-p", SERVED)
        result = wh.run("iperf3", "-J", "-c", wh.UPLINK4, "-p", port, "-t", seconds, ns=wh.OUTSIDE)
        return json.loads(result.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9

    def stop(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.children = []


def main():
    worker = Worker(sys.argv[1], sys.argv[2])
    for line in sys.stdin:
        name, *args = json.loads(line)
        try:
            answer = {"value": getattr(worker, name)(*args)}
        except Exception as error:  # bench/run says it, and goes on with the next figure
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    worker.stop()


if __name__ == "__main__":
    main()
