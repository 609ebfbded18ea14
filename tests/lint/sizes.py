#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sizes.py ROOT: no product file over 400 lines, no function over 60 (as universal-ctags sees them)."""

import json
import pathlib
import subprocess
import sys
import tempfile

FILE_MAX, FUNCTION_MAX = 400, 60
CTAGS = ["ctags", "--languages=C++", "--language-force=C++", "--kinds-C++=f", "--fields=+ne", "--output-format=json",
         "-f", "-", "-L", "-"]


def functions(files):
    names = "\n".join(map(str, files))
    out = subprocess.run(CTAGS, input=names, capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            yield tag["path"], tag["name"], tag["line"], tag["end"] - tag["line"] + 1


def faults(files):
    for path in files:
        lines = path.read_text().count("\n")
        if lines > FILE_MAX:
            yield f"{path}: {lines} lines, at most {FILE_MAX}"
    for path, name, line, size in functions(files):
        if size > FUNCTION_MAX:
            yield f"{path}:{line}: {name} has {size} lines, at most {FUNCTION_MAX}"


def self_test():
    with tempfile.TemporaryDirectory() as top:
        path = pathlib.Path(top, "long.cc")
        body = "  f();\n"
        path.write_text(f"int fits() {{\n{body * 58}}}\nint slim() {{\n{body * 59}}}\n" + "//\n" * 300)
        found = list(faults([path]))
    assert len(found) == 2 and "slim has 61" in found[1], f"the check is blind: {found}"


def main():
    self_test()
    root = pathlib.Path(sys.argv[1])
    files = sorted(p for top in ("src", "apps") for p in (root / top).rglob("*") if p.suffix in (".h", ".cc"))
    found = list(faults(files))
    for line in found:
        print(line)
    return bool(found) or not files


if __name__ == "__main__":
    sys.exit(main())
