#!/usr/bin/python3
"""All tests on real mounts; run.sh starts it inside `netshare run`.

    all.py PROGRAM [--quick] [--rounds N] [--facts N [--batch N]] [SHARE|TEST]...

`--quick`: on NFSv4 everything, on the other shares what has shown differences between them. Prints a line for each test: PASS name, or FAIL name: why.
"""
import sys
import traceback

import claims
import fleet
import swaps
import writers
from lab import SHARES

NFS3 = [
    claims.eight_contenders_for_one_dead_claim_have_one_winner,
    claims.a_claim_costs_no_more_than_it_may,
    claims.a_claim_takes_no_more_round_trips_than_it_may,
    fleet.three_machines_convert_each_clip_once,
    fleet.a_machine_that_loses_power_has_its_film_taken_over,
]
# A swap goes by the same steps on both versions of NFS, and by others on SMB.
SMB = [fleet.a_wish_from_another_machine_goes_first, fleet.two_spellings_of_one_folder_are_one_library]
QUICK = {"nfs3": NFS3, "smb": NFS3 + SMB + swaps.TESTS}

arguments = sys.argv[2:]
if "--rounds" in arguments:
    at = arguments.index("--rounds")
    claims.ROUNDS = int(arguments[at + 1])
    del arguments[at:at + 2]
if "--facts" in arguments:
    at = arguments.index("--facts")
    writers.FACTS = int(arguments[at + 1])
    writers.BATCH = max(1, writers.FACTS // 20)
    del arguments[at:at + 2]
if "--batch" in arguments:
    at = arguments.index("--batch")
    writers.BATCH = int(arguments[at + 1])
    del arguments[at:at + 2]
quick = "--quick" in arguments
if quick:
    arguments.remove("--quick")
    claims.ROUNDS = 60
# Two machines look like one only as long as neither was booted anew.
tests = claims.TESTS + writers.TESTS + swaps.TESTS + fleet.TESTS
unknown = set(arguments) - set(SHARES) - {test.__name__ for test in tests}
if unknown:
    sys.exit(f"no such share or test: {', '.join(sorted(unknown))}")
failed = False
for share in [s for s in SHARES if s in arguments] or SHARES:
    for test in [t for t in tests if t.__name__ in arguments] or tests:
        if share not in getattr(test, "shares", SHARES) or quick and test not in QUICK.get(share, tests):
            continue
        title = f"{test.__name__} on {share}"
        try:
            note = test(share)
            print(f"PASS {title} ({note})", flush=True)
        except Exception as fault:
            failed = True
            print(f"FAIL {title}: {str(fault).splitlines()[0] if str(fault) else fault!r}", flush=True)
            traceback.print_exc()
sys.exit(failed)
