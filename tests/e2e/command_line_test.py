# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: names that are words of warren, and output that cannot be written."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402


class NamesOfCommands(wh.HostTest):
    """A space, or an owner, may be called as a command is: the first word alone is the command."""

    NAMES = "run", "exec", "a", "b", "c"

    def setUp(self):
        wh.warren("add", "first")
        for name in self.NAMES:
            wh.warren("add", name)

    def states(self):
        return {space["name"]: space["state"] for space in wh.warren("ls", json=True)}

    def test_spaces(self):
        wh.warren("down", "a", "run", "b", "c")
        self.assertEqual([name for name, state in self.states().items() if state == "up"], ["first", "exec"])
        wh.warren("up", "run", "a", "b", "c")
        self.assertEqual(set(self.states().values()), {"up"})
        wh.warren("--config", "/dev/null", "rm", "run", "a", "exec", "b", "c")
        self.assertEqual(list(self.states()), ["first"])

    def test_owners_and_maps(self):
        for name in self.NAMES:
            wh.warren("id", "allocate", name)
            wh.warren("map", "add", f"{name}.map", "--owner", name, "--both", "0:0:65536")
        wh.warren("map", "add", "run", "--owner", "a", "--both", "0:0:65536")
        wh.warren("map", "rm", "run", "a.map", "run.map", "b.map", "c.map", "exec.map")
        self.assertEqual({shown["name"] for shown in wh.warren("map", "ls", json=True)}, {"default"})
        wh.warren("rm", *self.NAMES)
        for name in self.NAMES:
            wh.warren("id", "free", name)
        wh.warren("id", "purge", "run", "a", "exec", "b", "c")
        self.assertEqual(wh.warren("id", "ls", json=True), [])

    def test_run_in_them(self):
        for command in "run", "exec":
            for space in "run", "exec":
                said = wh.warren(command, space, "echo", "run", "-u", "--", "x").stdout
                self.assertEqual(said, "run -u -- x\n")
        self.assertEqual(wh.warren("exec", "-u", "root", "run", "id", "-un").stdout, "root\n")


class Streams(wh.HostTest):
    """Standard streams that are closed, or full."""

    def setUp(self):
        wh.warren("add", "web1")

    def shell(self, text):
        return wh.run("sh", "-c", text.replace("warren", wh.WARREN, 1), input="", check=False)

    def test_errors_without_standard_error(self):
        for stream in "2>&-", "2>/dev/full", "2>&- >&- <&-":
            self.assertEqual(self.shell(f"warren show nosuch {stream}").returncode, 1)
            self.assertEqual(self.shell(f"warren run nosuch -- true {stream}").returncode, 1)
            self.assertEqual(self.shell(f"warren nosuch {stream}").returncode, 2)
            self.assertEqual(self.shell(f"warren exec web1 -- /no/such {stream}").returncode, 127)

    def test_output_that_cannot_be_written(self):
        for command in "ls", "-o json ls", "export", "completion bash", "--help":
            for stream, why in (">&-", "Bad file descriptor"), (">/dev/full", "No space left on device"):
                got = self.shell(f"warren {command} {stream}")
                self.assertEqual(got.returncode, 1, command)
                self.assertRegex(got.stderr, rf"\Awarren: standard output cannot be written(: {why})?: [^\n]+\n\Z")
        self.assertEqual(self.shell("warren rm web1 >&-").returncode, 0)  # it says nothing

    def test_nothing_takes_the_place_of_a_closed_stream(self):
        """Of `warren run` such a descriptor would go to the guest."""
        for closed in ("<&-",), ("2>&-",), ("<&-", "2>&-"):
            said = self.shell(f"warren run web1 -- sh -c 'cd /proc/self/fd && readlink *' {' '.join(closed)}").stdout
            self.assertEqual(said.count("/dev/null"), len(closed), said)
            self.assertEqual(said.count("pipe:"), 3 - len(closed), said)


if __name__ == "__main__":
    wh.main()
