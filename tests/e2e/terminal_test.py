# SPDX-License-Identifier: GPL-2.0-or-later
"""warren run at a terminal: the guest has one of its own, and neither can hold up or touch the other."""

import contextlib
import fcntl
import os
import pathlib
import signal
import struct
import sys
import tempfile
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402

PYTHON = "/usr/bin/python3"


class AtTerminal(wh.HostTest):
    def setUp(self):
        wh.warren("add", "web1")

    def start(self, text, *options, redirect=""):
        operator = guests.Operator("web1", *options, "--", "sh", "-c", text, redirect=redirect)
        self.addCleanup(operator.close)
        return operator


class Own(AtTerminal):
    def test_its_own(self):
        operator = self.start("tty; stty size; ps -o tty= -p $$; exit 4")
        self.assertEqual(operator.ended(), 4)
        while operator.read(5):
            continue
        self.assertEqual(operator.said.decode().split(), ["/dev/pts/0", "33", "77", "pts/0"])

    def test_keys(self):
        operator = self.start("trap 'echo INT; exit 6' INT; echo ready; while :; do sleep 0.05; done")
        self.assertTrue(operator.sees("ready"))
        operator.type(b"\x03")
        self.assertTrue(operator.sees("INT"))
        self.assertEqual(operator.ended(), 6)
        operator = self.start("echo ready; read line; echo got $line")
        self.assertTrue(operator.sees("ready"))
        operator.type(b"typed\r")
        self.assertTrue(operator.sees("got typed"))
        self.assertEqual(operator.ended(), 0)
        self.assertTrue(operator.flags() & termios.ICANON)  # as it was

    def test_size_that_changes(self):
        operator = self.start("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
        self.assertTrue(operator.sees("ready"))
        fcntl.ioctl(operator.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 88, 0, 0))
        self.assertTrue(operator.sees("44 88"))

    def test_all_that_was_written_last_is_shown(self):
        operator = self.start("seq 40000; printf last")
        self.assertTrue(operator.sees("40000\r\nlast"))
        self.assertEqual(operator.ended(), 0)

    def test_a_guest_that_closes_its_terminal_can_be_ended(self):
        operator = self.start("echo ready; exec </dev/null >/dev/null 2>&1; sleep 1000")
        self.assertTrue(operator.sees("ready"))
        operator.type(b"\x03")
        self.assertEqual(operator.ended(), 130)

    def test_a_guest_that_opens_its_terminal_again(self):
        operator = self.start("t=$(tty); echo one; exec </dev/null >/dev/null 2>&1; sleep 0.3; echo two >$t; sleep 0.1; "
                              "exec <$t >$t; echo three; read line; echo got $line; exit 7")
        self.assertTrue(operator.sees("three"))
        operator.type(b"typed\r")
        self.assertEqual(operator.ended(), 7)
        self.assertTrue(operator.sees("got typed"))
        self.assertIn(b"two\r\n", operator.said)


class NobodyReads(AtTerminal):
    """The one end writes, and the other does not read."""

    def paste(self, operator, size, until, timeout=None):
        """Types as much while it reads what comes, until that text has come."""
        os.set_blocking(operator.terminal, False)

        def go_on():
            nonlocal size
            with contextlib.suppress(BlockingIOError):
                size -= os.write(operator.terminal, b"x" * min(size, 4096)) if size else 0
            operator.read(0)
            return until.encode() in operator.said
        return wh.wait_until(go_on, timeout, 0.001)

    def test_both_at_once(self):
        operator = self.start("stty raw -echo; echo ready; sleep 0.5; head -c 300000 /dev/zero | tr '\\0' a; "
                              "head -c 30000 >/dev/null; echo END")
        self.assertTrue(operator.sees("ready"))
        self.assertTrue(self.paste(operator, 30000, "END"), f"only {len(operator.said)} bytes came")
        self.assertEqual(operator.ended(), 0)

    def test_a_guest_that_never_reads_hears_of_signals(self):
        operator = self.start("stty raw -echo; echo ready; sleep 1000")
        self.assertTrue(operator.sees("ready"))
        self.assertFalse(self.paste(operator, 300000, "no such", wh.SILENCE))
        os.kill(operator.pid, signal.SIGTERM)
        self.assertEqual(operator.ended(), 143)

    def test_an_operator_who_never_reads(self):
        operator = self.start("yes")
        time.sleep(wh.SILENCE)  # until it is stuck, or is not: both must do
        os.kill(operator.pid, signal.SIGTERM)
        pid = wh.wait_until(lambda: os.waitpid(operator.pid, os.WNOHANG)[0], wh.SILENCE)
        if not pid:  # what was written last may wait to be read: who sends another signal waits no longer
            os.kill(operator.pid, signal.SIGTERM)
            pid = wh.wait_until(lambda: os.waitpid(operator.pid, os.WNOHANG)[0])
        operator.status = "ended", 143
        self.assertTrue(pid)

    def test_escape(self):
        operator = self.start("trap '' INT TERM; stty raw -echo; echo ready; exec sleep 1000")
        self.assertTrue(operator.sees("ready"))
        operator.type(b"\x1d\x1dx\x1d")
        self.assertIsNone(operator.ended(wh.SILENCE))
        operator.type(b"\x1d\x1d\x1d")
        self.assertEqual(operator.ended(), 137)


# Says what a guest has at its standard streams, and whether it can do something to the caller's terminal.
STREAMS = """
import json, os, sys
print(json.dumps([os.ttyname(fd) if os.isatty(fd) else None for fd in range(3)] + [os.open("/dev/tty", os.O_RDWR)]),
      file=open(sys.argv[1], "w"))
"""


class Redirected(AtTerminal):
    """Only some of the three are a terminal: no program of the guest holds the caller's."""

    def setUp(self):
        super().setUp()
        self.shared = self.enterContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        os.chmod(self.shared, 0o777)

    def test_each(self):
        for redirect in "", "<F", ">F", "2>F", "<F >F", "<F 2>F", ">F 2>F":
            with self.subTest(redirect):
                operator = guests.Operator("web1", "--", PYTHON, "-c", STREAMS, f"{self.shared}/said",
                                    redirect=redirect.replace("F", f"{self.shared}/other").replace("<", "<>"))
                self.addCleanup(operator.close)
                self.assertEqual(operator.ended(), 0, operator.said)
                wanted = [None if sign in redirect.split("F") or f" {sign}" in redirect.split("F") else "/dev/pts/0"
                          for sign in ("<", ">", "2>")]
                self.assertEqual(pathlib.Path(f"{self.shared}/said").read_text(), f"{wanted}\n".replace("None", "null")
                                 .replace("'", '"').replace("]", ", 3]"))

    def test_it_cannot_change_the_callers(self):
        operator = self.start("stty raw -echo <&2; echo ready >&2; sleep 1000", redirect=f"</dev/null >{self.shared}/out")
        self.assertTrue(operator.sees("ready"))
        self.assertEqual(operator.flags() & (termios.ICANON | termios.ECHO), termios.ICANON | termios.ECHO)

    def test_keys_are_its_own_once_it_reads(self):
        os.environ["GO"] = f"{self.shared}/go"
        operator = self.start("echo ready >&2; until [ -e $GO ]; do sleep 0.02; done; read line; "
                              "stty -echo; read secret; echo got $line $secret >&2; exit 5",
                              redirect=f">{self.shared}/out")
        self.assertTrue(operator.sees("ready"))
        self.assertTrue(operator.flags() & termios.ICANON)
        pathlib.Path(f"{self.shared}/go").touch()
        self.assertTrue(wh.wait_until(lambda: not operator.flags() & termios.ICANON))
        operator.type(b"typed\rhidden\r")
        self.assertTrue(operator.sees("got typed hidden"), operator.said)
        self.assertEqual(operator.ended(), 5)
        self.assertTrue(operator.flags() & termios.ICANON)

    def test_keys_are_a_pagers_while_it_does_not_read(self):
        operator = self.start("echo ready >&2; exec yes", redirect="| (read x </dev/tty; echo pager got $x; sleep 1000)")
        self.assertTrue(operator.sees("ready"))
        operator.type(b"typed\r")
        self.assertTrue(operator.sees("pager got typed"))
        self.assertTrue(operator.flags() & termios.ICANON)

    def test_interrupt_arrives_once(self):
        count = ("import signal, time\nhits = 0\ndef hit(*_):\n global hits\n hits += 1\nsignal.signal(signal.SIGINT, hit)\n"
                 "print('ready', flush=True)\nwhile not hits: time.sleep(.01)\ntime.sleep(.3)\nprint('hits', hits)")
        operator = guests.Operator("web1", "--", PYTHON, "-c", count, redirect="</dev/null 2>/dev/null")
        self.addCleanup(operator.close)
        self.assertTrue(operator.sees("ready"))
        operator.type(b"\x03")
        self.assertTrue(operator.sees("hits 1"), operator.said)


if __name__ == "__main__":
    wh.main()
