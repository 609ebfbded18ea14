# SPDX-License-Identifier: GPL-2.0-or-later
"""warren as a service of the host: enabled, rebooted, reloaded, and beside a firewall that empties the ruleset."""

import json

import story
import systemhost as sh
import warrenhost as wh

# Asks, when ssh is about to start, what is there already.
WITNESS = """
[Unit]
Before=ssh.service
After=systemd-user-sessions.service tenant.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'warren check -o json >/run/witness.check; ls /run/netns >/run/witness.names; ss -ltnH >/run/witness.ports; ip netns exec web1 ss -ltnH >/run/witness.inside'
[Install]
RequiredBy=ssh.service
"""

TENANT = """
[Unit]
Requires=warren@web1.service
After=warren@web1.service
Before=systemd-user-sessions.service ssh.service
[Service]
Type=notify
NetworkNamespacePath=/run/netns/web1
ExecStart={}
[Install]
WantedBy=multi-user.target
"""


class Installed(story.Story, sh.SystemTest):
    boot = 1

    def step_spaces_and_services(self):
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "53:53/udp")
        wh.warren("add", "web2", "-p", "8081", "--no-nat")
        wh.warren("add", "resting", "-p", "6002:80")
        wh.warren("down", "resting")
        wh.warren("id", "allocate", "web2")
        wh.warren("map", "assign", "web2", "--owner", "web2")
        sh.systemctl("enable", "--now", "warren.service", "warren-uplink.service")
        sh.unit("witness.service", WITNESS)
        sh.unit("tenant.service", TENANT.format(sh.serve_command(8080, "tenant")))
        sh.systemctl("enable", "witness.service", "tenant.service")
        sh.systemctl("start", "tenant.service")
        self.assertReached(6000, "tenant")

    def step_remember(self):
        sh.remember("spaces", json.dumps(identity()))
        sh.systemctl("is-enabled", "ssh.service")


def identity():
    """What must be the same after a reboot."""
    keys = ("name", "number", "ipv4", "ipv6", "mac", "host_interface", "nat", "state")
    return [{key: space[key] for key in keys} | {"ports": [forward["spec"] for forward in space["forwards"]]}
            for space in wh.warren("ls", json=True)]


class Rebooted(sh.SystemTest):
    boot = 2

    def test_same_numbers_addresses_and_forwards(self):
        self.assertEqual(identity(), json.loads(sh.remembered("spaces")))
        self.assertClean()

    def test_spaces_were_there_before_ssh(self):
        before = sh.since_boot("warren.service", "ActiveEnterTimestampMonotonic")
        for name in "systemd-user-sessions.service", "ssh.service", "cron.service":
            after = sh.since_boot(name, "ExecMainStartTimestampMonotonic")
            self.assertGreater(after, before, name)
            self.assertGreater(before, 0)

    def test_all_was_ready_when_ssh_started(self):
        read = {name: open(f"/run/witness.{name}").read() for name in ("check", "names", "ports", "inside")}
        self.assertEqual(json.loads(read["check"]), {"faults": []})
        self.assertLessEqual({"web1", "web2"}, set(read["names"].split()))
        self.assertIn(":8080 ", read["inside"])
        self.assertNotIn(":22 ", read["ports"], "ssh was listening before the witness looked: it proves nothing")

    def test_a_tenants_service_runs_in_its_space(self):
        self.assertEqual(sh.space_of(sh.show("tenant.service", "MainPID")), "web1")
        self.assertReached(6000, "tenant")

    def test_a_mapped_space_is_its_guests_to_set_up(self):
        """The unit may make user namespaces: root of a guest owns the network of its space."""
        wh.warren("run", "web2", "--", "ip", "address", "add", "198.18.0.9/32", "dev", "lo")
        refused = wh.warren("run", "web1", "--", "ip", "address", "add", "198.18.0.9/32", "dev", "lo", check=False)
        self.assertIn("Operation not permitted", refused.stderr)

    def test_the_boot_is_complete(self):
        self.assertEqual(sh.systemctl("is-system-running", "--wait", check=False).stdout, "running\n",
                         sh.systemctl("--failed", "--no-legend").stdout)
        self.assertEqual(sh.wh.run("journalctl", "--boot", "--grep=ordering cycle", check=False).stdout.strip("-\n "),
                         "No entries")


class Repair(sh.SystemTest):
    boot = 2

    def test_reload_mends_and_keeps_connections(self):
        with wh.connection(wh.OUTSIDE, wh.UPLINK4, 6000) as sock:
            wh.read_reply(sock)
            wh.run("ip", "link", "delete", "veth_web2_o")
            wh.run("nft", "delete", "element", "inet", "warren", *self.element())
            sh.systemctl("reload", "warren.service")
            self.assertTrue(wh.echoes(sock))
        self.assertClean()
        self.assertIn("mended: ", sh.journal("warren.service"))

    def element(self):
        """One forward as it stands in the table: (map, "{ key }")."""
        listed = json.loads(wh.run("nft", "-j", "list", "maps", "inet").stdout)["nftables"]
        found = next(item["map"] for item in listed if "map" in item and item["map"]["table"] == "warren" and item["map"].get("elem"))
        whole = wh.run("nft", "list", "map", "inet", "warren", found["name"]).stdout
        key = whole.split("elements = {")[1].split(" :")[0].strip().split(" counter")[0]
        return found["name"], f"{{ {key} }}"

    def test_restart_changes_nothing(self):
        pid = sh.show("tenant.service", "MainPID")
        sh.systemctl("restart", "warren.service")
        self.assertEqual(sh.show("tenant.service", "MainPID"), pid)
        self.assertClean()

    def test_restart_of_nftables(self):
        sh.systemctl("start", "nftables.service")
        for verb in "restart", "reload":
            with self.subTest(verb=verb):
                sh.systemctl(verb, "nftables.service")
                self.assertIsNotNone(wh.wait_until(lambda: wh.warren("check", check=False).returncode == 0))
                self.assertReached(6000, "tenant")

    def test_a_service_mends_its_space_when_it_starts(self):
        wh.run("ip", "link", "delete", "veth_web1_o")
        sh.systemctl("restart", "tenant.service")
        self.assertReached(6000, "tenant")

    def test_a_service_of_an_unknown_space_does_not_start(self):
        sh.unit("lost.service", TENANT.format(sh.serve_command(8080, "lost")).replace("web1", "nowhere"))
        self.assertNotEqual(sh.systemctl("start", "lost.service", check=False).returncode, 0)
        self.assertEqual(sh.show("lost.service", "ActiveState"), "inactive")
        self.assertIn("there is no space 'nowhere'", sh.journal("warren@nowhere.service"))
        sh.systemctl("reset-failed")


if __name__ == "__main__":
    sh.main()
