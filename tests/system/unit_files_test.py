# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that warren brings for systemd: they verify, name what is installed, and confine what can be confined."""

import json
import pathlib
import re
import unittest

import systemhost as sh
import warrenhost as wh

DIRECTORY = sh.PREFIX / "lib/systemd/system"
INSTALLED = sorted(path.name for path in DIRECTORY.iterdir())
# What `systemd-analyze security` gives a service at most, out of 10; without any of its options it gives 9.6. User
# namespaces for spaces with an ID map, and CAP_SETUID and CAP_SETGID to furnish them, are 0.8 of it.
EXPOSURE = dict.fromkeys(("warren.service", "warren@web1.service", "warren-uplink.service", "warrend.service"), 5.7)


def programs():
    """The program of each unit that starts one: {unit: path}."""
    texts = {name: (DIRECTORY / name).read_text() for name in INSTALLED}
    return {name: found[1] for name, text in texts.items() if (found := re.search(r"^ExecStart=(\S+)", text, re.MULTILINE))}


class UnitFiles(sh.SystemTest):
    def test_all_are_known_to_systemd(self):
        self.assertLessEqual({"warren.service", "warren@.service", "warren-uplink.service", "warrend.service", "warrend.socket"},
                             set(INSTALLED))
        listed = sh.systemctl("list-unit-files", "--no-legend", "warren*").stdout.split()
        self.assertLessEqual(set(INSTALLED), set(listed))

    def test_they_verify(self):
        there = [name.replace("@.", "@web1.") for name in INSTALLED
                 if name not in programs() or pathlib.Path(programs()[name]).exists()]
        self.assertIn("warren.service", there)
        result = wh.run("systemd-analyze", "verify", "--recursive-errors=yes", "--man=no", *there)
        self.assertEqual(result.stdout + result.stderr, "")

    def test_verify_would_say_so(self):
        sh.unit("wrong.service", "[Service]\nType=oneshot\nExecStart=/bin/true\nNonsense=yes\n")
        result = wh.run("systemd-analyze", "verify", "wrong.service", check=False)
        self.assertIn("Nonsense", result.stderr)

    def test_examples_verify_and_their_drop_ins_are_understood(self):
        # In the place where they are to be copied to.
        for name in "in-a-space", "as-a-member":
            sh.unit(f"{name}.service", "[Service]\nUser=daemon\nExecStart=/bin/true\n")
            sh.unit(f"{name}.service.d/space.conf", (sh.EXAMPLES / f"{name}.conf").read_text())
        sh.unit("supervisord@.service", (sh.EXAMPLES / "supervisord@.service").read_text())
        result = wh.run("systemd-analyze", "verify", "--man=no", "in-a-space.service", "as-a-member.service", "supervisord@root.service")
        self.assertEqual(result.stdout + result.stderr, "")
        self.assertEqual(sh.show("in-a-space.service", "NetworkNamespacePath"), "/run/netns/web1")
        self.assertIn("warren@web1.service", sh.show("in-a-space.service", "Requires"))

    def test_manual_pages_exist(self):
        named = set(re.findall(r"man:(\S+)\((\d)\)", "".join((DIRECTORY / name).read_text() for name in INSTALLED)))
        self.assertIn(("warren", "8"), named)
        for page, section in named:
            self.assertTrue((sh.PREFIX / f"share/man/man{section}/{page}.{section}").exists(), f"{page}({section})")

    def test_exposure(self):
        for name, most in EXPOSURE.items():
            with self.subTest(unit=name):
                wh.run("systemd-analyze", "security", "--no-pager", f"--threshold={most * 10:.0f}", name)

    def test_directories_exist(self):
        wh.run("systemd-tmpfiles", "--create", "warren.conf")
        for path in "/run/warren", "/run/netns":
            info = pathlib.Path(path).stat()
            self.assertEqual((info.st_mode & 0o7777, info.st_uid, info.st_gid), (0o755, 0, 0), path)


if __name__ == "__main__":
    sh.main()
