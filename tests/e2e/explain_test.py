# SPDX-License-Identifier: GPL-2.0-or-later
"""`explain`: where a port leads, who listens, and what drops it."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402

LISTEN = "import socket,time; s=socket.create_server(('{}', 8080)); time.sleep(60)"


class Explain(wh.HostTest):
    def setUp(self):
        wh.warren("add", "web1", "-p", "6000:8080")

    def says(self, what, pattern):
        wh.wait_until(lambda: pattern in wh.warren("explain", what).stdout)
        self.assertIn(pattern, wh.warren("explain", what).stdout)

    def test_nothing_listens(self):
        self.says(6000, "nothing listens on tcp port 8080 inside")

    def test_loopback_only(self):
        with wh.killed_after(wh.start(sys.executable, "-c", LISTEN.format("127.0.0.1"), ns="web1")):
            self.says(6000, "listens on 127.0.0.1 only: not reachable through the forward")

    def test_reachable_and_counted(self):
        with wh.serve("web1", 8080):
            self.says(6000, "listens: reachable")
            wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000)
            self.says("web1", "1 connections came through it")

    def test_foreign_drop_is_named(self):
        wh.run("nft", "add table ip strict; add chain ip strict f { type filter hook forward priority 0; policy drop; }")
        self.addCleanup(wh.run, "nft", "delete table ip strict")
        self.says(6000, "dropped: IPv4 by table ip strict, chain f: policy drop")


if __name__ == "__main__":
    wh.main()
