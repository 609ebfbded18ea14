# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements of bench/run. Each takes the Bench and adds rows to its table; times are in seconds.

Whatever is compared is measured in turns, and a ratio is the median of the ratios of each turn, so that a machine
that is slow for a while is slow for both sides."""

import contextlib
import statistics

from hosts import Failed
from logins import logins
from relays import relays

median = statistics.median


def paired(above, below):
    return median(a / b for a, b in zip(above, below))


def milliseconds(seconds):
    return f"{seconds * 1e3:.1f} ms"


def single_adds(bench):
    """One more space, at 50 and at 200 of them: all competitors in turns, each in a host of its own."""
    kinds = ["script", "lean", "netavark", "cni"] + (["warren"] if bench.has_warren else [])
    marks = bench.counts(full=(50, 200), quick=(5, 10))
    window = bench.counts(full=7, quick=2)
    times = {kind: {mark: [] for mark in marks} for kind in kinds}
    with contextlib.ExitStack() as stack:
        hosts = {kind: stack.enter_context(bench.host()) for kind in kinds}
        for kind in kinds:
            hosts[kind]("setup", kind)
        for number in range(1, max(marks) + window + 1):
            turn = number % len(kinds)  # nobody always comes after the same other, and finds what that left behind
            for kind in kinds[turn:] + kinds[:turn]:
                took = hosts[kind]("add", kind, number)
                for mark in marks:
                    if abs(number - mark) <= window:
                        times[kind][mark].append(took)
    bars = {"script": 8, "netavark": 10, "cni": 18}
    for mark in marks:
        for kind, share in bars.items():
            peer = milliseconds(median(times[kind][mark]))
            if not bench.has_warren:
                bench.note(f"one add at {mark} spaces, {kind}", peer)
                continue
            ratio = paired(times["warren"][mark], times[kind][mark])
            bench.row(f"one add at {mark} spaces, of {kind}'s", f"<= 1/{share}", f"1/{1 / ratio:.1f}", ratio <= 1 / share,
                      f"warren {milliseconds(median(times['warren'][mark]))}, {kind} {peer}")
        bench.note(f"one add at {mark} spaces, the script with `ip -n`", milliseconds(median(times["lean"][mark])))


def floor(bench, count, *options):
    with bench.host() as host:
        return host("floor", str(count), *options)


def bulk(bench):
    """1,000 spaces with one forward: apply, no-op up and check, rm, each against the floor of the same turn."""
    count, turns = bench.counts(full=(1000, 5), quick=(50, 2))
    floors, applies, ups, checks, removals, returns, last = [], [], [], [], [], [], []
    for _ in range(turns):
        floors.append(floor(bench, count, "--teardown"))
        last.append(floor(bench, count, "--routes-last")["create_s"])
        if not bench.has_warren:
            continue
        with bench.host() as host:
            applies.append(host("apply", count, 1))
            ups.append(median(host("warren", "up") for _ in range(3)))
            checks.append(median(host("warren", "check") for _ in range(3)))
            returns.append(host("warren", "rm", "--all", "--force"))
            removals.append(returns[-1] + host("floor", "--settle")["settle_s"])
    created, gone = [f["create_s"] for f in floors], [f["teardown_s"] for f in floors]
    bench.note(f"floor, {count} spaces", f"{median(created):.3f} s, torn down in {median(gone):.3f} s")
    bench.note(f"floor, {count} spaces, v6 host routes added last", f"{median(last):.3f} s")
    if not bench.has_warren:
        return
    bench.ratio(f"apply of {count} spaces, of the floor's", 1.3, applies, created)
    bench.ratio(f"no-op up over {count}, of creating them", 0.10, ups, applies)
    bench.ratio(f"check over {count}, of creating them", 0.10, checks, applies)
    bench.ratio(f"rm of {count} until the kernel is done, of the floor's", 1.5, removals, gone,
                f", warren returns after {median(returns):.3f} s")


def hoster(bench):
    """32 forwards a space: apply of 1,000, and the 1,001st add against the first."""
    if not bench.has_warren:
        return
    count, turns, adds = bench.counts(full=(1000, 3, 7), quick=(50, 2, 3))
    created, applies, firsts, lasts = [], [], [], []

    def add_and_remove(host, number):
        took = host("add", "warren", number, 32)
        host("warren", "rm", f"space{number}", "--force")
        return took

    for _ in range(turns):
        created.append(floor(bench, count)["create_s"])
        with bench.host() as full, bench.host() as empty:
            applies.append(full("apply", count, 32))
            empty("add", "warren", count + 2, 1)  # so that neither pays for the table and the first space
            for _ in range(adds):
                lasts.append(add_and_remove(full, count + 1))
                firsts.append(add_and_remove(empty, count + 1))
    bench.ratio(f"apply of {count} x 32 forwards, of the floor's {count} spaces", 1.6, applies, created)
    bench.ratio(f"add with 32 forwards as number {count + 1}, of the first", 1.5, lasts, firsts)


def hoster_peers(bench):
    """32 forwards a space by the others, at the 50th: takes minutes."""
    marks = bench.counts(full=50, quick=3)
    for kind in ("netavark", "cni", "script"):
        with bench.host() as host:
            host("setup", kind)
            times = [host("add", kind, number, 32) for number in range(1, marks + 1)]
        bench.note(f"32 forwards, space {marks} by {kind}", f"{median(times[-3:]):.3f} s (the first {times[0]:.3f} s)")


def growth(bench):
    """What a space costs among many, over what it costs among few."""
    few, many, turns = bench.counts(full=(500, 5000, 2), quick=(50, 200, 1))

    def grown(make):
        return median((make(many) / many) / (make(few) / few) for _ in range(turns))

    def apply(count):
        with bench.host() as host:
            return host("apply", count, 1)

    own = grown(lambda count: floor(bench, count)["create_s"])
    last = grown(lambda count: floor(bench, count, "--routes-last")["create_s"])
    bench.note(f"growth of the floor, {many} over {few}", f"{own:.2f}, with v6 host routes added last {last:.2f}")
    if bench.has_warren:
        ours = grown(apply)
        bench.row(f"time per space at {many} over at {few}, of the floor's growth", "<= 1.3", f"{ours / own:.2f}",
                  ours / own <= 1.3, f"warren {ours:.2f}, floor {own:.2f}")


def traffic(bench):
    """Throughput and new connections through one forward: with 32,000 standing, over one standing alone."""
    count, turns, seconds = bench.counts(full=(1000, 15, 1), quick=(10, 2, 1))

    def with_warren(host, spaces, forwards):
        host("apply", spaces, forwards)
        host("serve", f"space{spaces}")
        return (6000 + spaces) if forwards == 1 else 10000 + 32 * spaces

    def with_iptables(host, spaces, forwards):
        host("iptables_forwards", spaces * forwards)
        host("serve", "space1")
        return 6001

    def compare(name, prepare, bar):
        with bench.host() as one, bench.host() as many:
            ports = prepare(one, 1, 1), prepare(many, count, 32)
            for what, unit in ("throughput", "Gbit/s"), ("connections", "/s"):
                above, below = [], []
                for turn in range(turns):
                    sides = [(many, ports[1], above), (one, ports[0], below)]
                    for host, port, results in sides if turn % 2 else reversed(sides):
                        results.append(host(what, port, seconds))
                ratio = round(paired(above, below), 3)
                text = f"{median(above):,.1f} {unit} over {median(below):,.1f} {unit}"
                label = f"{what}, {32 * count} forwards over one, {name}"
                bench.row(label, f">= {bar}" if bar else "beside it", f"{ratio:.3f}", not bar or ratio >= bar, text)

    if bench.has_warren:
        compare("warren", with_warren, 0.97)
    compare("iptables", with_iptables, None)


def guests(bench):
    """`true` in user, mount, PID, UTS, IPC, cgroup and network namespaces: warren run beside bwrap."""
    if not bench.has_warren:
        return
    kinds = ["warren", "bwrap", "bwrap in one network"]
    times = {kind: [] for kind in kinds}
    with bench.host() as host:
        host("prepare_guests")
        for turn in range(bench.counts(full=200, quick=20)):
            for kind in kinds[turn % 3:] + kinds[:turn % 3]:
                times[kind].append(host("guest_time", kind))
    bench.ratio("warren run SPACE -- true, of bwrap's with the same namespaces", 1.2, times["warren"], times["bwrap"])
    bench.note("the same, of bwrap's that makes no network namespace",
               f"{paired(times['warren'], times['bwrap in one network']):.2f}")


ALL = {measure.__name__: measure for measure in (single_adds, bulk, hoster, traffic, growth, guests, logins, relays, hoster_peers)}


def run(bench, names):
    """Makes the named measurements; one that fails is a row of the table, and the next goes on."""
    for name in names:
        bench.progress(ALL[name].__doc__.split("\n")[0])
        try:
            ALL[name](bench)
        except Failed as failure:
            bench.row(name, "", "failed", False, str(failure))
