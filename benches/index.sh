#!/usr/bin/env bash
# How long remembered entries take to be ready: a question that reads every entry, as a whole process, warm, median of five.
# Aims: 30,000 in 0.1 s, 1,000,000 in 3 s.
# usage: benches/index.sh [PROGRAM] [FILES]...
#   PROGRAM: target/release/media-converter, built where it is not there; FILES: 30000 1000000
# 30,000 hard links to four small clips are scanned for it; more entries are copies of theirs in this machine's own memory, folder by
# folder, which is all that a question reads.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$("$here/benches/about.sh" --release)}")
shift || true
[ $# -gt 0 ] || set -- 30000 1000000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/benches/about.sh" "$program" "$work"
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
"$program" caps > /dev/null 2>&1
python3 - "$program" "$work/library" "$work/clips" "$@" <<'PY'
import glob, json, os, sqlite3, statistics, subprocess, sys, time
program, library, clips, counts = *sys.argv[1:4], [int(count) for count in sys.argv[4:]]
bodies = sorted(os.listdir(clips))
# Everything that is asked for up to so many, and a multiple of it above.
SCANNED = min(30_000, min(counts))
AIMS = {30_000: 0.1, 1_000_000: 3.0}
for n in range(SCANNED):
    path = f"{library}/Part {n // 10 % 100:02}/Title {n // 10:06}"
    os.makedirs(path, exist_ok=True)
    name = bodies[n % len(bodies)]
    os.link(f"{clips}/{name}", f"{path}/Episode {n % 10}.{name.rsplit('.', 1)[1]}")

def timed(*argv):
    """Seconds, seconds of processor time, peak memory in MiB, and what was printed."""
    begun = time.monotonic()
    run = subprocess.Popen([program, *argv], stdout=subprocess.PIPE, text=True)
    said = run.stdout.read()
    _, status, usage = os.wait4(run.pid, 0)
    took = time.monotonic() - begun
    assert status == 0, (argv, status)
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, said

timed("scan", library, "--no-cache", "--quiet")
store, = glob.glob(os.environ["XDG_STATE_HOME"] + "/**/*.sqlite3", recursive=True)
here = 1
for files in sorted(counts):
    with sqlite3.connect(store) as memory:
        for copy in range(here, files // SCANNED + (files % SCANNED > 0)):
            memory.execute("INSERT INTO folder SELECT library, 'Copy ' || ? || '/' || folder, state, rows FROM folder WHERE folder LIKE 'Part %'", [copy])
            here += 1
    question = ["query", library, "--where", "height > 9000 or name ~ nobody", "--json"]
    remembered = json.loads(timed(*question)[-1])["remembered"]
    took, busy, peak = (statistics.median(figures) for figures in list(zip(*(timed(*question) for _ in range(5))))[:3])
    aim = f"; aim {AIMS[files]} s: {'reached' if took <= AIMS[files] else 'missed'}" if files in AIMS else ""
    print(f"{remembered} entries ready and asked: {took:.3f} s ({busy:.3f} s of processor time), peak {peak} MiB{aim}")
PY
