#!/usr/bin/env bash
# How long remembered entries take to be ready: a question that reads every entry, as a whole process, warm, median of five.
# usage: benches/index.sh [PROGRAM] [FILES]...     (PROGRAM: target/release/media-converter; FILES: 30000 1000000)
# 30,000 hard links to four small clips are scanned for it; more entries are copies of theirs in this machine's own memory, folder by
# folder, which is all that a question reads.
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
python3 - "$program" "$work/library" "$work/clips" "$@" <<'PY'
import glob, json, os, resource, sqlite3, statistics, subprocess, sys, time
program, library, clips, counts = *sys.argv[1:4], [int(count) for count in sys.argv[4:]]
bodies = sorted(os.listdir(clips))
SCANNED = 30_000
for n in range(SCANNED):
    path = f"{library}/Part {n // 10 % 100:02}/Title {n // 10:06}"
    os.makedirs(path, exist_ok=True)
    name = bodies[n % len(bodies)]
    os.link(f"{clips}/{name}", f"{path}/Episode {n % 10}.{name.rsplit('.', 1)[1]}")

def timed(*argv):
    begun = time.monotonic()
    run = subprocess.run([program, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    took = time.monotonic() - begun
    assert run.returncode == 0, (argv, run.stderr)
    return took, run.stdout

timed("scan", library, "--no-cache")
store, = glob.glob(os.environ["XDG_STATE_HOME"] + "/**/*.sqlite3", recursive=True)
here = 1
for files in sorted(counts):
    with sqlite3.connect(store) as memory:
        for copy in range(here, files // SCANNED + (files % SCANNED > 0)):
            memory.execute("INSERT INTO folder SELECT library, 'Copy ' || ? || '/' || folder, state, rows FROM folder WHERE folder LIKE 'Part %'", [copy])
            here += 1
    question = ["query", library, "--where", "height > 9000 or name ~ nobody", "--json"]
    remembered = json.loads(timed(*question)[1])["remembered"]
    took = [timed(*question)[0] for _ in range(5)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{remembered} entries ready and asked: {statistics.median(took):.3f} s, peak {peak} MiB")
PY
