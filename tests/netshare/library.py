#!/usr/bin/python3
"""A large library on a real mount, scanned again, beside `find -printf '%s %T@ %p\\n'` over the same tree; whole processes, medians of five.

    tests/netshare/netshare run --clients alpha --shares nfs4 tests/netshare/library.py PROGRAM [FILES [FOLDERS [SHARE]]]

The library is made and scanned on this machine, so that its caches lie beside its files as another machine left them, and copied to the
server. Warm: one after the other, as long as the client's own memory of attributes lasts. Afresh: that memory is emptied before each.
"""
import json
import os
import subprocess
import sys

PROGRAM = os.path.realpath(sys.argv[1])
FILES, FOLDERS = (int(number) for number in (sys.argv[2:4] or [30000, 3000]))
SHARE = sys.argv[4] if len(sys.argv) > 4 else "nfs4"
OUT = os.environ["NETSHARE_OUT"]
HOME, ENVIRONMENT = "/run/home", {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
CLIPS = [("libx264", "aac", "mkv"), ("libx264", "aac", "mp4"), ("libx265", "ac3", "mkv"), ("libx265", "aac", "mp4")]
TIMED = """
import json, resource, subprocess, sys, time
afresh, argv = sys.argv[1] == "afresh", sys.argv[2:]
if afresh:
    open("/proc/sys/vm/drop_caches", "w").write("3")
    # The programs themselves are not what is measured.
    subprocess.run([argv[0], "--version"], stdout=subprocess.DEVNULL, check=True)
begun = time.monotonic()
code = subprocess.run(argv, stdout=subprocess.DEVNULL).returncode
took = time.monotonic() - begun
assert code == 0, code
print(json.dumps([took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024]))
"""


def bodies():
    for video, audio, ending in CLIPS:
        path = f"{OUT}/{video}-{audio}.{ending}"
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=128x72:rate=10:duration=1", "-f", "lavfi",
             "-i", "sine=duration=1", "-c:v", video, "-preset", "ultrafast", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p",
             "-c:a", audio, "-b:a", "32k", path], check=True, stdin=subprocess.DEVNULL)
        with open(path, "rb") as file:
            yield ending, file.read()


def make(library):
    clips = list(bodies())
    for number in range(FILES):
        folder = number % FOLDERS
        path = f"{library}/Part {folder % 100:02}/Title {folder:06} ({1950 + folder % 70})"
        if number < FOLDERS:
            os.makedirs(path)
        ending, body = clips[number % len(clips)]
        with open(f"{path}/Episode {number // FOLDERS:03}.{ending}", "wb") as file:
            file.write(body)


def on(host, *argv):
    run = subprocess.run(["netshare", "on", host, *argv], capture_output=True, text=True)
    assert run.returncode == 0, (argv, run.stdout, run.stderr)
    return run.stdout


def timed(memory, *argv):
    return json.loads(on("alpha", "env", "-i", *(f"{k}={v}" for k, v in {**ENVIRONMENT, "HOME": HOME}.items()),
                         "/usr/bin/python3", "-c", TIMED, memory, *argv).splitlines()[-1])


def middle(runs):
    return sorted(runs)[len(runs) // 2]


library, home = f"{OUT}/library", f"{OUT}/home"
os.makedirs(home)
make(library)
subprocess.run([PROGRAM, "caps"], env={**ENVIRONMENT, "HOME": home}, check=True, capture_output=True)
on("alpha", "cp", "-r", home, HOME)
subprocess.run([PROGRAM, "scan", library], env={**ENVIRONMENT, "HOME": home}, check=True, capture_output=True)
on("server", "bash", "-c", f"cp -a '{library}' /srv/share/ && sync")
mount = f"/net/{SHARE}/library"
find = ["find", mount, "-printf", "%s %T@ %p\\n"]
scan = [PROGRAM, "scan", mount]
first, _ = timed("afresh", *scan)
timed("warm", *scan)
print(f"{FILES} files in {FOLDERS} folders on {SHARE}, each machine a kernel of its own on one processor of this one")
print(f"first scan of this machine, from what another one shared: {first:.2f} s")
for memory in ("warm", "afresh"):
    rounds = [(timed(memory, *find), timed(memory, *scan)) for _ in range(5)]
    found, scanned = middle([round[0] for round in rounds]), middle([round[1] for round in rounds])
    print(f"{memory}: find {found[0]:.3f} s, scanned again {scanned[0]:.3f} s, {scanned[0] / found[0]:.2f} times find, peak {scanned[1]} MiB")
query = middle([timed("warm", PROGRAM, "query", mount, "--codec", "hevc", "--limit", "1") for _ in range(5)])
print(f"query: {query[0]:.3f} s")
