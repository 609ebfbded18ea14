# SPDX-License-Identifier: GPL-2.0-or-later
"""Services in nat mode: a space's 127.0.0.1:PORT leads to the host or elsewhere, by the kernel alone."""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402

FOUND = 3
GATEWAY = "100.64.0.1"
LOCAL = "127.0.0.1"
SQL = 3306
FAULT = "127.0.0.1 does not lead to the services it should"


def sh(line, ns=wh.HOST):
    wh.run("sh", "-c", line, ns=ns)


def service(name="sql", port=SQL, to=f"{GATEWAY}:{SQL}", *options, **more):
    return wh.warren("service", "add", name, port, "--to", to, *options, **more)


def spaces():
    return {space["name"]: space for space in wh.warren("ls", json=True)}


def ask(space, port=SQL, proto="tcp", address=LOCAL, timeout=None):
    return wh.connect(space, address, port, proto, timeout)


def tables(ns):
    return wh.run("nft", "list", "tables", ns=ns).stdout


def allowed():
    """What the set says that spaces may reach: [["veth_web1_o", "100.64.0.1", "tcp", 3306]]."""
    listed = json.loads(wh.run("nft", "-j", "list", "set", "inet", "warren", "services").stdout)
    return sorted(element["concat"] for element in listed["nftables"][1]["set"].get("elem", []))


def route_localnet(space, interface=None):
    return wh.run("cat", f"/proc/sys/net/ipv4/conf/{interface or 'veth_' + space}/route_localnet", ns=space).stdout


class Services(wh.HostTest):
    def tearDown(self):
        if os.path.exists("/var/lib/warren"):
            for one in wh.warren("service", "ls", json=True):
                wh.warren("service", "rm", one["name"], check=False)
        super().tearDown()

    def add(self, *names):
        for name in names:
            wh.warren("add", name)

    def serve(self, *args, **options):
        server = wh.serve(*args, **options)
        self.addCleanup(server.stop)
        return server

    def assert_whole(self):
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout), (0, "all is as it should be\n"))

    def assert_bare(self, space):
        """Nothing of any service is left inside."""
        self.assertEqual((tables(space), route_localnet(space)), ("", "0\n"))

    def assert_refused(self, code, text, *args, **options):
        before = wh.warren("service", "ls").stdout
        result = wh.warren("service", *args, check=False, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(wh.warren("service", "ls").stdout, before)


class Reached(Services):
    def test_target_sees_the_space(self):
        self.add("web1", "web2")
        self.serve(wh.HOST, SQL)
        service()
        for space in "web1", "web2":
            reply = ask(space)
            self.assertEqual((reply.server, reply.peer, reply.local), ("host", spaces()[space]["ipv4"], GATEWAY))
        self.assert_whole()

    def test_another_port(self):
        self.add("web1")
        self.serve(wh.HOST, 13306)
        service(to=f"{GATEWAY}:13306")
        self.assertEqual(ask("web1").local_port, 13306)
        self.assertIsNone(ask("web1", 13306, timeout=wh.SILENCE), "that is the port outside")

    def test_udp(self):
        self.add("web1")
        self.serve(wh.HOST, 53, "udp")
        service("dns", 53, f"{GATEWAY}:53", "--udp")
        reply = ask("web1", 53, "udp")
        self.assertEqual((reply.peer, reply.local), (spaces()["web1"]["ipv4"], GATEWAY))
        self.assertIsNone(ask("web1", 53, timeout=wh.SILENCE), "for UDP alone")

    def test_one_port_of_both_protocols(self):
        self.add("web1")
        self.serve(wh.HOST, 53, name="by tcp")
        self.serve(wh.HOST, 53, "udp", name="by udp")
        service("dns-tcp", 53, f"{GATEWAY}:53")
        service("dns-udp", 53, f"{GATEWAY}:53", "--udp")
        self.assertEqual((ask("web1", 53).server, ask("web1", 53, "udp").server), ("by tcp", "by udp"))

    def test_elsewhere(self):
        """Behind the uplink it is NAT as ever; a space without shows its own address."""
        self.add("web1")
        self.serve(wh.OUTSIDE, SQL)
        service(to=f"{wh.WORLD4}:{SQL}")
        self.assertEqual((ask("web1").server, ask("web1").peer), ("outside", wh.UPLINK4))
        wh.warren("add", "bare", "--no-nat")
        own = spaces()["bare"]["ipv4"]
        sh(f"ip route add {own} via {wh.UPLINK4}", wh.OUTSIDE)
        self.addCleanup(sh, f"ip route del {own}", wh.OUTSIDE)
        self.assertEqual(ask("bare").peer, own)

    def test_a_public_address_of_the_host(self):
        self.add("web1")
        self.serve(wh.HOST, SQL)
        self.assertIsNone(ask("web1", SQL, address=wh.UPLINK4, timeout=wh.SILENCE))
        service(to=f"{wh.UPLINK4}:{SQL}")
        self.assertEqual(ask("web1").peer, spaces()["web1"]["ipv4"])

    def test_two_names_of_one_target(self):
        self.add("web1")
        self.serve(wh.HOST, 25)
        service("smtp", 25, f"{GATEWAY}:25")
        service("submission", 587, f"{GATEWAY}:25")
        self.add("web2")
        self.assertEqual(len(allowed()), 2)
        wh.warren("rm", "web2")
        wh.warren("service", "rm", "smtp")
        self.assertEqual(ask("web1", 587).local_port, 25)
        self.assertIsNone(ask("web1", 25, timeout=wh.SILENCE))
        self.assert_whole()

    def test_only_on_the_loopback_address(self):
        """A server of the tenant on another address keeps the port, and [::1] needs a proxy."""
        self.add("web1")
        self.serve(wh.HOST, SQL)
        self.serve("web1", SQL, name="tenant")
        service()
        own = spaces()["web1"]
        self.assertEqual(ask("web1").server, "host")
        for address in own["ipv4"], own["ipv6"], "::1", "127.0.0.2":
            self.assertEqual(ask("web1", address=address).server, "tenant", address)
        self.assertEqual(wh.connect(wh.HOST, own["ipv4"], SQL).server, "tenant")

    def test_the_host_s_own_loopback_is_as_it_was(self):
        self.add("web1")
        service("other", 3307, f"{GATEWAY}:{SQL}")
        self.serve(wh.HOST, SQL)
        self.assertIsNone(wh.connect(wh.HOST, LOCAL, 3307, timeout=wh.SILENCE))

    def test_new_spaces_have_it(self):
        self.add("first")
        self.serve(wh.HOST, SQL)
        service()
        self.add("web1")
        wh.warren("apply", "-", input="[space.web2]\n[space.rests]\nstate = 'down'\n")
        wh.warren("up", "rests")
        for space in "first", "web1", "web2", "rests":
            self.assertEqual(ask(space).peer, spaces()[space]["ipv4"])
        self.assert_whole()

    def test_before_the_first_space(self):
        service()
        self.add("web1")
        self.serve(wh.HOST, SQL)
        self.assertEqual(ask("web1").server, "host")

    def test_down_up_and_another_address(self):
        self.add("web1", "web2")
        self.serve(wh.HOST, SQL)
        service()
        wh.warren("down", "web1")
        self.assert_whole()
        self.assertEqual([element[0] for element in allowed()], ["veth_web2_o"])
        wh.warren("up", "web1")
        self.assertEqual(ask("web1").peer, spaces()["web1"]["ipv4"])
        wh.warren("apply", "-", input="[space.web1]\nip4 = '100.64.9.9'\n")
        self.assertEqual(ask("web1").peer, "100.64.9.9")
        self.assert_whole()

    def test_a_name_too_long_for_an_interface(self):
        name = "a_name_of_twenty_chars"
        self.add(name)
        self.serve(wh.HOST, SQL)
        service()
        self.assertEqual(ask(name).peer, spaces()[name]["ipv4"])
        self.assert_whole()


class Scope(Services):
    def setUp(self):
        self.add("web1", "web2", "web3")
        self.serve(wh.HOST, SQL)

    def who_has_it(self):
        return {space for space in ("web1", "web2", "web3") if ask(space, timeout=wh.SILENCE)}

    def test_only(self):
        service("sql", SQL, f"{GATEWAY}:{SQL}", "--only", "web1", "web3")
        self.assertEqual(self.who_has_it(), {"web1", "web3"})
        self.assert_bare("web2")
        self.assert_whole()

    def test_except(self):
        service("sql", SQL, f"{GATEWAY}:{SQL}", "--except", "web1")
        self.assertEqual(self.who_has_it(), {"web2", "web3"})
        self.assert_bare("web1")
        self.assert_whole()

    def test_the_target_itself_is_for_those_in_scope(self):
        service("sql", SQL, f"{GATEWAY}:{SQL}", "--only", "web1")
        self.serve(wh.HOST, 3307)
        before = spaces()["web2"]["refused"]["denied_host"]
        self.assertIsNone(ask("web2", address=GATEWAY, timeout=wh.SILENCE))
        self.assertGreater(spaces()["web2"]["refused"]["denied_host"], before)
        self.assertIsNotNone(ask("web1", address=GATEWAY))
        self.assertIsNone(ask("web1", 3307, address=GATEWAY, timeout=wh.SILENCE), "that port alone")
        self.assertIsNone(ask("web1", SQL, "udp", address=GATEWAY, timeout=wh.SILENCE), "that protocol alone")

    def test_a_forged_source_does_not_help(self):
        service("sql", SQL, f"{GATEWAY}:{SQL}", "--only", "web1")
        with wh.Sniffer(wh.HOST, "lo"), wh.serve(wh.HOST, 3999, "udp") as server:
            service("log", 3999, f"{GATEWAY}:3999", "--udp", "--only", "web1")
            packet = wh.udp_packet(spaces()["web1"]["ipv4"], GATEWAY, 1234, 3999, b"forged")
            wh.send_packet("web2", "veth_web2", packet)
            self.assertTrue(wh.stays(lambda: not server.peers))
            self.assertIsNotNone(ask("web1", 3999, "udp"))

    def test_the_same_port_for_others(self):
        self.serve(wh.HOST, 3307, name="another")
        service("one", SQL, f"{GATEWAY}:{SQL}", "--only", "web1")
        service("two", SQL, f"{GATEWAY}:3307", "--except", "web1")
        self.assertEqual([ask(space).server for space in ("web1", "web2", "web3")], ["host", "another", "another"])
        self.assert_whole()

    def test_a_space_that_comes_back(self):
        """A scope names spaces, whichever has the name."""
        service("sql", SQL, f"{GATEWAY}:{SQL}", "--only", "web1")
        wh.warren("rm", "web1")
        self.assertEqual(allowed(), [])
        self.assert_whole()
        self.add("web1")
        self.assertEqual(self.who_has_it(), {"web1"})


class Refused(Services):
    def test_targets(self):
        self.add("web1")
        to = f"{GATEWAY}:{SQL}"
        for code, text, *args in (
                (2, "what listens on the host's 127.0.0.1 alone cannot be reached by nat", "--to", "127.0.0.1:3306"),
                (2, "cannot be reached by nat", "--to", "127.9.9.9:3306"),
                (2, "the kernel cannot translate to a Unix socket: use --mode proxy", "--to", "unix:/run/x.sock"),
                (2, "the kernel needs an address, not a name", "--to", "db.example:3306"),
                (2, "translated to IPv4 only: use --mode proxy", "--to", "[2001:db8::1]:3306"),
                (2, "translated to IPv4 only: use --mode proxy", "--to", "[::1]:3306"),
                (2, "the kernel writes no PROXY header: use --mode proxy", "--to", to, "--proxy-protocol", "v1"),
                (2, "the PROXY protocol is for TCP", "--to", to, "--udp", "--proxy-protocol", "v2"),
                (2, "UDP has no Unix socket to go to", "--to", "unix:/run/x.sock", "--udp"),
                (2, "nothing can be reached at 0.0.0.0", "--to", "0.0.0.0:3306"),
                (2, "a Unix socket is an absolute path", "--to", "unix:run/x.sock"),
                (2, "write ADDRESS:PORT, [IPV6]:PORT, NAME:PORT or unix:/PATH", "--to", "3306"),
                (2, "port", "--to", f"{GATEWAY}:0"),
                (2, "port", "--to", f"{GATEWAY}:65536"),
                (1, "there is no space 'none'", "--to", to, "--only", "none"),
                (1, "there is no space 'none'", "--to", to, "--except", "web1", "none"),
                (2, "--to", )):
            with self.subTest(args):
                self.assert_refused(code, text, "add", "sql", SQL, "--mode", "nat", *args)
        self.assert_bare("web1")
        self.assert_whole()

    def test_words(self):
        to = ("--to", f"{GATEWAY}:{SQL}")
        for port in 0, 65536, -1, "x", "80-81", "":
            self.assert_refused(2, "", "add", "sql", port, *to)
        for name in "1st", "a b", "-x", "":
            self.assert_refused(2, "", "add", name, SQL, *to)
        self.assert_refused(2, "--mode", "add", "sql", SQL, *to, "--mode", "magic")
        self.assert_refused(2, "--proxy-protocol", "add", "sql", SQL, *to, "--proxy-protocol", "v3")
        self.assert_refused(2, "--except", "add", "sql", SQL, *to, "--only", "web1", "--except", "web2")
        self.assert_refused(1, "there is no service 'sql'", "rm", "sql")

    def test_what_is_taken(self):
        self.add("web1", "web2")
        service("one", SQL, f"{GATEWAY}:{SQL}", "--only", "web1")
        to = ("--to", f"{GATEWAY}:3307")
        self.assert_refused(1, "there is a service 'one' already", "add", "one", 99, *to)
        taken = "tcp port 3306 of the spaces is taken by service one"
        self.assert_refused(1, taken, "add", "two", SQL, *to)
        self.assert_refused(1, taken, "add", "two", SQL, *to, "--except", "web2")
        self.assert_refused(1, taken, "add", "two", SQL, *to, "--only", "web1", "web2")
        self.assert_refused(1, taken, "add", "two", SQL, "--to", "unix:/run/x.sock")
        service("two", SQL, f"{GATEWAY}:3307", "--only", "web2")
        service("three", SQL, f"{GATEWAY}:3307", "--udp")
        self.assert_whole()


class Listed(Services):
    def test_what_the_kernel_cannot_do_is_left_to_the_proxy(self):
        """Without --mode. Nothing of it is in the kernel."""
        self.add("web1")
        said = service("sql", SQL, "unix:/run/mysqld/mysqld.sock")
        self.assertIn("by proxy", said.stdout)
        self.assertIn("warrend is not running", said.stderr)
        self.assertIn("by nat", service("log", 514, f"{GATEWAY}:514", "--udp").stdout)
        self.assertEqual([one["mode"] for one in wh.warren("service", "ls", json=True)], ["nat", "proxy"])
        self.assertEqual(allowed(), [["veth_web1_o", GATEWAY, "udp", 514]])
        self.assert_whole()

    def test_list(self):
        self.add("web1", "web2")
        one = json.loads(service("sql", SQL, f"{GATEWAY}:{SQL}", "--only", "web2", "web1", "-o", "json").stdout)
        self.assertEqual(one, {"name": "sql", "protocol": "tcp", "port": SQL, "target": f"{GATEWAY}:{SQL}",
                               "mode": "nat", "proxy_protocol": "none", "scope": "only", "spaces": ["web1", "web2"]})
        service("dns", 53, "[2001:db8::1]:53", "--except", "web1", "--proxy-protocol", "v2")
        listed = wh.warren("service", "ls", json=True)
        self.assertEqual([entry["name"] for entry in listed], ["dns", "sql"])
        self.assertEqual(listed[1], one | {"connections": None})
        text = wh.warren("service", "ls").stdout
        self.assertRegex(text, r"(?m)^sql +3306/tcp +100.64.0.1:3306 +nat +none +web1,web2 +-$")
        self.assertRegex(text, r"(?m)^dns +53/tcp +\[2001:db8::1\]:53 +proxy +v2 +all but web1 +-$")


class Live(Services):
    """Services come and go; what is connected stays so."""

    def setUp(self):
        self.add("web1")
        self.serve(wh.HOST, SQL)
        self.serve(wh.HOST, 25)
        self.serve("web1", 8080)
        wh.warren("port", "add", "web1", "6000:8080")
        service()
        self.lines = [wh.connection("web1", LOCAL, SQL), wh.connection(wh.OUTSIDE, wh.UPLINK4, 6000)]
        for line in self.lines:
            self.addCleanup(line.close)
            wh.read_reply(line)

    def assert_lines_live(self, lines=None):
        for line in lines or self.lines:
            self.assertTrue(wh.echoes(line))

    def test_another_comes_and_goes(self):
        service("smtp", 25, f"{GATEWAY}:25")
        self.assert_lines_live()
        self.lines.append(wh.connection("web1", LOCAL, 25))
        self.addCleanup(self.lines[-1].close)
        wh.read_reply(self.lines[-1])
        service("more", 26, f"{GATEWAY}:25", "--only", "web1")
        self.assert_lines_live()
        wh.warren("service", "rm", "more")
        self.assert_lines_live()
        wh.warren("service", "rm", "smtp")
        self.assert_lines_live(self.lines[:2])

    def test_the_tables_are_mended(self):
        sh("nft flush ruleset", "web1")
        wh.warren("up")
        self.assert_lines_live()
        sh("nft flush ruleset")
        wh.warren("up")
        self.assert_lines_live()

    def test_a_move_is_another_target(self):
        """The next connection, and the next datagram of one who asked before, go where the service is now."""
        self.serve(wh.OUTSIDE, 53, "udp", name="new")
        self.serve(wh.HOST, 53, "udp", name="old")
        self.serve(wh.OUTSIDE, SQL, name="new")
        service("dns", 53, f"{GATEWAY}:53", "--udp")
        with wh.connection("web1", LOCAL, 53, "udp") as asker:
            asker.send(b"?")
            self.assertEqual(wh.read_reply(asker).server, "old")
            for name, port, *options in ("sql", SQL), ("dns", 53, "--udp"):
                wh.warren("service", "rm", name)
                service(name, port, f"{wh.WORLD4}:{port}", *options)
            self.assertEqual(ask("web1").server, "new")
            self.assertEqual(ask("web1", 53, "udp").server, "new")
            asker.send(b"?")
            self.assertEqual(wh.read_reply(asker).server, "new")

    def test_rm_takes_all_away(self):
        self.add("web2")
        wh.warren("service", "rm", "sql")
        for space in "web1", "web2":
            self.assertIsNone(ask(space, timeout=wh.SILENCE))
            self.assertIsNone(ask(space, address=GATEWAY, timeout=wh.SILENCE))
            self.assert_bare(space)
        self.assertEqual(allowed(), [])
        self.assertEqual(wh.warren("service", "ls", json=True), [])
        self.assert_whole()


class Mended(Services):
    FAULTS = (
        "nft flush ruleset", "nft delete table inet warren", "nft flush map inet warren services",
        "nft delete element inet warren services '{ tcp . 3306 }'",
        "nft add element inet warren services '{ tcp . 9 : 192.0.2.9 . 9 }'",
        "nft flush map inet warren services; nft add element inet warren services '{ tcp . 3306 : 192.0.2.9 . 9 }'",
        "echo 0 > /proc/sys/net/ipv4/conf/veth_web1/route_localnet",
        "nft flush chain inet warren output", "nft flush chain inet warren postrouting",
        "nft add rule inet warren output drop",
    )

    def setUp(self):
        self.add("web1", "web2")
        self.serve(wh.HOST, SQL)
        service()

    def assert_mended(self, *lines):
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout.splitlines()), (FOUND, list(lines)))
        self.assertEqual(wh.warren("up", json=True), {"mended": list(lines), "failed": []})
        self.assert_whole()
        for space in "web1", "web2":
            self.assertEqual(ask(space).peer, spaces()[space]["ipv4"])

    def test_what_is_broken_inside(self):
        for command in self.FAULTS:
            with self.subTest(command):
                sh(command, "web1")
                self.assert_mended(f"space web1: {FAULT}")

    def test_what_is_too_much_inside(self):
        """In a space that is out of scope."""
        wh.warren("service", "rm", "sql")
        service("sql", SQL, f"{GATEWAY}:{SQL}", "--except", "web2")
        sh("nft add table inet warren; nft 'add map inet warren services { type inet_proto . inet_service : ipv4_addr . "
           "inet_service; }'; nft add element inet warren services '{ tcp . 9 : 192.0.2.9 . 9 }'", "web2")
        self.assertIn(f"space web2: {FAULT}", wh.warren("check", check=False).stdout)
        wh.warren("up")
        self.assert_bare("web2")
        self.assert_whole()

    def test_the_tenant_s_own_table_stays(self):
        sh("nft add table inet mine", "web1")
        service("other", 25, f"{GATEWAY}:25")
        wh.warren("service", "rm", "other")
        wh.warren("service", "rm", "sql")
        self.assertEqual(tables("web1"), "table inet mine\n")

    def test_the_host_s_set(self):
        sh("nft flush set inet warren services")
        self.assert_mended(*(f"nft: missing: service tcp 100.64.0.1:3306 for veth_{name}_o" for name in ("web1", "web2")))
        sh("nft add element inet warren services '{ \"veth_web1_o\" . 100.64.0.1 . tcp . 22 }'")
        self.assert_mended("nft: too much: service tcp 100.64.0.1:22 for veth_web1_o")

    def test_a_service_comes_while_our_table_is_gone(self):
        """What is done then is whole, or is not done."""
        sh("nft delete table inet warren")
        service("smtp", 25, f"{GATEWAY}:25")
        self.serve(wh.OUTSIDE, 80)
        self.assertIsNotNone(wh.connect("web1", wh.WORLD4, 80))
        self.assertIsNotNone(ask("web1"))
        self.assert_whole()

    def test_a_service_goes_while_our_table_is_gone(self):
        sh("nft delete table inet warren")
        wh.warren("service", "rm", "sql")
        self.serve(wh.OUTSIDE, 80)
        self.assertIsNotNone(wh.connect("web1", wh.WORLD4, 80))
        self.assert_whole()

    def test_a_space_that_is_not_whole_is_no_obstacle(self):
        """The others have it at once; `up` gives it to this one."""
        sh("ip netns del web1")
        self.serve(wh.HOST, 25)
        service("smtp", 25, f"{GATEWAY}:25", check=False)
        self.assertIsNotNone(ask("web2", 25))
        wh.warren("up")
        self.assertIsNotNone(ask("web1", 25))
        self.assert_whole()


if __name__ == "__main__":
    wh.main()
