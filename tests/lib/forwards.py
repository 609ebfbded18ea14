# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of forwards have in common: spaces with servers, and trying who is reached."""

import contextlib

import warrenhost as wh

PUBLIC = wh.UPLINK4, wh.UPLINK6


class Forwards(wh.HostTest):
    def setUp(self):
        self.servers = contextlib.ExitStack()
        self.addCleanup(self.servers.close)

    def add(self, name, *specs, options=()):
        wh.warren("add", name, *options, *(word for spec in specs for word in ("-p", spec)))
        return wh.warren("show", name, json=True)

    def serve(self, ns, port, proto="tcp", **options):
        return self.servers.enter_context(wh.serve(ns, port, proto, **options))

    def open(self, *where, **options):
        return self.servers.enter_context(wh.connection(*where, **options))

    def web(self, name, *specs):
        """A space with servers for TCP and UDP on 8080."""
        space = self.add(name, *specs)
        self.serve(name, 8080)
        self.serve(name, 8080, "udp")
        return space

    def assert_reached(self, *cells):
        """Each cell: (from, address, port, proto, server or None), all tried at once."""
        replies = wh.connect_cells(*((cell[:4], cell[4]) for cell in cells))
        self.assertEqual([(*cell[:4], reply and reply.server) for cell, reply in zip(cells, replies)], list(cells))

    def assert_refused(self, *words, says):
        """warren fails with exit code 1 and one line that has all of `says`."""
        result = wh.warren(*words, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        for text in says:
            self.assertIn(text, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
