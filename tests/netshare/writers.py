"""Many machines' processes that write one cache at once, some of them killed -9: what was reported is on the share."""
import json
import random
import subprocess
import threading
import time

from lab import CONTEND, HOSTS, netshare, on

# Each of eight writers adds so many.
FACTS, BATCH = 120, 20
WRITERS, KILLED = ["alpha", "beta", "gamma", "alpha", "beta", "gamma", "alpha", "beta"], 2
# Longer than any waits for its turn at the cache.
PATIENCE = 3600


class Writer:
    def __init__(self, number, host, folder):
        self.number, self.host, self.reported, self.pid, self.odd = number, host, 0, None, []
        command = [CONTEND, "facts", folder, str(number), str(FACTS), str(BATCH), "1"]
        self.process = subprocess.Popen(
            ["netshare", "on", host, "bash", "-c", 'echo "pid $$"; exec "$@"', "writer", *command], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "pid":
                self.pid = rest
            elif word == "reported":
                self.reported = int(rest)
            else:
                self.odd.append(line)

    def kill(self):
        on(self.host, "kill", "-9", self.pid, check=False)


def requests(share):
    """What all machines have sent so far: requests, and of them those that list folders."""
    lines = [line.rsplit(" ", 1) for host in HOSTS for line in netshare("rpcs", host, share).stdout.splitlines()]
    listing = sum(int(count) for operation, count in lines if "dir" in operation.lower() and "rmdir" not in operation.lower())
    return sum(int(count) for _, count in lines), listing


def eight_writers_of_one_cache_lose_nothing_that_was_reported(share):
    name = f"{share}-writers"
    numbers = [str(len(WRITERS)), str(FACTS), "1"]
    on("server", "mkdir", "-m", "777", f"/srv/share/{name}")
    on("server", CONTEND, "files", f"/srv/share/{name}", *numbers)
    on("server", "chmod", "-R", "a+rwX", f"/srv/share/{name}")
    before = requests(share)
    begun = time.monotonic()
    writers = [Writer(number, host, f"/net/{share}/{name}") for number, host in enumerate(WRITERS)]
    dice = random.Random(f"{share}{FACTS}")
    # A random moment is one of random progress.
    doomed = {writer: dice.uniform(0.05, 0.9) * FACTS for writer in dice.sample(writers, KILLED)}
    waiting = dict(doomed)
    while waiting and time.monotonic() < begun + PATIENCE and any(w.process.poll() is None for w in writers):
        for writer in [w for w, part in waiting.items() if w.reported >= part - BATCH and w.pid]:
            time.sleep(dice.uniform(0, 0.5))
            writer.kill()
            del waiting[writer]
        time.sleep(0.02)
    for writer in writers:
        writer.process.wait(timeout=PATIENCE)
        writer.thread.join()
    took = time.monotonic() - begun
    sent, listed = (after - earlier for after, earlier in zip(requests(share), before))
    counted = json.loads(on("gamma", CONTEND, "count", f"/net/{share}/{name}", *numbers).stdout)
    told = [(writer.reported, held) for writer, held in zip(writers, counted["held"])]
    said = [line for writer in writers if writer not in doomed for line in writer.odd]
    assert not counted["faults"] and all(reported <= held for reported, held in told), (told, counted, said)
    assert all(writer.reported == FACTS for writer in writers if writer not in doomed), (told, said)
    reported, held = (sum(numbers) for numbers in zip(*told))
    return f"{reported} reported, {held} held, {took:.0f} s, {sent} requests, {listed} of them listings"


TESTS = [eight_writers_of_one_cache_lose_nothing_that_was_reported]
