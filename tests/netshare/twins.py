#!/usr/bin/python3
"""On a guest: `twins.py create|claim FOLDER NUMBER TICK DELAY TRIES CONTEND LATER`.

Linux marks an exclusive create on NFS with the process number and the ticks since boot, and a server takes a create with
the mark of the one before for that one sent again. It forgets the mark when the winner sets the file's attributes, one
round trip later. So two hosts can both win if, within one round trip and equally long after they booted, processes of one
number try. This becomes process NUMBER and tries from TICK on, where a request takes up to DELAY ticks.
"""
import json
import os
import sys
import threading
import time

HZ = 100


def ticks():
    with open("/proc/timer_list") as state:
        return int(next(line for line in state if line.startswith("jiffies:")).split()[1])


def become(number):
    """In a child with this process number; the parent waits for it."""
    last = 0
    while last < number - 1:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        last = thread.native_id
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        sys.exit()


def create(folder, number, begin, delay, tries):
    ahead = max(ticks() - time.monotonic() * HZ for _ in range(100))
    become(number)

    def wait_until(tick):
        while time.monotonic() * HZ + ahead < tick + 0.4:
            time.sleep(0.0005)

    won = []
    for i in range(tries):
        wait_until(begin + i * 7 * delay - 2 * delay)
        os.access(folder, os.W_OK)  # so that the create is the next request
        wait_until(begin + i * 7 * delay)
        try:
            os.close(os.open(f"{folder}/{i}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            won.append(i)
        except FileExistsError:
            pass
    print(json.dumps({"number": os.getpid(), "won": won}))


def claim(folder, number, begin, delay, tries, contend, later):
    # A claim is some twenty requests, each of which takes the slower host DELAY; the other one comes in at another moment
    # of it each time.
    slot = 20 * delay / HZ
    start = time.time() + (begin - ticks()) / HZ
    become(number)
    read, write = os.pipe()
    if os.fork() == 0:
        # The number is the contender's, so this one reads.
        os.dup2(read, 0)
        os.close(write)
        told = json.loads(sys.stdin.read())
        print(json.dumps({"number": number, **told}), flush=True)
        os._exit(0)
    os.dup2(write, 1)
    os.close(read)
    step = slot / tries if later else 0
    os.execv(contend, [contend, "race", folder, str(tries), str(start), str(slot + step)])


if sys.argv[1:] == ["ticks"]:
    print(ticks())
elif sys.argv[1:] == ["booted"]:
    print(time.time() - ticks() / HZ)
else:
    verb, folder, *numbers = sys.argv[1:6]
    if verb == "create":
        create(folder, *map(int, numbers), int(sys.argv[6]))
    else:
        claim(folder, *map(int, numbers), int(sys.argv[6]), sys.argv[7], sys.argv[8] == "1")
