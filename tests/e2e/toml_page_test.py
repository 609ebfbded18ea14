#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""warren.toml(5) held against the program: keys, defaults, examples, messages."""

import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrenhost as wh

PAGE = wh.ROOT / "docs/warren.toml.5"
TABLES = {"sessions", "ids"}
FILE = pathlib.Path("/run/page.toml")


def sections():
    pieces = re.split(r"^\.Sh (.*)\n", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2]))


def plain(text):
    """mdoc escapes as what they print."""
    return text.replace(r"\(dq", '"').replace(r"\&", "")


def literal(section):
    """The example under .Bd in a section."""
    return plain(re.search(r"^\.Bd .*\n([\s\S]*?)^\.Ed", sections()[section], re.MULTILINE)[1])


def keys(section):
    return set(re.findall(r"Cm (\w+) No =", sections()[section]))


def settings(text, **options):
    """What warren says of such a settings file."""
    FILE.write_text(text)
    return wh.warren("--config", FILE, "ls", **options)


def known(result):
    return set(re.search(r"known are: (.*)", result.stderr)[1].split(", "))


class Page(wh.HostTest):
    def test_no_warning_in_any_width(self):
        for width in 80, 120, 200:
            shown = wh.run("man", "--nh", "--nj", "--warnings=w", "-l", PAGE, env=os.environ | {"LC_ALL": "C", "MANWIDTH": str(width)})
            self.assertEqual(shown.stderr, "")

    def test_keys_of_the_settings(self):
        top = known(settings("nonsense = 1", check=False))
        inner = {table: known(settings(f"[{table}]\nnonsense = 1", check=False)) for table in TABLES}
        self.assertEqual(keys("SETTINGS"), (top - TABLES).union(*inner.values()))
        for table in TABLES:
            self.assertIn(f".It Cm [{table}]\n", sections()["SETTINGS"])

    def test_keys_of_spaces(self):
        result = wh.warren("apply", "-", input="[space.a]\nnonsense = 1", check=False)
        self.assertEqual(keys("FILES OF SPACES"), known(result))

    def test_defaults_may_be_written(self):
        items = re.split(r"^\.It Cm (\w+) No =", sections()["SETTINGS"], flags=re.MULTILINE)
        found = {key: re.search(r"^Default:\n\.Li (\S+)", text, re.MULTILINE) for key, text in zip(items[1::2], items[2::2])}
        stated = {key: plain(value[1]) for key, value in found.items() if value}
        self.assertGreater(len(stated), 5)
        inner = {table: known(settings(f"[{table}]\nnonsense = 1", check=False)) for table in TABLES}
        lines = {table: [f"[{table}]"] for table in TABLES} | {"": []}
        for key, value in stated.items():
            lines[next((table for table in TABLES if key in inner[table]), "")].append(f"{key} = {value}")
        settings("\n".join(lines[""] + [line for table in TABLES for line in lines[table]]))

    def test_examples_are_accepted(self):
        settings(literal("SETTINGS"))
        wh.configure(ula="fdaa:bbbb:cccc::/48")
        steps = wh.warren("apply", "-", "--dry-run", input=literal("FILES OF SPACES")).stdout
        self.assertEqual(steps.count("would create"), 3)

    def test_messages_are_as_printed(self):
        first, second, third = literal("DIAGNOSTICS").splitlines()
        for line, text in (first, '\n\npool = "10.0.0.0/8"'), (second, '\n\n\nipv6 = "yes"'):
            os.makedirs("/etc/warren", exist_ok=True)
            pathlib.Path(wh.CONFIG).write_text(text)
            result = wh.warren("ls", check=False)
            self.assertEqual((result.returncode, result.stderr), (2, f"warren: {line}\n"))
        os.unlink(wh.CONFIG)
        pathlib.Path("/run/spaces.toml").write_text('[space.a]\nports=["6000:8080"]\n[space.b]\nports=["6000:8080"]\n')
        result = wh.run(wh.WARREN, "apply", "spaces.toml", check=False, cwd="/run")
        self.assertEqual((result.returncode, result.stderr), (2, f"warren: {third}\n"))


if __name__ == "__main__":
    wh.main()
