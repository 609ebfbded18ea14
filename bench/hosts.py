# SPDX-License-Identifier: GPL-2.0-or-later
"""Throw-away hosts with a worker in each, as bench/run uses them."""

import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile

BENCH = pathlib.Path(__file__).resolve().parent
HOST_SH = str(BENCH.parent / "tests/lib/host.sh")
PATIENCE = 300  # seconds for one request


class Failed(Exception):
    """A measurement that could not be made; its text says why."""


class Tools:
    """The programs that are measured and measured with, from one build directory."""

    def __init__(self, build):
        build = pathlib.Path(build).resolve()
        self.bench = build / "bench"
        # As users have it: what the linker has just written is read from the page cache in smaller pieces.
        self.prefix = tempfile.TemporaryDirectory(prefix="warren-bench-")
        subprocess.run(["cmake", "--install", build, "--prefix", self.prefix.name, "--strip"], check=True,
                       stdout=subprocess.DEVNULL)
        self.warren = pathlib.Path(self.prefix.name) / "sbin/warren"

    def host(self):
        return Host(self)


class Host:
    """A fresh throw-away host: `with tools.host() as host: host("add", "warren", 1)` calls the method of its worker."""

    def __init__(self, tools):
        self.tools = tools
        worker = [HOST_SH, sys.executable, str(BENCH / "worker.py"), str(tools.warren), str(tools.bench)]
        self.process = subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed("the throw-away host ended") from None
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.process.kill()  # and with it all that runs in the host
            raise Failed(f"no end within {PATIENCE} s: {' '.join(map(str, request))}")
        line = self.process.stdout.readline()
        if not line:
            raise Failed("the throw-away host ended")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["value"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        # What the kernel has still to take apart must not be paid by the next measurement.
        subprocess.run([HOST_SH, str(self.tools.bench / "warren-floor"), "--settle"], stdout=subprocess.DEVNULL, check=True)
