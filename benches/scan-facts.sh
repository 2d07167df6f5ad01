#!/usr/bin/env bash
# A cold scan of real headers beside `xargs -P ffprobe` over the same files, in one run, median of five.
# Aims: ten times its files a second for what headers tell, and no more than 1.1 times its time for what needs ffprobe.
# usage: benches/scan-facts.sh [PROGRAM] [COPIES]   (PROGRAM: target/release/media-converter, built where it is not there)
# The clips come from tests/media/generate.sh; the files lie in the page cache for both sides, which is to ffprobe's
# advantage: on a share both wait for the same reads, and ours are fewer.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$("$here/benches/about.sh" --release)}")
copies=${2:-5}
cores=$(nproc)
clips=$here/target/tmp/library-bench
bash "$here/tests/media/generate.sh" "$clips"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/benches/about.sh" "$program" "$work"

lay() { # folder, then clips: each copied COPIES times, twenty to a folder
    local into=$1 n=0 copy clip; shift
    for copy in $(seq "$copies"); do
        for clip in "$@"; do
            n=$((n + 1))
            mkdir -p "$into/$((n / 20))"
            cp "$clip" "$into/$((n / 20))/$copy-$(basename "$clip")"
        done
    done
}
# What a converted library holds, and what only ffprobe reads.
plain=() odd=()
for clip in "$clips"/*; do
    case $(basename "$clip") in
    *-mpeg2.* | *-mpeg4.* | *-mjpeg.* | *-dts.* | *-truehd.* | *-pcm.*) odd+=("$clip") ;;
    v-h264.* | v-h264b.* | v-h264709.* | v-h264base.* | v-hevc.* | a-aac.* | a-aac51.* | a-ac351.* | a-eac3.* | \
        lang-h264* | front-h264* | tags-h264* | chap-h264*) plain+=("$clip") ;;
    esac
done
lay "$work/plain" "${plain[@]}"
lay "$work/odd" "${odd[@]}"

timed() { # seconds of a command
    local start end
    start=$(date +%s.%N)
    "$@" > "$work/out" 2> "$work/err" || { cat "$work/err" >&2; return 1; }
    end=$(date +%s.%N)
    echo "$end - $start" | bc
}
median() { sort -n | sed -n 3p; }
ours() { # a machine that knows nothing yet of these files, but what its ffmpeg can do
    rm -rf "${work:?}/home" && cp -r "$work/warm" "$work/home"
    timed env HOME="$work/home" XDG_STATE_HOME="$work/home/state" XDG_CACHE_HOME="$work/home/cache" \
        XDG_DATA_HOME="$work/home/data" XDG_CONFIG_HOME="$work/home/config" "$program" scan "$1" --json
}
peer() {
    # shellcheck disable=SC2016 # the inner shell expands it
    timed sh -c 'find "$0" -type f -print0 | xargs -0 -n1 -P"$1" ffprobe -v error -of json -show_format -show_streams -show_chapters -show_programs' "$1" "$cores"
}
mkdir -p "$work/empty" "$work/home/state" "$work/home/cache" "$work/home/data" "$work/home/config"
mkdir -p "$work/warm" && ours "$work/empty" > /dev/null && rm -rf "$work/warm" && mv "$work/home" "$work/warm"

for what in plain odd; do
    files=$(find "$work/$what" -type f | wc -l)
    for _ in 1 2 3 4 5; do ours "$work/$what" >> "$work/$what.ours"; peer "$work/$what" >> "$work/$what.peer"; done
    a=$(median < "$work/$what.ours") b=$(median < "$work/$what.peer")
    aim=10
    [ "$what" = plain ] || aim=0.91
    ratio=$(echo "$b / $a" | bc -l) verdict=missed
    [ "$(echo "$ratio >= $aim" | bc -l)" = 0 ] || verdict=reached
    printf '%s: %d files, media-converter scan %.2f s (%.0f files/s), xargs -P%d ffprobe %.2f s (%.0f files/s), ratio %.2f; aim %s: %s\n' \
        "$what" "$files" "$a" "$(echo "$files / $a" | bc -l)" "$cores" "$b" "$(echo "$files / $b" | bc -l)" "$ratio" "$aim" "$verdict"
done
