#!/usr/bin/env bash
# Two PID namespaces of one host name on one tree: what two containers of one image look like to each other.
#
# Each sees only its own processes, with the same small numbers; /proc of one says nothing about the other. Neither may
# take the other's claim for a dead worker's, and every file is converted once. The last line is
# `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
exec </dev/null
program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/media-converter}")
passed=0 failed=0 skipped=0
check() {
    local name=$1
    shift
    if "$@"; then echo "PASS $name"; passed=$((passed + 1)); else echo "FAIL $name"; failed=$((failed + 1)); fi
}
finish() { printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"; [ "$failed" = 0 ]; exit; }
skip() { echo "SKIPPED: namespaces: $*"; skipped=$((skipped + 1)); finish; }

command -v unshare >/dev/null || skip "unshare is not installed"
command -v ffmpeg >/dev/null || skip "ffmpeg is not installed"
space=(unshare --pid --fork --mount-proc --kill-child)
# Without root, a user namespace gives the right to make the others.
"${space[@]}" true 2>/dev/null || space=(unshare --user --map-root-user --pid --fork --mount-proc --kill-child)
"${space[@]}" true 2>/dev/null || skip "this machine gives no PID namespaces"
[ -x "$program" ] || cargo build --locked --bin media-converter || { check "the program builds" false; finish; }

work=$(mktemp -d)
pids=()
clean() {
    local pid
    for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap clean EXIT
clip() { # clip FILE SECONDS: an hour old, so that it counts as quiet
    ffmpeg -hide_banner -loglevel error -y -f lavfi -i "testsrc=s=160x90:r=10:d=$2" -f lavfi -i "sine=d=$2" -shortest \
        -c:v mpeg4 -c:a mp2 "$1" && touch -d '1 hour ago' "$1"
}
# Each namespace has its own state, as each container has.
worker() { # worker NAME ARG...: a worker that is process 1 of a namespace of its own
    local name=$1
    shift
    exec "${space[@]}" "$program" --state-dir "$work/state-$name" --json "$@" >"$work/$name.json" 2>"$work/$name.err"
}
converted() { cat "$@" | grep -c '"outcome":"converted"'; }
for name in one two; do
    mkdir -p "$work/warm"
    clip "$work/warm/warm.mkv" 1
    # Finds out what ffmpeg can do, so that both begin at once below.
    (worker "$name" --dir "$work/warm" --dry-run)
done

# 1. Twenty files, two workers that are both process 1.
library=$work/library
mkdir -p "$library"
clip "$work/clip.mkv" 1
for number in $(seq -w 20); do cp -p "$work/clip.mkv" "$library/clip $number.mkv"; done
(worker one --dir "$library") &
pids+=($!)
(worker two --dir "$library") &
pids+=($!)
wait "${pids[0]}"
first=$?
wait "${pids[1]}"
second=$?
check "two workers that are both process 1 end well ($first, $second)" test "$first $second" = "0 0"
check "each of 20 files is converted once" test "$(converted "$work"/{one,two}.json)" = 20
check "every result is there" test "$(find "$library" -name '*.mp4' | wc -l)" = 20
check "every original waits in the trash" test "$(find "$library/.mediabox/trash" -name '*.original' | wc -l)" = 20
check "nothing else of ours is left behind" \
    test -z "$(find "$library" \( -name '.mbx-*' -o -name '*.mediabox.lock' -o -name '*.part' \))"
[ "$failed" = 0 ] || cat "$work"/{one,two}.err

# 2. One holds a claim for long; the other, with the same number, may neither take it over nor wait for it.
long=$work/long
mkdir -p "$long"
clip "$long/long.mkv" 1200
(worker one --dir "$long" --no-nice) &
pids=($!)
for _ in $(seq 600); do
    grep -q '"stage":"encoding"' "$work/one.json" 2>/dev/null && break
    sleep 0.1
done
check "the first is encoding" grep -q '"stage":"encoding"' "$work/one.json"
(worker two --dir "$long")
check "the second, of the same number, does not convert what the first holds" \
    test "$(converted "$work/two.json")" = 0
check "it says that it is held" grep -q '"claimed"\|"held"' "$work/two.json"
"${space[@]}" "$program" --state-dir "$work/state-two" locks "$long" >"$work/locks.txt" 2>&1
check "locks calls it held, not dead" grep -qi 'held' "$work/locks.txt"
# A worker that is killed in its namespace is dead for sure only there; in another one its claim waits for the timeout.
kill -0 "${pids[0]}" 2>/dev/null
running=$?
(worker two --dir "$long")
if [ "$running" = 0 ] && kill -0 "${pids[0]}" 2>/dev/null; then
    check "still nothing is taken over while the first lives" test "$(converted "$work/two.json")" = 0
else
    echo "SKIPPED: namespaces: the first had ended before the second look"
    skipped=$((skipped + 1))
fi
wait "${pids[0]}"
check "the first ends its file" test "$(converted "$work/one.json")" = 1
[ "$failed" = 0 ] || { cat "$work/locks.txt"; tail -n 20 "$work"/{one,two}.err; tail -n 3 "$work/two.json"; }
finish
