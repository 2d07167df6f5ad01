#!/usr/bin/env python3
"""mediabox's own scanner and query beside ours, and `find`, over one tree in one run; whole processes, medians.

usage: benches/mediabox.py SCRIPTS [--program target/release/media-converter] [--files 30000] [--folders 3000] [--rounds 5] [--cold 600]
SCRIPTS: the folder of mediabox's build_media_database.py and query_media_database.py (its own repository has them; MIT).
A cold scan of its needs the Python package ffmpeg-python; --cold says over how many files (each costs it a process). Its query
takes each folder by name and does not look below, so it is given all of them.
"""
import argparse, hashlib, json, os, statistics, subprocess, sys, tempfile, time

here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("scripts")
parser.add_argument("--program", default=os.path.join(here, "target/release/media-converter"))
parser.add_argument("--files", type=int, default=30000)
parser.add_argument("--folders", type=int, default=3000)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--cold", type=int, default=600)
args = parser.parse_args()
program = os.path.realpath(args.program)
CLIPS = [("libx264", "aac", "mkv"), ("libx264", "aac", "mp4"), ("libx265", "ac3", "mkv"), ("libx265", "aac", "mp4")]


def make(library, files, folders, clips):
    for n in range(files):
        path = f"{library}/Part {n % folders % 100:02}/Title {n % folders:06}"
        if n < folders:
            os.makedirs(path)
        ending, body = clips[n % len(clips)]
        with open(f"{path}/Episode {n // folders:03}.{ending}", "wb") as file:
            file.write(body)


with tempfile.TemporaryDirectory() as work:
    subprocess.run([os.path.join(here, "benches/about.sh"), program, work], check=True)
    clips = []
    for video, audio, ending in CLIPS:
        path = f"{work}/{video}-{audio}.{ending}"
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=128x72:rate=10:duration=1", "-f",
                        "lavfi", "-i", "sine=duration=1", "-c:v", video, "-preset", "ultrafast", "-x265-params", "log-level=error",
                        "-pix_fmt", "yuv420p", "-c:a", audio, "-b:a", "32k", path], check=True)
        clips.append((ending, open(path, "rb").read()))
    home = f"{work}/home"
    os.makedirs(home)
    environment = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}

    def timed(*argv):
        begun = time.monotonic()
        run = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=work)
        took = time.monotonic() - begun
        assert run.returncode == 0, (argv[:4], run.stdout[-2000:])
        return took, run.stdout

    def theirs(script, *argv):
        return timed(sys.executable, os.path.join(args.scripts, script), *argv)

    timed(program, "caps")
    library = f"{work}/library"
    make(library, args.files, args.folders, clips)
    first, _ = timed(program, "scan", library)
    print(f"{args.files} files in {args.folders} folders, {os.cpu_count()} processors; first scan of ours {first:.1f} s, whose caches theirs reads")
    folders = [path for path, _, names in os.walk(library) if ".mediabox_cache.json" in names]
    assert len(folders) == args.folders
    unknown = []
    for folder in folders:
        with open(f"{folder}/.mediabox_cache.json") as file:
            cache = json.load(file)
        for name in (name for name in os.listdir(folder) if not name.startswith(".")):
            there = os.stat(f"{folder}/{name}")
            key = hashlib.sha256(f"{name}|{there.st_size}|{there.st_mtime}".encode()).hexdigest()
            if not cache.get(key, {}).get("codec_video"):
                unknown.append((name, there.st_mtime_ns, [entry for entry in cache.values() if entry["file_name"] == name]))
    print(f"of {args.files} files theirs knows all but {len(unknown)}: {unknown[:3]}")
    sides = {
        "find": lambda: timed("find", library, "-printf", "%s %T@ %p\\n"),
        "scanned again, ours": lambda: timed(program, "scan", library),
        "scanned again, mediabox": lambda: theirs("build_media_database.py", "--scan", library),
        "query --hdr, ours": lambda: timed(program, "query", library, "--hdr"),
        "query --hdr, mediabox": lambda: theirs("query_media_database.py", "--hdr", "--dirs", *folders),
        "stats, ours": lambda: timed(program, "stats", library),
        "stats, mediabox": lambda: theirs("query_media_database.py", "--stats", "--dirs", *folders),
    }
    times = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, side in sides.items():
            took, said = side()
            times[name].append(took)
            if name == "scanned again, mediabox":
                cached = [line.split()[-1].replace(",", "") for line in said.splitlines() if "Used cache" in line]
                assert int(cached[0]) >= args.files - len(unknown), said[-2000:]
    for name, took in times.items():
        print(f"{name}: {statistics.median(took):.3f} s")
    if subprocess.run([sys.executable, "-c", "import ffmpeg"], capture_output=True).returncode != 0:
        print("SKIPPED: mediabox's cold scan needs the Python package ffmpeg-python")
        sys.exit()
    cold = f"{work}/cold"
    make(cold, args.cold, max(1, args.cold // 10), clips)
    ours, _ = timed(program, "scan", cold, "--no-cache")
    took, said = theirs("build_media_database.py", "--scan", cold)
    cached = subprocess.run(["grep", "-rhoc", "fingerprint_hash", cold, "--include=.mediabox_cache.json"], stdout=subprocess.PIPE, text=True)
    told = sum(int(line) for line in cached.stdout.split())
    print(f"cold, {args.cold} files: ours {ours:.2f} s ({args.cold / ours:.0f} a second), mediabox {took:.1f} s ({args.cold / took:.1f} a second), "
          f"{told} of them in its caches afterwards")
