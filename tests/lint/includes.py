#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""includes.py ROOT: fails on an include that points the wrong way, and first proves that it would.

A folder of src includes only folders above it; each foreign library has one place; a header that says it is
for the .cc files of its folder is included by no other.
"""

import pathlib
import re
import sys
import tempfile

LOW = {"base", "types"}
KERNEL = {"sys", "netlink", "nft"}  # these do not know each other
ABOVE = {
    "base": set(),
    "types": {"base"},
    "sys": LOW, "netlink": LOW, "nft": LOW, "model": LOW,
    "proxy": LOW, "config": LOW | {"model"}, "store": LOW | {"model"},
    "guest": LOW | {"sys"},
    "doctor": LOW | KERNEL | {"model"},
    "hooks": LOW | {"sys", "model"},
    "host": LOW | KERNEL | {"model"},
    "rooms": LOW | {"sys", "netlink"},
    "kinds": LOW | KERNEL | {"model", "store", "host", "rooms"},
    "engine": LOW | KERNEL | {"model", "store", "hooks", "host", "rooms", "kinds"},
    "view": LOW | KERNEL | {"model", "store", "host", "rooms", "kinds", "doctor"},
    "daemon": LOW | KERNEL | {"model", "config", "store", "proxy", "host", "rooms", "kinds", "engine", "view"},
}
# What stands in src/kinds itself is for all kinds; a kind of thing does not know another.
ABOVE["apps"] = set(ABOVE)

# Header prefix, and the paths (as regular expressions) that may include it.
ONE_PLACE = [
    ("libmnl/", r"src/netlink/"),
    ("nftables/", r"src/nft/"),
    ("toml++/", r"src/config/[^/]*\.cc$"),
    ("seccomp.h", r"src/guest/[^/]*\.cc$"),
    ("sqlite3.h", r"src/store/[^/]*\.cc$"),
    ("nlohmann/", r"src/base/json\.cc$"),
    ("CLI/", r"apps/"),
    ("gtest/", r"$^"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
PRIVATE = re.compile(r"^// .*\bfor the \.cc files of this folder\b", re.MULTILINE | re.IGNORECASE)


def sources(root):
    return sorted(path for top in ("src", "apps") for path in (root / top).rglob("*") if path.suffix in (".h", ".cc"))


def folder(path):
    return path.parts[1] if path.parts[0] == "src" else "apps"


def wrong_quoted(root, path, target):
    own, first = folder(path), target.split("/")[0]
    if own == "apps" and first not in ABOVE:
        near = (root / path.parent / target, root / "apps" / path.parts[1] / target)
        return None if any(place.exists() for place in near) else "no such file of this program"
    if "/" not in target or not (root / "src" / target).exists():
        return "quoted includes are written FOLDER/FILE, below src"
    if first != own and first not in ABOVE[own]:
        return f"{own} must not know {first}"
    if own == first == "kinds" and target.count("/") == 2:
        kind, other = path.parts[2], target.split("/")[1]
        if kind != other:
            return f"{kind if len(path.parts) == 4 else 'what is for all kinds'} must not know kind {other}"
    private = PRIVATE.search((root / "src" / target).read_text())
    if private and (first != own or path.suffix != ".cc" and not PRIVATE.search((root / path).read_text())):
        return f"only for the .cc files of {first}"
    return None


def wrong_angle(path, target):
    for prefix, places in ONE_PLACE:
        if target.startswith(prefix) and not re.match(places, path.as_posix()):
            return f"has its one place in {places}"
    return None


def faults(root):
    for file in sources(root):
        path = file.relative_to(root)
        for sign, target in INCLUDE.findall(file.read_text()):
            why = wrong_quoted(root, path, target) if sign == '"' else wrong_angle(path, target)
            if why:
                yield f"{path}: includes {target}: {why}"


def self_test():
    """A small bad tree in which every include but those marked good is a fault of its own."""
    tree = {
        "src/base/result.h": "",
        "src/types/ip.h": '#include "base/result.h"  // good\n',
        "src/netlink/rtnl.h": "// For the .cc files of this folder.\n#include <libmnl/libmnl.h>  // good\n",
        "src/netlink/link.h": '#include "netlink/rtnl.h"\n#include <nftables/libnftables.h>\n',
        "src/netlink/link.cc": '#include "netlink/rtnl.h"  // good\n',
        "src/base/bad.cc": '#include "types/ip.h"\n#include "../types/ip.h"\n#include "result.h"\n',
        "src/nft/bad.cc": '#include "netlink/link.h"\n#include "base/gone.h"\n#include "types/ip.h"  // good\n',
        "src/model/bad.cc": '#include "nft/table.h"\n',
        "src/nft/table.h": "",
        "src/store/store.h": "#include <sqlite3.h>\n",
        "src/store/store.cc": '#include <sqlite3.h>  // good\n#include "config/settings.h"\n',
        "src/config/settings.h": "# include <toml++/toml.h>\n",
        "src/engine/engine.cc": '#include "store/store.h"  // good\n#include <libmnl/libmnl.h>\n#include "netlink/rtnl.h"\n',
        "src/kinds/device/devices.h": "",
        "src/kinds/forward/ports.cc": '#include "kinds/device/devices.h"\n#include "store/store.h"  // good\n',
        "apps/warren/look.h": "",
        "apps/warren/commands/add.cc": '#include "look.h"  // good\n#include "engine/gone.h"\n#include "gone.h"\n',
    }
    with tempfile.TemporaryDirectory() as top:
        for name, text in tree.items():
            path = pathlib.Path(top, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = list(faults(pathlib.Path(top)))
    lines = [line for text in tree.values() for line in text.splitlines() if "include" in line]
    wanted = sum("good" not in line for line in lines)
    assert len(found) == wanted, f"the check is blind: {wanted} bad includes, found {found}"


def main():
    self_test()
    found = list(faults(pathlib.Path(sys.argv[1])))
    for line in found:
        print(line)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
