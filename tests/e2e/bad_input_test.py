# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input, and a host that refuses: one line that names the value and the remedy, and nothing is changed."""

import contextlib
import pathlib
import shutil
import sqlite3
import sys
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402

FAILED, USAGE = 1, 2
STORE = hoststate.STORE / "warren.db"
CONFIG = pathlib.Path("/etc/warren/warren.toml")
INPUT = pathlib.Path("/run/input.toml")


class Case(NamedTuple):
    """Arguments of warren, the exit code, and patterns that its one line must have."""
    args: tuple
    code: int
    says: tuple


def usage(args, *says):
    return Case(tuple(args), USAGE, says)


def failed(args, *says):
    return Case(tuple(args), FAILED, says)


LONG = "n" * 33
REMEDY = "1 to 32 letters"  # of a bad name
NAMES = [usage(("add", "--", name), shown, REMEDY) for name, shown in (
    ("", "''"), (LONG, LONG), ("../x", r"'\.\./x'"), ("a b", "'a b'"), ("-x", "'-x'"), ("pächter", "pächter"),
    ("7up", "7up"), ("a/b", "a/b"), ("a\nb", r"a\\x0ab"), ("x" * 5000, r"xxx\.\.\."), (".", r"'\.'"), ("a;b", "a;b"))]
OF_NAMES = [usage((*command, "../x"), r"'\.\./x'", REMEDY) for command in (
    ("show",), ("rm",), ("down",), ("up",), ("pids",), ("port", "ls"), ("shell",), ("plan",))]
OF_NAMES += [failed((*command, "nobody"), "'nobody'", "warren") for command in (
    ("show",), ("rm",), ("down",), ("up",), ("pids",), ("port", "ls"), ("shell",), ("plan",), ("explain",))]
OF_NAMES += [
    failed(("exec", "nobody", "--", "true"), "'nobody'", "warren ls"),
    failed(("port", "add", "nobody", "80"), "'nobody'", "warren ls"),
    failed(("port", "rm", "nobody", "80"), "'nobody'", "warren ls"),
    failed(("rm", "web1", "nobody"), "'nobody'", "warren ls"),
    failed(("add", "web1"), "'web1'"),
    failed(("add", "outside"), "'outside'", "choose another name"),
    failed(("adopt", "web1", "--pid", "1"), "'web1'", "warren down web1"),
]

PORTS = [usage(("add", "new", "-p", spec), says) for spec, says in (
    ("0", "'0' is not a port: .*1 to 65535"), ("65536", "'65536'.*1 to 65535"), ("80-79", "'80-79'.*79-80"), ("", "''"),
    ("x", "'x'"), ("1e3", "'1e3'"), ("+80", r"'\+80'"), ("80:", "'80:'"), (":80", "':80'"), ("8 0", "'8 0'"),
    ("6000:8080/sctp", "sctp.*tcp, udp or both"), ("1:2:3:4", "1:2:3:4"), ("8000-8099:9000-9099",
    "8000-8099:9000-9099"),
    ("300.1.1.1:80:80", "300.1.1.1"), ("[2001:db8::10:80:80", r"\[ADDR\]:PORT:PORT"), ("[::1]:80:80", r"\[::1\]"),
    ("0.0.0.0:80:80", "0.0.0.0"), ("80\n90", r"80\\x0a90"), ("9" * 5000, "999"))]
TAKEN = [
    failed(("add", "new", "-p", "6000:80"), "6000", "space web1"),
    failed(("add", "new", "-p", "5990-6010"), "5990-6010", "space web1"),
    failed(("add", "new", "-p", "8050:80"), "8050", "space web1.*8000-8099"),
    failed(("add", "new", "-p", "203.0.113.10:6000:80"), "6000", "space web1"),
    failed(("port", "add", "web1", "6000:81"), "6000", "space web1"),
    usage(("add", "new", "-p", "81:80", "-p", "81:82"), "81.*asked for twice"),
    usage(("add", "new", "-p", "81:80/both", "-p", "81:82/udp"), "81.*asked for twice"),
    usage(("add", "new", "-p", "81-90", "-p", "85:85"), "85.*asked for twice"),
    failed(("port", "rm", "web1", "9999"), "9999", "warren port ls web1"),
]
ADDRESSES = [usage(("add", "new", option, address), says) for option, address, says in (
    ("--ip4", "10.0.0.1", "10.0.0.1.*inside 100.64.0.0/16"), ("--ip4", "100.64.0.1", "100.64.0.1.*gateway"),
    ("--ip4", "100.64.0.0", "100.64.0.0.*network"), ("--ip4", "100.64.255.255", "100.64.255.255.*broadcast"),
    ("--ip4", "1.2.3", "'1.2.3'"), ("--ip4", "x\ny", r"x\\x0ay"), ("--ip6", "2001:db8::7", "2001:db8::7.*inside fd"),
    ("--ip6", "fe80::1", "fe80::1.*inside fd"), ("--ip6", "::g", "'::g'"), ("--ip6", "100.64.0.9", "--ip4"))]
ADDRESSES += [failed(("add", "new", "--ip4", "100.64.0.2"), "100.64.0.2", "space web1")]

COMMANDS = [
    usage((), "--help"), usage(("frobnicate",), "frobnicate", "--help"), usage(("--frob",), "--frob", "--help"),
    usage(("add",), "name", "warren add --help"), usage(("add", "new", "--frob"), "--frob", "warren add --help"),
    usage(("add", "new", "more"), "more", "--help"), usage(("ls", "-o", "xml"), "xml", "json"),
    usage(("port",), "--help"), usage(("port", "frob"), "--help"), usage(("port", "add", "web1"), "spec", "--help"),
    usage(("rm",), "--all"), usage(("rm", "web1", "--all"), "--all"), usage(("down",), "--all"),
    usage(("exec", "web1"), "command", "--help"), usage(("apply",), "file", "--help"),
    usage(("adopt", "new"), "--pid or --path"), usage(("adopt", "new", "--pid", "0"), "'0'"),
    usage(("adopt", "new", "--pid", "x"), "'x'"), failed(("adopt", "new", "--pid", "9999999"), "9999999"),
    failed(("adopt", "new", "--path", "/etc/passwd"), "/etc/passwd is no network namespace"),
    failed(("adopt", "new", "--path", "/nowhere"), "/nowhere"),
    usage(("identify", "x"), "'x'"), failed(("identify", "9999999"), "9999999"), failed(("identify", "1"), "1"),
    usage(("plan", "0"), "'0'.*2 to 65534"), usage(("plan", "65535"), "'65535'.*2 to 65534"),
    usage(("explain", "../x"), r"'\.\./x'"), usage(("completion", "fish"), "'fish'.*bash"),
    usage(("exec", "web1", "-u", "nosuchuser", "--", "true"), "nosuchuser"),
]

SPACES_FILES = [(text, f"{INPUT}:{says}") for text, says in (
    ("[space.a\n", "1: invalid TOML"), ("x = 1\n", "1: x: unknown key; known are: space"),
    ("[space.a]\nport = []\n", "2: space.a.port: unknown key; known are: ports"),
    ("[space.a]\nports = ['0']\n", "2: space.a.ports: .*'0'"), ("[space.a]\nports = 80\n", "2: space.a.ports: .*array"),
    ("[space.a]\nnat = 'no'\n", "2: space.a.nat: .*true or false"), ("[space.a]\nip4 = 'x'\n", "2: space.a.ip4: .*'x'"),
    ("[space.a]\nip4 = 'fd00::1'\n", "2: space.a.ip4: .*family"), ("[space.a]\nstate = 'on'\n",
    "2: space.a.state: 'on'"),
    ("[space.a]\nnumber = 1\n", "2: space.a.number: 1 "), ("[space.'../x']\n", r"1: .*\.\./x"),
    ("space = 1\n", "1: space:"),
    ("[space.a]\nnumber = 9\n[space.b]\nnumber = 9\n", "[34]: space.b.number: space a"),
    ("[space.a]\nports = ['80:80']\n[space.b]\nports = [\n'80:81']\n", "5: space.b.ports: .*space a"),
    ("[space.a]\nports = ['80:80', '80:80']\n", "2: space.a.ports: .*twice"), ("\0\1\2", "1: invalid TOML"),
    ("[space.a]\n[space.a]\n", "2: invalid TOML"), ("a" + ".a" * 10000 + " = 1", "1: invalid TOML"),
    ("\xff\xfe", "1: invalid TOML"))]
CONFIG_FILES = [(text, f"{INPUT}:{says}") for text, says in (
    ("pool = [\n", "[12]: invalid TOML"), ("pol = 'x'\n", "1: pol: unknown key; known are: pool"),
    ("pool = '10.0.0.0/8'\n", "1: pool: '10.0.0.0/8'"), ("pool = 7\n", "1: pool: must be a string"),
    ("\nula = '2001:db8::/48'\n", "2: ula: '2001:db8::/48'"), ("uplink = 'a b'\n", "1: uplink: 'a b'"),
    ("ipv6 = 'yes'\n", "1: ipv6: .*true or false"), ("host_access = 'some'\n", "1: host_access: 'some'.*services"),
    ("host_services = ['53']\n", "1: host_services: '53'.*tcp:53"), ("publish = 'never'\n", "1: publish: 'never'"),
    ("port_range = '9-1'\n", "1: port_range: .*'9-1'"), ("conntrack_per_space = -1\n", "1: conntrack_per_space: -1"))]


class BadInput(wh.HostTest):
    """web1 stands, and is what it was after each refusal."""

    maxDiff = None

    def setUp(self):
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "8000-8099")
        INPUT.unlink(missing_ok=True)

    def tearDown(self):
        INPUT.unlink(missing_ok=True)
        CONFIG.unlink(missing_ok=True)
        super().tearDown()

    def assert_refused(self, args, code, says, **options):
        """One line on stderr with all that `says` asks for, nothing else said."""
        result = wh.warren(*args, check=False, **options)
        said = f"{args}: exit {result.returncode}: {result.stderr}"
        self.assertEqual(result.returncode, code, said)
        self.assertEqual(result.stdout, "", said)
        self.assertRegex(result.stderr, r"\Awarren: [^\n]+\n\Z", said)
        self.assertLess(len(result.stderr), 400, said)
        for pattern in says:
            self.assertRegex(result.stderr, pattern)

    @contextlib.contextmanager
    def unchanged(self):
        store, kernel = hoststate.store_bytes(), hoststate.kernel()
        yield
        self.assertTrue(store == hoststate.store_bytes(), "the store was written")
        self.assertEqual(hoststate.difference(kernel, hoststate.kernel()), {})

    def go_through(self, cases):
        for case in cases:
            with self.subTest(case.args), self.unchanged():
                self.assert_refused(*case)

    def refuse_writes(self, *says, code=FAILED):
        """What a host or store that refuses must do to all commands that write."""
        INPUT.write_text("[space.new]\n")
        for args in (("add", "new"), ("apply", INPUT), ("rm", "web1"), ("down", "web1"), ("port", "add", "web1", "81"),
                     ("port", "rm", "web1", "6000")):
            with self.subTest(args):
                self.assert_refused(args, code, says)


class Arguments(BadInput):
    def test_names(self):
        self.go_through(NAMES + OF_NAMES)

    def test_ports(self):
        self.go_through(PORTS + TAKEN)

    def test_addresses(self):
        self.go_through(ADDRESSES)

    def test_commands(self):
        self.go_through(COMMANDS)

    def test_port_of_a_program_of_the_host(self):
        with wh.serve(wh.HOST, 2222):
            self.go_through([failed(("add", "new", "-p", "2222:22"), "2222", "PID"),
                             failed(("port", "add", "web1", "2222:22"), "2222", "PID")])


class Files(BadInput):
    def test_spaces_files(self):
        for text, says in SPACES_FILES:
            INPUT.write_text(text, encoding="latin-1")
            with self.subTest(text[:40]), self.unchanged():
                self.assert_refused(("apply", INPUT), USAGE, (says,))

    def test_config_files(self):
        for text, says in CONFIG_FILES:
            INPUT.write_text(text)
            for command in ("ls",), ("add", "new"), ("check",):
                with self.subTest(text[:40], command=command), self.unchanged():
                    self.assert_refused(("--config", INPUT, *command), USAGE, (says,))

    def test_not_a_file(self):
        self.go_through([usage(("apply", "/nowhere"), "/nowhere.*no such file"),
                         usage(("apply", "/etc"), "/etc.*directory.*name a file"),
                         usage(("--config", "/nowhere", "ls"), "/nowhere.*no such file"),
                         usage(("--config", "/etc", "ls"), "/etc.*directory.*name a file")])

    def test_standard_input(self):
        with self.unchanged():
            self.assert_refused(("apply", "-"), USAGE, ("standard input:1: x: unknown key",), input="x = 1\n")

    def test_huge_file(self):
        line = "# " + "x" * 1021 + "\n"
        with open(INPUT, "w") as file:
            for _ in range(100):
                file.write(line * 1024)
        self.go_through([usage(("apply", INPUT), "is over .* MiB"), usage(("apply", "/dev/zero"), "is over .* MiB"),
                         usage(("--config", INPUT, "ls"), "is over .* MiB")])

    def test_one_bad_space_spoils_the_file(self):
        """What only the store can tell: the others in the file are not made either."""
        INPUT.write_text("[space.good]\n[space.bad]\nports = ['6000:80']\n")
        with self.unchanged():
            self.assert_refused(("apply", INPUT), FAILED, ("space bad", "6000", "web1"))
        INPUT.write_text("[space.good]\n[space.bad]\nip4 = '10.0.0.1'\n")
        with self.unchanged():
            self.assert_refused(("apply", INPUT), USAGE, ("space bad", "10.0.0.1"))


class Stores(BadInput):
    def setUp(self):
        super().setUp()
        self.kept = hoststate.keep_store()

    def tearDown(self):
        if STORE.is_dir():
            STORE.rmdir()
        hoststate.restore_store(self.kept)
        super().tearDown()

    def refuse_reading(self, *says):
        for command in ("ls",), ("export",), ("check",), ("up",), ("rm", "--all"):
            with self.subTest(command):
                self.assert_refused(command, FAILED, says)

    def refuse_all(self, *says):
        kernel = hoststate.kernel()
        self.refuse_reading(*says)
        self.refuse_writes(*says)
        self.assertEqual(hoststate.difference(kernel, hoststate.kernel()), {})

    def replace(self, content):
        hoststate.restore_store({"warren.db": content})

    def test_newer_version(self):
        with contextlib.closing(sqlite3.connect(STORE)) as store:
            store.execute("PRAGMA user_version = 99")
        with self.unchanged():
            self.refuse_all(str(STORE), "newer warren", "99", "upgrade warren")

    def test_of_another_program(self):
        self.replace(b"")
        with contextlib.closing(sqlite3.connect(STORE)) as store:
            store.execute("CREATE TABLE t(x)")
            store.commit()
        self.refuse_all(str(STORE), "another program", "move it away")

    def test_garbage(self):
        self.replace(b"This is no database, but long enough to be one.\n" * 1000)
        self.refuse_all(str(STORE), "damaged", "move .* away")

    def test_truncated(self):
        with contextlib.closing(sqlite3.connect(STORE)) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.replace(STORE.read_bytes()[:20000])
        self.refuse_all(str(STORE), "damaged", "move .* away")

    def test_impossible_values(self):
        with contextlib.closing(sqlite3.connect(STORE)) as store:
            store.execute("UPDATE space SET name = '../../etc'")
            store.commit()
        with self.unchanged():
            self.refuse_reading(str(STORE), "damaged", "move .* away")

    def test_directory(self):
        self.replace(b"")
        STORE.unlink()
        STORE.mkdir()
        self.refuse_writes(str(STORE), "directory", "move it away")


class Hosts(BadInput):
    def test_not_root(self):
        shutil.copy(wh.WARREN, "/run/warren-for-all")
        for args in (("ls",), ("add", "new"), ("rm", "web1"), ("exec", "web1", "--", "id"), ("check",), ("export",),
                     ("up",), ("apply", "/dev/null"), ("doctor",), ("monitor",), ("explain", "web1"), ("plan", "7")):
            with self.subTest(args), self.unchanged():
                result = wh.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/run/warren-for-all",
                                *args, check=False)
                self.assertEqual((result.returncode, result.stdout), (FAILED, ""))
                self.assertRegex(result.stderr, r"\Awarren: .*needs root.*\n\Z")

    def test_no_uplink(self):
        wh.run("sh", "-c", "ip -4 route del default; ip -6 route del default")
        try:
            INPUT.write_text("[space.new]\n")
            self.go_through([failed(("add", "new"), "no uplink", "default route"),
                             failed(("apply", INPUT), "no uplink", "default route")])
        finally:
            wh.run("sh", "-c", f"ip route add default via {wh.OUTSIDE4}; ip -6 route add default via {wh.OUTSIDE6}")

    def test_uplink_that_does_not_exist(self):
        INPUT.write_text('uplink = "nope0"\n')
        self.go_through([failed(("--config", INPUT, "add", "new"), "'nope0' does not exist", "uplink"),
                         failed(("--config", INPUT, "up"), "'nope0' does not exist", "uplink")])

    def test_no_ipv6(self):
        setting = pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
        wh.warren("rm", "web1")  # its IPv6 would go with the setting
        setting.write_text("1")
        try:
            self.go_through([failed(("add", "new"), "IPv6 is off", "ipv6 = false")])
            INPUT.write_text("ipv6 = false\n")
            made = wh.warren("--config", INPUT, "add", "new", json=True)
            self.assertIsNone(made["ipv6"])
            self.assertEqual(wh.warren("--config", INPUT, "check", check=False).returncode, 0)
            self.go_through([usage(("--config", INPUT, "add", "new2", "--ip6", "fd00::7"), "fd00::7", "IPv6 is off")])
            wh.warren("--config", INPUT, "rm", "new")
        finally:
            setting.write_text("0")
            wh.run("sh", "-c", f"ip -6 addr add {wh.UPLINK6}/64 dev uplink nodad; "
                               f"ip -6 route replace default via {wh.OUTSIDE6} dev uplink")

    @contextlib.contextmanager
    def small_disk(self):
        """The store on a file system of its own."""
        kept = hoststate.keep_store()
        wh.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", hoststate.STORE)
        hoststate.restore_store(kept)
        try:
            yield
        finally:
            wh.run("umount", "-l", hoststate.STORE)

    def test_full_disk(self):
        with self.small_disk():
            with contextlib.suppress(OSError), open(hoststate.STORE / "ballast", "wb") as file:
                while file.write(bytes(4096)):
                    file.flush()
            INPUT.write_text("".join(f"[space.s{n}]\nports = ['{n + 9000}:80']\n" for n in range(500)))
            before = hoststate.everything()
            self.assert_refused(("apply", INPUT), FAILED, ("warren.db", "disk is full", "nothing was changed"))
            self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
            self.fill_log()
            self.assertEqual(wh.warren("check").returncode, 0)

    def fill_log(self):
        """Small changes until the log needs space: it must be said, and the change not be made."""
        for port in range(9000, 9200):
            before = hoststate.everything()
            if wh.warren("port", "add", "web1", f"{port}:80", check=False).returncode:
                self.assert_refused(("port", "add", "web1", f"{port}:80"), FAILED, ("disk is full", "free some space"))
                self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
                return
        self.fail("the disk never was full")

    def test_read_only_store(self):
        with self.small_disk():
            wh.run("mount", "-o", "remount,ro", hoststate.STORE)
            with self.unchanged():
                self.refuse_writes(r"warren\.db", "read-only|Read-only")
            self.assertIn("web1", wh.warren("export").stdout)
            self.assertEqual(wh.warren("ls", json=True)[0]["name"], "web1")


if __name__ == "__main__":
    wh.main()
