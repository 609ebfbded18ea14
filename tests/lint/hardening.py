#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hardening.py CXX BUILD: all that is installed was compiled and linked with the guards that it should have.

First it proves that it would see a guard that is missing: it builds a program with all of them, and one without each.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAM = r"""
#include <cstdio>
#include <cstring>
#include <unistd.h>
int main(int count, char** words) {
  char text[16];
  strcpy(text, words[count - 1]);
  return puts(text) + int(read(0, text, sizeof text));
}
"""
COMPILED = ["-O2", "-fPIE", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
LINKED = ["-pie", "-Wl,-z,relro", "-Wl,-z,now"]
COMMANDED = ["-fstack-protector-strong", "-D_FORTIFY_SOURCE=[23]", "-f(PIE|PIC)"]
WITHOUT = {
    "position": ["-no-pie"],
    "relro": ["-Wl,-z,norelro"],
    "now": ["-Wl,-z,lazy"],
    "stack": ["-fno-stack-protector"],
    "fortified": ["-U_FORTIFY_SOURCE"],
    "executable stack": ["-Wl,-z,execstack"],
}


def readelf(path, *options):
    return subprocess.run(["readelf", "-W", *options, path], capture_output=True, text=True, check=True).stdout


def faults(path):
    """What one program or module lacks, by the names of WITHOUT."""
    header, segments, dynamic = readelf(path, "-h"), readelf(path, "-l"), readelf(path, "-d")
    symbols = readelf(path, "--dyn-syms")
    flags = "".join(line for line in dynamic.splitlines() if "FLAGS" in line)
    if not re.search(r"Type:\s+DYN", header):
        yield "position"
    if "GNU_RELRO" not in segments:
        yield "relro"
    if "NOW" not in flags:
        yield "now"
    if "__stack_chk_fail" not in symbols:
        yield "stack"
    if not re.search(r"\b__\w+_chk\b", symbols.replace("__stack_chk_fail", "")):
        yield "fortified"
    if not re.search(r"GNU_STACK.* RW ", segments):
        yield "executable stack"


def unguarded(commands):
    """What the compiler was not told for files of the product: what a linked library brings along says nothing of them."""
    product = [one for one in commands if re.search(r"/(src|apps)/", one["file"])]
    assert product, "no file of the product is in compile_commands.json"
    for one in product:
        module = "/apps/pam/" in one["file"]
        for wanted in COMMANDED + ([] if module else ["-D_GLIBCXX_ASSERTIONS"]):
            if not re.search(rf"\s{wanted}\s", one["command"]):
                yield f"{one['file']}: compiled without {wanted}"


def self_test(cxx):
    with tempfile.TemporaryDirectory() as top:
        source, program = pathlib.Path(top, "program.cc"), pathlib.Path(top, "program")
        source.write_text(PROGRAM)
        for name, options in {"": [], **WITHOUT}.items():
            subprocess.run([cxx, *COMPILED, *LINKED, *options, "-o", program, source], check=True, capture_output=True)
            found = list(faults(program))
            assert found == ([name] if name else []), f"the check is blind: without {name or 'nothing'} it finds {found}"
    plain = {"file": "/src/a.cc", "command": "c++ -O2 -c a.cc"}
    assert len(list(unguarded([plain]))) == 4, "the check is blind to the compiler's options"


def installed(build, top):
    """The programs and modules that an installation consists of."""
    subprocess.run(["cmake", "--install", build], env={**os.environ, "DESTDIR": top}, check=True, capture_output=True)
    files = [path for path in pathlib.Path(top).rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if path.read_bytes()[:4] == b"\x7fELF"]


def main():
    cxx, build = sys.argv[1:]
    self_test(cxx)
    found = list(unguarded(json.loads(pathlib.Path(build, "compile_commands.json").read_text())))
    with tempfile.TemporaryDirectory() as top:
        files = installed(build, top)
        assert len(files) >= 4, f"only {files} are installed"
        found += [f"{path.name}: {fault}" for path in files for fault in faults(path)]
    print("\n".join(found) or f"{len(files)} files have every guard")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
