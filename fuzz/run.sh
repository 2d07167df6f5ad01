#!/usr/bin/env bash
# Every fuzz target for a while, from seeds that are made here. Needs cargo-fuzz; a stable toolchain does.
# usage: fuzz/run.sh [SECONDS] [TARGET]...     (180 seconds each; all of fuzz/targets)
# What is found lies in fuzz/artifacts; keep it as a test. The last lines count what was run.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-180}
shift || true
[ $# -gt 0 ] || { mapfile -t all < <(basename -s .rs fuzz/targets/*.rs); set -- "${all[@]}"; }
export RUSTC_BOOTSTRAP=1

seed() { # TARGET
    local into=fuzz/corpus/$1
    [ ! -d "$into" ] || return 0
    mkdir -p "$into"
    case $1 in
    headers)
        # Without their pictures: a header is what is read.
        bash tests/media/generate.sh target/tmp/library-fuzz > /dev/null
        find target/tmp/library-fuzz -type f -size -24k -exec cp -t "$into" {} +
        ;;
    probe)
        bash tests/media/generate.sh target/tmp/library-fuzz > /dev/null
        local clip
        for clip in target/tmp/library-fuzz/*0*; do
            ffprobe -v error -of json -show_format -show_streams -show_chapters -show_programs "$clip" > "$into/$(basename "$clip").json" || true
        done
        ;;
    cache)
        printf '{"k": {"file_name": "a.mkv", "file_size": 7, "file_mtime": 5.0, "mbx_facts": {"by": "b", "media": "{}"}, "x": [null]}}' > "$into/facts"
        printf '{"k": {"file_name": "a.mkv", "mbx": {"name": "a.mkv", "stamp": {"size": 7, "sec": 5, "nsec": 0}, "policy": "p", "verdict": "fits", "words": "", "host": "h", "at": 1.0}}}' > "$into/memo"
        ;;
    records)
        printf '\0{"hostname": "h", "pid": 1, "timestamp": 1.5, "file": "a.mkv", "mbx": 1, "token": "t", "ttl": 900}' > "$into/lock"
        printf '\3{"path": "a/b.mkv", "host": "h", "at": 1.0}' > "$into/wish"
        ;;
    words)
        printf 'height > 1080 and (codec = "hevc" or not hdr) and size >= 4G' > "$into/question"
        printf '.mbx-0123456789abcdef.lock' > "$into/name"
        ;;
    esac
}

failed=0
for target in "$@"; do
    seed "$target"
    echo "== $target, $seconds s"
    cargo fuzz run --fuzz-dir fuzz -s none "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -max_len=65536 \
        -print_final_stats=1 -close_fd_mask=1 > "fuzz/$target.log" 2>&1 || { failed=1; echo "found something: fuzz/$target.log"; }
    grep -E 'stat::(number_of_executed_units|peak_rss_mb)|^Done|SUMMARY|panicked' "fuzz/$target.log" || true
done
exit "$failed"
