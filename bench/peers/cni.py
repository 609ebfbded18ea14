# SPDX-License-Identifier: GPL-2.0-or-later
"""A space by CNI: ptp, portmap and firewall of containernetworking-plugins, called as a container runtime calls them."""

import json
import os
import subprocess

import netns

PLUGINS = "/usr/lib/cni"
IPAM = {
    "type": "host-local",
    "dataDir": "/run/cni-networks",
    "ranges": [[{"subnet": "10.88.0.0/16"}], [{"subnet": "fd00:88::/64"}]],
    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
}
CHAIN = [
    {"type": "ptp", "ipMasq": True, "ipam": IPAM},
    {"type": "portmap", "capabilities": {"portMappings": True}, "snat": False},
    {"type": "firewall", "backend": "iptables"},
]


def available():
    return all(os.access(f"{PLUGINS}/{name}", os.X_OK) for name in ("ptp", "portmap", "firewall", "host-local"))


def setup():
    """Nothing: the plugins set forwarding themselves."""


def no_address_detection():
    """Spares ptp the one to two seconds in which it waits for IPv6 duplicate address detection."""
    with open("/proc/sys/net/ipv6/conf/default/accept_dad", "w") as file:
        file.write("0")


def add(name, forwards):
    """The space `name` with forwards, a list of (host port, port)."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    netns.in_ns(name, no_address_detection)
    environment = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": name, "CNI_NETNS": f"/run/netns/{name}",
                   "CNI_IFNAME": "eth0", "CNI_PATH": PLUGINS, "PATH": os.environ["PATH"]}
    ports = [{"hostPort": outer, "containerPort": inner, "protocol": "tcp"} for outer, inner in forwards]
    result = None
    for plugin in CHAIN:
        config = {"cniVersion": "1.0.0", "name": "bench", **plugin}
        if result:
            config["prevResult"] = result
        if "capabilities" in plugin:
            config["runtimeConfig"] = {"portMappings": ports}
        answer = subprocess.run([f"{PLUGINS}/{plugin['type']}"], input=json.dumps(config).encode(),
                                stdout=subprocess.PIPE, env=environment)
        if answer.returncode:
            raise RuntimeError(f"{plugin['type']}: {answer.stdout.decode()}")
        result = json.loads(answer.stdout)
