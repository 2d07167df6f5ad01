#!/usr/bin/env python3
"""`--jobs auto` beside fixed numbers of jobs: the same clips, a fresh library for each run, one run after the other.

    benches/jobs-auto.py PROGRAM [--clips 40] [--seconds 60] [--size 1280x720] [--jobs 1,2,4,auto] [--rounds 1]
                         [--floor MIB] [-- ARGS…]

Prints a line per run (seconds, files, least free memory, load before it) and at the end the ratio of `auto` to the best fixed number,
and with `--floor` (as `--min-memory` of each run) whether the free memory ever fell below it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time


def available():
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def make(folder, options):
    """Clips that differ, so that no two encodes are the same work in step."""
    clips = []
    for n in range(options.clips):
        clip = os.path.join(folder, f"clip {n:03}.avi")
        source = f"testsrc2=size={options.size}:rate=25:duration={options.seconds},hue=h={n * 9}"
        sound = f"sine=frequency={200 + 10 * n}:sample_rate=48000:duration={options.seconds}"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i", sound,
             "-c:v", "mpeg4", "-q:v", "6", "-c:a", "libmp3lame", clip],
            check=True,
        )
        then = time.time() - 3600
        os.utime(clip, (then, then))
        clips.append(clip)
    return clips


class Memory(threading.Thread):
    """The least free memory while a run lasts."""

    def __init__(self):
        super().__init__(daemon=True)
        self.least, self.over = available(), threading.Event()

    def run(self):
        while not self.over.wait(0.2):
            self.least = min(self.least, available())


def one(program, clips, jobs, state, more, note_memory):
    with tempfile.TemporaryDirectory(prefix="jobs-auto-") as library:
        for clip in clips:
            shutil.copy2(clip, library)
        subprocess.run([program, "--dir", library, "--dry-run", "--state-dir", state], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        load, memory = os.getloadavg()[0], Memory()
        memory.start()
        began = time.monotonic()
        run = subprocess.run(
            [program, "--dir", library, "--json", "--jobs", jobs, "--state-dir", state, *more],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
        )
        took = time.monotonic() - began
        memory.over.set()
        events = [json.loads(line) for line in run.stdout.splitlines()]
        converted = sum(e["event"] == "job_ended" and e["outcome"] == "converted" for e in events)
        levels = [e["jobs"] for e in events if e["event"] == "jobs"]
        if converted != len(clips):
            sys.exit(f"--jobs {jobs}: {converted} of {len(clips)} converted, exit code {run.returncode}")
        note_memory(memory.least)
        print(f"--jobs {jobs:<5} {took:8.1f} s  {converted} files  least free memory {memory.least >> 20} MiB"
              f"  load before {load:.1f}" + (f"  then {levels} at once" if levels else ""), flush=True)
        return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--jobs", default="1,2,4,auto")
    parser.add_argument("--rounds", type=int, default=1)
    words, more = sys.argv[1:], []
    if "--" in words:
        at = words.index("--")
        words, more = words[:at], words[at + 1:]
    parser.add_argument("--floor", type=int, metavar="MIB")
    options = parser.parse_args(words)
    subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "about.sh"), options.program], check=True)
    least = []
    if options.floor:
        more = [*more, "--min-memory", f"{options.floor}MiB"]
    best = {}
    with tempfile.TemporaryDirectory(prefix="jobs-auto-clips-") as folder:
        clips = make(folder, options)
        for _ in range(options.rounds):
            for jobs in options.jobs.split(","):
                # A state of its own: `auto` begins as on its first day on this machine.
                with tempfile.TemporaryDirectory(prefix="jobs-auto-state-") as state:
                    took = one(options.program, clips, jobs, state, more, least.append)
                best[jobs] = min(best.get(jobs, took), took)
    fixed = {jobs: took for jobs, took in best.items() if jobs != "auto"}
    if fixed and "auto" in best:
        winner = min(fixed, key=fixed.get)
        print(f"auto reaches {fixed[winner] / best['auto'] * 100:.1f} % of the throughput of --jobs {winner}")
    if options.floor:
        below = options.floor - (min(least) >> 20)
        print(f"free memory fell {below} MiB below the floor of {options.floor} MiB" if below > 0
              else f"free memory stayed {-below} MiB above the floor of {options.floor} MiB")


if __name__ == "__main__":
    main()
