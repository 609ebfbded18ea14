# SPDX-License-Identifier: GPL-2.0-or-later
"""server.py PORT NAME: a server of warrenhost's as a program of its own, for units to start; they may be Type=notify."""

import os
import socket
import sys
import time

sys.path.insert(0, "/host/lib")
import warrenhost as wh

with wh.serve(wh.HOST, int(sys.argv[1]), name=sys.argv[2]):
    if manager := os.environ.get("NOTIFY_SOCKET"):
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", manager.replace("@", "\0", 1))
    while True:
        time.sleep(3600)
