#!/usr/bin/env bash
# How long a scan of a large library takes that was scanned before, beside `find` over the same tree in the same run.
# Aims: 1.5 times find on a local disk, 2 times on a mount and for a million files, and there 400 MB of memory.
# usage: benches/library.sh [PROGRAM] [FILES] [FOLDERS] [DIR]
#   PROGRAM: target/release/media-converter, built where it is not there; FILES, FOLDERS: 30000, a tenth of FILES;
#   DIR: where to make the library (a mount to measure). The million: benches/library.sh '' 1000000
# Up to 100,000 files are copies of four small clips, so that the first scan reads real headers; more are empty bodies
# with sparse sizes. Everything is timed as a whole process, warm; medians of five.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$("$here/benches/about.sh" --release)}")
files=${2:-30000}
folders=${3:-$(((files + 9) / 10))}
place=${4:-$(mktemp -d)}
work=$(mktemp -d)
trap 'rm -rf "$work"; [ $# -ge 4 ] || rm -rf "$place"' EXIT
"$here/benches/about.sh" "$program" "$place"
library=$place/library-$files
export HOME=$work/home XDG_STATE_HOME=$work/home/state XDG_CACHE_HOME=$work/home/cache XDG_DATA_HOME=$work/home/data \
    XDG_CONFIG_HOME=$work/home/config
mkdir -p "$XDG_STATE_HOME" "$XDG_CACHE_HOME" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME"

if [ ! -d "$library" ]; then
    mkdir -p "$work/clips"
    source="-f lavfi -i testsrc2=size=128x72:rate=10:duration=1 -f lavfi -i sine=duration=1"
    for clip in "libx264 aac mkv" "libx264 aac mp4" "libx265 ac3 mkv" "libx265 aac mp4"; do
        read -r video audio container <<< "$clip"
        # shellcheck disable=SC2086 # words are meant
        ffmpeg -loglevel error -nostdin -y $source -c:v "$video" -preset ultrafast -x265-params log-level=error -pix_fmt yuv420p \
            -c:a "$audio" -b:a 32k "$work/clips/$video-$audio.$container"
    done
    python3 - "$library" "$files" "$folders" "$work/clips" <<'PY'
import os, sys
library, files, folders, clips = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
bodies = [(name.rsplit(".", 1)[1], open(os.path.join(clips, name), "rb").read()) for name in sorted(os.listdir(clips))]
real = files <= 100_000
for n in range(files):
    folder = n % folders
    path = f"{library}/Part {folder % 100:02}/Title {folder:06} ({1950 + folder % 70})"
    if n < folders:
        os.makedirs(path, exist_ok=True)
    ending, body = bodies[n % len(bodies)]
    with open(f"{path}/Episode {n // folders:03}.{ending}", "wb") as file:
        if real:
            file.write(body)
        else:
            file.truncate(1_000_000_000 + n)
PY
fi

timed() { # seconds and peak memory (KiB) of a command
    /usr/bin/env python3 - "$@" <<'PY'
import os, resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
took = time.monotonic() - start
assert code == 0, (code, sys.argv)
print(f"{took:.4f} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
PY
}
middle() { sort -n | sed -n 3p | cut -d' ' -f"$1"; }

timed "$program" caps > /dev/null
cp -r "$work/home" "$work/tried"
find "$library" -name .mediabox_cache.json -delete
read -r cold cold_memory <<< "$(timed "$program" scan "$library")"
# Another machine: it remembers nothing, and reads what the first one shared.
mv "$work/home" "$work/first" && cp -r "$work/tried" "$work/home"
read -r other _ <<< "$(timed "$program" scan "$library")"
rm -rf "${work:?}/home" && mv "$work/first" "$work/home"
timed "$program" scan "$library" > /dev/null
timed find "$library" -printf '%s %T@ %p\n' > /dev/null
for _ in 1 2 3 4 5; do
    timed find "$library" -printf '%s %T@ %p\n' >> "$work/find"
    timed "$program" scan "$library" >> "$work/scan"
    timed "$program" query "$library" --codec hevc --limit 1 >> "$work/query"
    timed "$program" stats "$library" >> "$work/stats"
done
find_time=$(middle 1 < "$work/find") scan_time=$(middle 1 < "$work/scan") query_time=$(middle 1 < "$work/query") stats_time=$(middle 1 < "$work/stats")
echo "$files files in $folders folders, $(stat -f -c %T "$library"), $(nproc) processors"
echo "first scan: $cold s, peak $((cold_memory / 1024)) MiB"
echo "first scan of a second machine, from the shared caches: $other s"
echo "find:       $find_time s"
aim=1.5
[ "$files" -lt 1000000 ] && [ $# -lt 4 ] || aim=2
ratio=$(echo "$scan_time / $find_time" | bc -l)
peak=$(($(sort -n -k2 "$work/scan" | tail -1 | cut -d' ' -f2) / 1024))
verdict=missed
[ "$(echo "$ratio <= $aim && $peak <= 380" | bc -l)" = 0 ] || verdict=reached
printf 'scan again: %s s, %.2f times find, peak %d MiB; aim %s times, 400 MB: %s\n' "$scan_time" "$ratio" "$peak" "$aim" "$verdict"
printf 'query:      %s s, peak %d MiB\n' "$query_time" "$(($(sort -n -k2 "$work/query" | tail -1 | cut -d' ' -f2) / 1024))"
echo "stats:      $stats_time s"
