# SPDX-License-Identifier: GPL-2.0-or-later
"""A space by netavark, given what podman gives it for a bridge network."""

import json
import os
import subprocess

NETAVARK = "/usr/lib/podman/netavark"
NETWORK = {
    "name": "bench", "id": "b" * 64, "driver": "bridge", "network_interface": "podman1",
    "subnets": [{"subnet": "10.89.0.0/16", "gateway": "10.89.0.1"}, {"subnet": "fd00:89::/64", "gateway": "fd00:89::1"}],
    "ipv6_enabled": True, "internal": False, "dns_enabled": False, "ipam_options": {"driver": "host-local"},
}


def available():
    return os.access(NETAVARK, os.X_OK)


def setup():
    """Nothing: netavark sets forwarding itself."""


def add(name, forwards):
    """The space `name`, which ends in its number, with forwards, a list of (host port, port)."""
    number = int(name.lstrip("abcdefghijklmnopqrstuvwxyz")) + 1
    subprocess.run(["ip", "netns", "add", name], check=True)
    request = {
        "container_id": f"{number:064x}", "container_name": name, "network_info": {"bench": NETWORK},
        "networks": {"bench": {
            "static_ips": [f"10.89.{number // 256}.{number % 256}", f"fd00:89::{number:x}"], "interface_name": "eth0"}},
        "port_mappings": [{"host_ip": "", "host_port": outer, "container_port": inner, "range": 1, "protocol": "tcp"}
                          for outer, inner in forwards],
    }
    answer = subprocess.run([NETAVARK, "--config", "/run/containers-networks", "setup", f"/run/netns/{name}"],
                            input=json.dumps(request).encode(), capture_output=True)
    if answer.returncode:
        raise RuntimeError(f"netavark: {answer.stdout.decode()}{answer.stderr.decode()}")
