# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs and people rely on: the keys of -o json, and an example in every --help."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402

FORWARD = {"protocol", "host_address", "host_ports", "port", "spec"}
SPACE = {"name", "number", "ipv4", "ipv6", "gateway4", "gateway6", "interface", "mac", "host_interface", "host_mac",
         "netns", "nat", "adopted", "uplink", "forwards"}
STATUS = SPACE | {"state", "received_bytes", "received_packets", "sent_bytes", "sent_packets", "refused"}
REFUSED = {"spoofed", "denied_host", "unpublished", "over_limit"}
SERVICE = {"name", "protocol", "port", "target", "mode", "proxy_protocol", "scope", "spaces"}
STRAY = {"pid", "uid", "space", "place", "unit", "command"}
KEYS = (  # of the object, or of each object in the list
    (("ls",), STATUS), (("show", "web1"), STATUS | {"pids", "devices"}), (("export",), SPACE), (("plan", "web1"), SPACE),
    (("plan", "77"), SPACE), (("port", "ls"), FORWARD | {"space", "connections"}),
    (("port", "ls", "web1"), FORWARD | {"space", "connections"}), (("check",), {"faults"}),
    (("up",), {"mended", "failed"}), (("up", "--dry-run"), {"would_mend"}), (("version",), {"version"}),
    (("doctor",), {"findings"}), (("pids", "web1"), {"pid", "command", "unit", "user"}),
    (("add", "new", "--dry-run"), SPACE), (("rm", "web1", "--dry-run"), {"removed", "dry_run"}),
    (("up", "--member", "root"), {"user", "space"}), (("member", "ls"), {"space", "kind", "name"}),
    (("member", "ls", "web1"), {"space", "kind", "name"}), (("service", "ls"), SERVICE | {"connections"}),
    (("service", "add", "smtp", "25", "--to", "100.64.0.1:25"), SERVICE), (("events",), {"time", "event"}),
)
FIND = {"doctor", "audit"}  # and say so by their exit status
HELP = ("add", "rm", "ls", "show", "exec", "shell", "up", "down", "adopt", "identify", "pids", "monitor", "plan",
        "port", "member", "service", "dev", "audit", "events",
        "apply", "export", "check", "doctor", "explain", "completion", "version", "id", "map", "run", "backup", "restore")
INNER = {"port": ("add", "rm", "ls"), "member": ("add", "rm", "ls"), "service": ("add", "rm", "ls"),
         "dev": ("add", "rm", "ls"), "id": ("ls", "show", "allocate", "free", "purge", "export"),
         "map": ("add", "ls", "show", "explain", "rm", "assign", "split")}


class ForPrograms(wh.HostTest):
    def setUp(self):
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "8000-8099")

        wh.warren("member", "add", "web1", "@adm")
        wh.warren("service", "add", "dns", "53", "--udp", "--to", "100.64.0.1:53")
        self.addCleanup(lambda: [wh.warren("service", "rm", name, check=False) for name in ("dns", "smtp")])
        events = pathlib.Path("/run/warren/events.jsonl")
        events.write_text('{"time":"2026-11-22T00:00:00.000Z","event":"mended"}\n')
        self.addCleanup(events.unlink)

    def test_keys_of_json(self):
        with open("/etc/passwd", "a") as file:
            file.write("web1:x:2001:2001::/:/bin/sh\n")
        with wh.killed_after(wh.start("sleep", "100", ns="web1")) as process, \
                wh.killed_after(wh.start("sleep", "100", user=2001)):
            for command, keys in (*KEYS, (("identify", process.pid), {"pid", "command", "space"}), (("audit",), STRAY)):
                with self.subTest(command):
                    strict = command[0] not in FIND
                    self.assert_keys(wh.warren(*command, json=True, check=strict), keys)
                    wh.warren("service", "rm", "smtp", check=False)
                    after = wh.run(wh.WARREN, *command, "-o", "json", check=strict)
                    self.assertTrue(after.stdout.startswith(("{", "[")))

    def assert_keys(self, answer, keys):
        self.assertTrue(answer)
        for one in answer if isinstance(answer, list) else [answer]:
            self.assertEqual(set(one), keys)
            for forward in one.get("forwards", ()):
                self.assertEqual(set(forward) - {"connections"}, FORWARD)
            if "refused" in one:
                self.assertEqual(set(one["refused"]), REFUSED)

    def test_keys_of_json_of_changes(self):
        text = "[space.web1]\n[space.new]\nports = ['80:80']\n"
        applied = wh.warren("apply", "-", "--dry-run", json=True, input=text)
        self.assertEqual(set(applied), {"dry_run", "steps", "failed"})
        self.assertEqual([set(step) for step in applied["steps"]], [{"action", "space", "what"}] * 2)
        self.assertEqual(set(wh.warren("port", "add", "web1", "81", json=True)), {"space", "added"})
        self.assertEqual(set(wh.warren("port", "rm", "web1", "6000", json=True)), {"space", "removed"})
        self.assertEqual(set(wh.warren("rm", "web1", json=True)), {"removed", "dry_run"})

    def test_every_command_has_an_example(self):
        listed = wh.warren("--help").stdout.split("Subcommands:\n")[1].split("\n\n")[0]
        self.assertEqual(sorted(line.split()[0] for line in listed.split("\n") if line.strip()), sorted(HELP))
        for command in [(), *((name,) for name in HELP), *((one, two) for one, all_ in INNER.items() for two in all_)]:
            with self.subTest(command):
                self.assertIn("Example", wh.warren(*command, "--help").stdout)


if __name__ == "__main__":
    wh.main()
