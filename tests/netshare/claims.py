"""Claims without conversions: races, two machines that look like one, and what a claim costs."""
import concurrent.futures
import itertools
import json
import os
import subprocess
import sys
import time

from lab import CONTEND, HOSTS, OUT, clean, netshare, on

ROUNDS = 200
# Contenders on each host: eight in all.
CROWD = {"alpha": 3, "beta": 3, "gamma": 2}
# Seconds between two rounds; a claim that eight are after takes this long or longer, and then the next one begins late.
SLOTS = {"nfs4": 0.25, "nfs3": 0.25, "smb": 0.6}


def films(share, test, count):
    """A folder with COUNT empty films; its name."""
    name = f"{share}-{test}"
    on("server", "bash", "-c", f"mkdir -m 777 '/srv/share/{name}' && cd '/srv/share/{name}' && "
       f"for ((i = 0; i < {count}; i++)); do : > \"film $i.mkv\"; done")
    return name


def contend(host, *argv):
    return json.loads(on(host, CONTEND, *argv).stdout)


def eight_contenders_for_one_dead_claim_have_one_winner(share):
    name = films(share, "race", ROUNDS)
    folder = f"/net/{share}/{name}"
    left = on("gamma", CONTEND, "--stale-after", "6", "--heartbeat", "2", "leave", folder, str(ROUNDS), check=False)
    assert json.loads(left.stdout)["claimed"] == ROUNDS, left.stdout
    # From twice its timeout on, a dead claim is seen as one at the first look.
    time.sleep(13)
    start = time.time() + 3
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        told = list(pool.map(
            lambda host: contend(host, "race", folder, str(ROUNDS), str(start), str(SLOTS[share])),
            [host for host, crowd in CROWD.items() for _ in range(crowd)]))
    winners = {}
    for number, one in enumerate(told):
        for film in one["won"]:
            winners.setdefault(film, []).append((one["since"][str(film)], one["until"], number))
    # On a busy machine a contender may ask so late that the winner has released it. The machines' clocks agree within 1 ms.
    at_once = {film: held for film, held in winners.items() for mine, theirs in itertools.combinations(held, 2)
               if mine[0] < theirs[1] and theirs[0] < mine[1]}
    assert not at_once, f"held by more than one at once: {at_once}"
    unclaimed = sorted(set(range(ROUNDS)) - set(winners))
    assert not unclaimed, f"claimed by nobody: {unclaimed}: {told}"
    assert not any(one["lost"] or one["errors"] for one in told), told
    assert sum(one["taken_over"] for one in told) == ROUNDS, told
    clean(name)
    wins = "/".join(str(len(one["won"])) for one in told)
    late = sum(one["late"] for one in told)
    again = sum(len(held) - 1 for held in winners.values())
    return f"{ROUNDS} rounds, won {wins}, {late} of {8 * ROUNDS} asked late, {again} after the winner had released it"


TWIN_TRIES, HZ = 5, 100


def two_machines_that_look_like_one_share_no_claim(share):
    """Two hosts can both win an O_EXCL create of one name on NFS; see twins.py, which proves it here first."""
    twins = os.path.join(os.path.dirname(__file__), "twins.py")
    hosts = ("alpha", "beta")

    def ask(host, *argv):
        return on(host, "/usr/bin/python3", twins, *argv).stdout

    booted = {host: float(ask(host, "booted")) for host in hosts}
    first, other = sorted(booted, key=booted.get)
    delay = round((booted[other] - booted[first]) * HZ) + HZ // 4
    if delay > 2 * HZ:
        netshare("crash", first), netshare("boot", first)
        raise AssertionError(f"{first} and {other} booted too far apart: {delay / HZ} s")
    folder = films(share, "twins", TWIN_TRIES)
    netshare("delay", first, f"{delay * 1000 // HZ}ms")
    both = {}
    try:
        for number, verb in ((2000, "create"), (4000, "claim")):
            begin = max(int(ask(host, "ticks")) for host in hosts) + 6 * HZ
            with concurrent.futures.ThreadPoolExecutor() as pool:
                told = list(pool.map(lambda host: json.loads(
                    ask(host, verb, f"/net/{share}/{folder}", str(number), str(begin), str(delay), str(TWIN_TRIES),
                        CONTEND, str(int(host == other)))), hosts))
            assert told[0]["number"] == told[1]["number"] == number, told
            both[verb] = set(told[0]["won"]) & set(told[1]["won"])
            if verb == "claim":
                # The slow one may ask so late that the other has released it. The machines' clocks agree within 1 ms.
                at_once = [film for film in both[verb]
                           if all(mine["since"][str(film)] < theirs["until"] for mine, theirs in (told, told[::-1]))]
                assert not at_once, f"held by both at once: {told}"
                assert set(told[0]["won"]) | set(told[1]["won"]) == set(range(TWIN_TRIES)), told
    finally:
        netshare("delay", first, "0")
    clean(folder)
    return f"both won {len(both['create'])} of {TWIN_TRIES} O_EXCL creates, and 0 of {TWIN_TRIES} claims"


two_machines_that_look_like_one_share_no_claim.shares = ("nfs4", "nfs3")

COUNTED = 20
# Requests for a claim. Of SMB's, two or three travel in one round trip.
MOST = {"nfs4": 15, "nfs3": 15, "smb": 50}
# Sent for other reasons than an operation of ours, or of another program's mount.
IDLE = {"SEQUENCE", "RENEW", "NULL", "SMBs", "Max", "Total"}


def requests(share):
    """The requests alpha has sent so far, by operation."""
    lines = netshare("rpcs", "alpha", share).stdout.splitlines()
    return {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in lines}


def counted(share, *argv):
    """The requests of one command on alpha."""
    before = requests(share)
    # The command's own ending is not looked at: one of them dies on purpose.
    on("alpha", *argv, check=False)
    after = requests(share)
    more = {op: count - before.get(op, 0) for op, count in after.items() if op not in IDLE}
    return {op: count for op, count in more.items() if count > 0}


def per_file(many, less=None):
    less = less or {}
    return {op: (count - less.get(op, 0)) / COUNTED for op, count in many.items() if count != less.get(op, 0)}


def a_claim_costs_no_more_than_it_may(share):
    """Counts requests per file, for the whole life of a claim and beside it for its floor and mediabox's lock."""
    beats = 5
    held = films(share, "cost-held", COUNTED)
    hold = counted(share, CONTEND, "--heartbeat", "300", "hold", f"/net/{share}/{held}", str(COUNTED), "0")
    left = films(share, "cost-left", COUNTED)
    leave = counted(share, CONTEND, "leave", f"/net/{share}/{left}", str(COUNTED))
    beaten = films(share, "cost-beaten", COUNTED)
    beat = counted(share, CONTEND, "--heartbeat", "3", "hold", f"/net/{share}/{beaten}", str(COUNTED), str(3 * beats + 1))
    floor = films(share, "cost-floor", COUNTED)
    link = counted(share, "/usr/bin/python3", os.path.join(os.path.dirname(__file__), "floor.py"), "link",
                   f"/net/{share}/{floor}", str(COUNTED))
    mediabox = films(share, "cost-mediabox", COUNTED)
    python = counted(share, "/usr/bin/python3", os.path.join(os.path.dirname(__file__), "floor.py"), "mediabox",
                     f"/net/{share}/{mediabox}", str(COUNTED))
    sums = {
        "claim": per_file(leave),
        "release": per_file(hold, leave),
        "heartbeat": {op: n / beats for op, n in per_file(beat, hold).items()},
        "link and remove": per_file(link),
        "mediabox": per_file(python),
    }
    print(json.dumps({share: sums}), file=sys.stderr)
    total = ", ".join(f"{what} {sum(ops.values()):.1f}" for what, ops in sums.items())
    claim = sum(sums["claim"].values())
    assert claim <= MOST[share], f"more than {MOST[share]} requests for a claim: {total}"
    clean(held)
    return f"requests: {total}"


# Round trips until a claim is ours, and for the look around under it. On a LAN of the usual kind that is 20 ms.
MOST_ROUND_TRIPS, MOST_FOR_A_LOOK = 20, 6


def a_claim_takes_no_more_round_trips_than_it_may(share):
    """By a cable that is so slow that nothing else takes time: requests that travel together count once."""
    folder = films(share, "slow", 8)
    netshare("delay", "alpha", "40ms")
    try:
        # "rtt min/avg/max/mdev = 40.4/41.9/45.3/1.9 ms"
        pings = on("alpha", "ping", "-q", "-c", "5", "-i", "0.2", "server").stdout.splitlines()
        trip = float(pings[-1].split("=")[1].split("/")[0]) / 1000
        told = json.loads(on("alpha", CONTEND, "look", f"/net/{share}/{folder}", "8", check=False).stdout)
    finally:
        netshare("delay", "alpha", "0")
    assert not told["others"], told
    claim, look = told["fastest_claim"] / trip, told["fastest_look"] / trip
    note = f"round trips: claim {claim:.1f}, look around {look:.1f}"
    assert claim <= MOST_ROUND_TRIPS and look <= MOST_FOR_A_LOOK, note
    return note


TESTS = [
    eight_contenders_for_one_dead_claim_have_one_winner,
    two_machines_that_look_like_one_share_no_claim,
    a_claim_costs_no_more_than_it_may,
    a_claim_takes_no_more_round_trips_than_it_may,
]
