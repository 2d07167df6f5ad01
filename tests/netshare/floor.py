#!/usr/bin/python3
"""What claiming could cost at least, and what mediabox's lock costs: floor.py link|mediabox FOLDER COUNT"""
import datetime
import json
import os
import socket
import sys
import time

verb, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
mine = f"{folder}/mine"
if verb == "link":
    os.close(os.open(mine, os.O_CREAT | os.O_WRONLY))
for number in range(count):
    film = f"{folder}/film {number}.mkv"
    lock = f"{film}.mediabox.lock"
    if verb == "link":
        os.link(mine, lock)
        os.unlink(lock)
        continue
    # As mediabox's first generation does: create, write; later read, compare, remove.
    descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"hostname": socket.gethostname(), "pid": os.getpid(), "timestamp": time.time(), "file": film,
                   "locked_at": datetime.datetime.now().isoformat()}, file, indent=2)
    if os.path.exists(lock):
        with open(lock) as file:
            assert json.load(file)["pid"] == os.getpid()
        os.unlink(lock)
