# SPDX-License-Identifier: GPL-2.0-or-later
"""What services cost, by bench/proxy.py, as figures of bench/run."""

import json
import os
import pathlib
import subprocess
import sys

import proxy
from hosts import Failed

PROXY = pathlib.Path(__file__).resolve().parent / "proxy.py"


def relays(bench):
    """Services: bulk, new connections, latency and memory, beside what people use to relay TCP."""
    tools = bench.tools
    if not bench.has_warren:
        return
    command = [sys.executable, PROXY, "--json", "--warrend", tools.warren.with_name("warrend"),
               "--connections", tools.bench / "warren-connections", "--latency", tools.bench / "warren-proxy-latency"]
    done = subprocess.run([*command, *(["--quick"] if bench.quick else [])], stdout=subprocess.PIPE, check=False,
                          env={**os.environ, "WARREN": str(tools.warren)})
    if done.returncode:
        raise Failed(f"bench/proxy.py: exit code {done.returncode}")
    result = json.loads(done.stdout)
    for name, value, sign, bar in proxy.bars(result):
        bench.row(name, f"{sign} {bar}", "-" if value is None else f"{value:.2f}", proxy.is_met(value, sign, bar))
    for what, values in proxy.medians(result):
        bench.note(f"services, {what}", ", ".join(f"{name} {proxy.cell(value)}" for name, value in values.items()))
    bench.note("a listener of warrend", proxy.memory_text(result))
