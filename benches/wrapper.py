#!/usr/bin/python3
"""What does media-converter cost over the ffmpeg commands it runs?

    benches/wrapper.py [--program target/release/media-converter] [--clips 20] [--seconds 60] [--rounds 3] [--write]

Makes a library of short films, converts it with media-converter, one file at a time, and runs the same ffmpeg commands bare,
one after the other. The commands are recorded on the way: a first run gets an `ffmpeg` that notes its arguments. Verification is
counted apart: bare ffmpeg does none. The rounds alternate, so that a machine that warms up favours nobody; the
medians count. --write puts the figures into docs/BENCHMARKS.md.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARK = "<!-- wrapper -->"


def make_clips(folder, count, seconds):
    """One clip is encoded; the others are the same with another tone, so that each is a file of its own."""
    folder.mkdir(parents=True)
    for number in range(count):
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i",
             f"testsrc2=size=640x360:rate=25:duration={seconds}", "-f", "lavfi", "-i",
             f"sine=frequency={220 + 20 * number}:duration={seconds}",
             "-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame", str(folder / f"clip{number:02}.avi")],
            check=True, stdin=subprocess.DEVNULL)
    for clip in folder.iterdir():
        os.utime(clip, (1_700_000_000, 1_700_000_000))


def restore(clips, library):
    """The library as it was, but for its identity: a machine refuses another one in a known one's place."""
    identity = library / ".mediabox/id"
    known = identity.read_bytes() if identity.exists() else None
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(clips, library)
    if known:
        identity.parent.mkdir()
        identity.write_bytes(known)


def ours(program, library, work, path=None):
    """Wall seconds of a run, and of them the verification's."""
    environment = {"PATH": path or os.environ["PATH"], "HOME": str(work / "home"), "LANG": "C.UTF-8"}
    began = time.monotonic()
    run = subprocess.run([program, "--dir", str(library), "--jobs", "1", "--json", "--quiet"], env=environment,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    wall = time.monotonic() - began
    if run.returncode != 0:
        sys.exit(f"{program} ended with {run.returncode}:\n{run.stdout[-2000:]}\n{run.stderr}")
    ended = [e for e in map(json.loads, run.stdout.splitlines()) if e["event"] == "job_ended"]
    return wall, sum(e["verify_seconds"] for e in ended), sum(e["encode_seconds"] for e in ended), len(ended)


def record(program, clips, library, work):
    """The encoding commands of a run, as argument lists."""
    real = shutil.which("ffmpeg")
    fake = work / "fake"
    fake.mkdir()
    log = work / "commands"
    (fake / "ffmpeg").write_text(
        f"#!/usr/bin/python3\nimport json, os, sys\nwith open({str(log)!r}, 'a') as log:\n"
        f"    print(json.dumps(sys.argv[1:]), file=log)\nos.execv({real!r}, [{real!r}, *sys.argv[1:]])\n")
    (fake / "ffmpeg").chmod(0o755)
    restore(clips, library)
    ours(program, library, work, f"{fake}:{os.environ['PATH']}")
    commands = [json.loads(line) for line in log.read_text().splitlines()]
    # Trials of encoders and the decode of a verification name no clip, or write nothing.
    return [c for c in commands if any(str(library) in a and a.endswith(".avi") for a in c) and str(library) in c[-1]]


def bare(commands, work):
    out = work / "bare"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.monotonic()
    for number, command in enumerate(commands):
        # Where the progress goes, and what the result is called, is the caller's business.
        subprocess.run(["ffmpeg", *command[:-1], str(out / f"{number}.mp4")], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "target/release/media-converter"))
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="media-converter-bench-") as folder:
        work = pathlib.Path(folder)
        clips, library = work / "clips", work / "library"
        make_clips(clips, options.clips, options.seconds)
        commands = record(options.program, clips, library, work)
        if len(commands) != options.clips:
            sys.exit(f"recorded {len(commands)} encodes of {options.clips} clips")
        # Which encoders work is tried once per machine and ffmpeg; the recording had an ffmpeg of its own.
        subprocess.run([options.program, "caps"], env={"PATH": os.environ["PATH"], "HOME": str(work / "home")},
                       check=True, capture_output=True)
        walls, checks, encodes, bares, seconds = [], [], [], [], []
        for _ in range(options.rounds):
            restore(clips, library)
            bares.append(bare(commands, work))
            restore(clips, library)
            wall, check, encode, done = ours(options.program, library, work)
            assert done == options.clips, f"{done} of {options.clips} clips were converted"
            walls.append(wall), checks.append(check), encodes.append(encode)
            began = time.monotonic()
            _, _, _, again = ours(options.program, library, work)
            seconds.append(time.monotonic() - began)
            assert again == 0, "a second run has something to do"
    wall, check, encode, alone = map(statistics.median, (walls, checks, encodes, bares))
    about = subprocess.run([ROOT / "benches/about.sh", options.program], capture_output=True, text=True, check=True)
    rest = wall - check - encode
    text = f"""| | seconds |
| --- | ---: |
| the same {options.clips} ffmpeg commands, bare | {alone:.1f} |
| media-converter, all | {wall:.1f} |
| … of which ffmpeg's encodes | {encode:.1f} |
| … of which verification (a full decode of each result, and its checks) | {check:.1f} |
| … of which everything else: walk, probe, claim, swap, records ({1000 * rest / options.clips:.0f} ms a file) | {rest:.1f} |
| a second run, which finds nothing to do | {statistics.median(seconds):.2f} |

**Wall time without verification, divided by the bare commands': {(wall - check) / alone:.3f}**, with it {wall / alone:.3f}.

{options.clips} clips of {options.seconds} s (640x360 MPEG-4 and MP3 to H.264 and AAC), one job at a time, medians of {options.rounds} rounds that alternate with the bare
commands. Bare runs: {', '.join(f'{t:.1f}' for t in bares)}; ours: {', '.join(f'{t:.1f}' for t in walls)}.
{about.stdout}"""
    print(text)
    if options.write:
        paper = ROOT / "docs/BENCHMARKS.md"
        before, _, after = paper.read_text().split(MARK)
        paper.write_text(f"{before}{MARK}\n{text}{MARK}{after}")


main()
