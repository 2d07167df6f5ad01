#!/usr/bin/env bash
# How long remembered entries take to be ready: a question that reads every entry, as a whole process, warm, median of five.
# usage: benches/index.sh [PROGRAM] [FILES]...     (PROGRAM: target/release/media-converter; FILES: 30000 1000000)
# The library consists of hard links to a few clips, so that a million files have real headers and take no room. One scan fills
# this machine's memory first.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$here/target/release/media-converter}")
shift || true
[ $# -gt 0 ] || set -- 30000 1000000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home XDG_STATE_HOME=$work/home/state XDG_CACHE_HOME=$work/home/cache XDG_DATA_HOME=$work/home/data \
    XDG_CONFIG_HOME=$work/home/config
mkdir -p "$XDG_STATE_HOME" "$work/clips"
source="-f lavfi -i testsrc2=size=128x72:rate=10:duration=1 -f lavfi -i sine=duration=1"
for clip in "libx264 aac mkv" "libx264 aac mp4" "libx265 ac3 mkv" "libx265 aac mp4"; do
    read -r video audio container <<< "$clip"
    # shellcheck disable=SC2086 # words are meant
    ffmpeg -loglevel error -nostdin -y $source -c:v "$video" -preset ultrafast -x265-params log-level=error -pix_fmt yuv420p \
        -c:a "$audio" -b:a 32k "$work/clips/$video-$audio.$container"
done
"$program" caps > /dev/null

for files in "$@"; do
    python3 - "$work/library-$files" "$files" "$work/clips" <<'PY'
import os, shutil, sys
library, files, clips = sys.argv[1], int(sys.argv[2]), sys.argv[3]
bodies = sorted(os.listdir(clips))
os.makedirs(f"{library}-bodies")
for n in range(files):
    folder = n // 10
    path = f"{library}/Part {folder % 100:02}/Title {folder:06}"
    if n % 10 == 0:
        os.makedirs(path)
    name = bodies[n % len(bodies)]
    # A file has at most 65,000 names.
    body = f"{library}-bodies/{n // 50000}-{name}"
    if not os.path.exists(body):
        shutil.copyfile(f"{clips}/{name}", body)
    os.link(body, f"{path}/Episode {n % 10}.{name.rsplit('.', 1)[1]}")
PY
    python3 - "$program" "$work/library-$files" "$files" <<'PY'
import json, resource, statistics, subprocess, sys, time
program, library, files = sys.argv[1], sys.argv[2], int(sys.argv[3])
def timed(*argv):
    begun = time.monotonic()
    run = subprocess.run([program, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    took = time.monotonic() - begun
    assert run.returncode == 0, (argv, run.stderr)
    return took, run.stdout
scan, _ = timed("scan", library, "--no-cache")
question = ["query", library, "--codec", "hevc", "--limit", "1", "--json"]
took, answer = timed(*question)
assert json.loads(answer)["remembered"] == files, answer
ready = [timed(*question)[0] for _ in range(5)]
none = [timed("query", library, "--where", "height > 9000", "--csv")[0] for _ in range(5)]
stats = [timed("stats", library)[0] for _ in range(5)]
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(f"{files} entries: first scan {scan:.1f} s; ready and sorted in {statistics.median(ready):.3f} s, a question that fits none "
      f"{statistics.median(none):.3f} s, stats {statistics.median(stats):.2f} s; peak of all {peak} MiB")
PY
    rm -rf "$work/library-$files" "$work/library-$files-bodies"
done
