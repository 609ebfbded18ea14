# SPDX-License-Identifier: GPL-2.0-or-later
"""What a login costs with pam_warren: the figure for bench/run, and its part inside the throw-away host.

A login is PAM's part of it, by warren-logins (logins.cc): what sshd and su do besides is the same with and without."""

import json
import os
import pathlib
import statistics
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent
sys.path.append(str(BENCH.parent / "tests/lib"))

import pamhost  # noqa: E402

SERVICES = pathlib.Path("/run/bench.pam.d")
FIRST_UID = 5000
KINDS = ("without", "warren", "usernet", "pam_exec")  # "usernet": of Debian's libpam-net

median = statistics.median


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


# ---- inside the host ------------------------------------------------------------------------------------------------

def service_lines(warren, module):
    line = f"session required {module} helper={warren} timeout=60s"
    return {"without": "", "warren": line, "create": f"{line} create",
            "usernet": "session required pam_usernet.so",
            "pam_exec": f"session required pam_exec.so {BENCH}/peers/login.sh"}


def add_users(names):
    with open("/etc/passwd", "a") as users:
        users.writelines(f"{name}:x:{FIRST_UID + i}:{FIRST_UID}::/:/bin/sh\n" for i, name in enumerate(names))
    with open("/etc/group", "a") as groups:
        groups.write(f"usernet:x:{FIRST_UID}:{','.join(names)}\n")
    for name in names:
        os.makedirs(f"/etc/netns/{name}")  # pam_usernet refuses a user whose folder is missing


class Logins:
    """Users space1 to spaceN, and a PAM service for each way in."""

    def __init__(self, warren, tools, count):
        self.program, self.warren = f"{tools}/warren-logins", warren
        modules = list(pathlib.Path(warren).parents[1].glob("**/pam_warren.so"))
        if not modules:
            raise RuntimeError("no pam_warren.so is installed beside warren")
        pamhost.private_dev()
        self.syslog = pamhost.Syslog()
        add_users([f"space{number}" for number in range(1, count + 1)])
        SERVICES.mkdir()
        for service, line in service_lines(warren, modules[0]).items():
            (SERVICES / service).write_text(f"session required pam_permit.so\n{line}\n")

    def times(self, rounds, *pairs):
        """Seconds of each login, a list for each (service, user)."""
        words = [self.program, str(SERVICES), str(rounds), *(word for pair in pairs for word in pair)]
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(result.stderr.strip() or f"warren-logins: exit {result.returncode}")
        return [[time / 1e9 for time in times] for times in json.loads(result.stdout)]

    def existing(self, rounds):
        """Logins of one user whose namespace is there, the same for all but the one without a module."""
        return dict(zip(KINDS, self.times(rounds, *((kind, "space1") for kind in KINDS))))

    def first(self, number, kind):
        """The first login of user `number`, who has no namespace."""
        return self.times(1, (kind, f"space{number}"))[0][0]


def forget_netns(number):
    """Takes away what a peer's first login made, for the next one to make it again."""
    subprocess.run(["ip", "netns", "del", f"space{number}"], check=True, capture_output=True)


# ---- the figure -----------------------------------------------------------------------------------------------------

def logins(bench):
    """What pam_warren adds to a login: in a space that is there, and making it, beside libpam-net and pam_exec."""
    if not bench.has_warren:
        return
    rounds, firsts = bench.counts(full=(2000, 40), quick=(50, 3))
    with bench.host() as host:
        host("logins", firsts)
        host("warren", "add", "space1")
        times = host("login_times", rounds)
    plain = times.pop("without")
    added = {kind: [one - other for one, other in zip(times[kind], plain)] for kind in times}
    rare = {kind: percentile(times, 0.99) for kind, times in added.items()}
    usual = {kind: f"p50 {median(times) * 1e3:.3f} ms" for kind, times in added.items()}
    bench.row(f"login in a space that is there, p99 of what is added, {rounds} logins", "<= 0.5 ms",
              f"{rare['warren'] * 1e3:.3f} ms", rare["warren"] <= 0.5e-3, usual["warren"])
    for kind in ("usernet", "pam_exec"):
        bench.note(f"the same by {kind}, p99", f"{rare[kind] * 1e3:.3f} ms, {usual[kind]}")
    first_logins(bench, firsts)


def first_logins(bench, count):
    """The first login of a new user, against `warren up` of a space that was taken down, in turns."""
    created, ups, peers = [], [], {"usernet": [], "pam_exec": []}
    with bench.host() as host, bench.host() as other:
        host("logins", count)
        other("logins", count)
        other("setup", "script")
        host("warren", "add", "plain")
        for number in range(1, count + 1):
            host("warren", "down", "plain")
            ups.append(host("warren", "up", "plain"))
            created.append(host("first_login", number, "create"))
            for kind in peers:
                peers[kind].append(other("first_login", number, kind))
                other("forget_netns", number)
    bench.ratio("first login of a user, which makes the space, of `up` of one space", 3, created, ups)
    for kind, times in peers.items():
        bench.note(f"the same by {kind}", f"{median(times) * 1e3:.1f} ms")
