#!/bin/bash
# threads.sh WARREN: what runs on several threads, driven through the program. For a build under ThreadSanitizer;
# runs inside the throw-away host.
set -euo pipefail
warren=$1
file=$(mktemp)
trap 'rm -f "$file"' EXIT
for ((space = 0; space < 60; space++)); do
  printf '[space.t%d]\nports = [' "$space"
  for ((port = 0; port < 30; port++)); do printf '"%d:%d", ' $((10000 + space * 30 + port)) $((8000 + port)); done
  printf ']\n'
done >"$file"
"$warren" add first -p 6000:8080 >/dev/null  # so that the table stands, and the many elements come beside the building
"$warren" apply "$file" >/dev/null
"$warren" check
ip link delete veth_t7_o
ip netns delete t8
"$warren" up
"$warren" check
"$warren" explain first
"$warren" rm --all
