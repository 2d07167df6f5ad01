# Sourced by run.sh: Windows and Linux workers together on one tree.
# What is not assigned here is run.sh's.
# shellcheck shell=bash disable=SC2154,SC2034
. tests/wine/common.sh
cargo build --locked --bin media-converter >"$home/build-linux.log" 2>&1 || fail "the Linux program builds"
shared=$work/shared
readonly CLIPS=24
clip "$work/clip.mkv"
for number in $(seq -w $CLIPS); do
    mkdir -p "$shared/folder $((10#$number % 4))"
    cp -p "$work/clip.mkv" "$shared/folder $((10#$number % 4))/clip $number.mkv"
done
# Each side has found out what its ffmpeg can do, so that both begin at once.
clip "$work/warm/warm.mkv"
as_windows --dir "$(in_windows "$work/warm")" --dry-run >/dev/null 2>&1
as_linux --dir "$work/warm" --dry-run >/dev/null 2>&1

as_windows --dir "$(in_windows "$shared")" --json >"$work/windows-1.json" 2>"$work/windows-1.err" &
workers=($!)
as_windows --dir "$(in_windows "$shared")" --json >"$work/windows-2.json" 2>"$work/windows-2.err" &
workers+=($!)
as_linux --dir "$shared" --json >"$work/linux-1.json" 2>"$work/linux-1.err" &
workers+=($!)
as_linux --dir "$shared" --json >"$work/linux-2.json" 2>"$work/linux-2.err" &
workers+=($!)
codes=()
for worker in "${workers[@]}"; do
    wait "$worker"
    codes+=($?)
done
check "four workers, two of them Windows, end well (${codes[*]})" test "${codes[*]}" = "0 0 0 0"
converted() { grep -h '"outcome":"converted"' "$@" | wc -l; }
all=$(converted "$work"/{windows,linux}-?.json)
echo "converted by Windows $(converted "$work"/windows-?.json), by Linux $(converted "$work"/linux-?.json)"
check "each of $CLIPS files is converted exactly once ($all)" test "$all" = $CLIPS
check "every result is there" test "$(find "$shared" -name '*.mp4' | wc -l)" = $CLIPS
check "no original is left in its place" test -z "$(find "$shared" -name '*.mkv')"
check "every original waits in the trash" test "$(find "$shared/.mediabox/trash" -name '*.original' | wc -l)" = $CLIPS
check "nothing else of ours is left behind" test -z "$(litter "$shared")"
check "Windows did its part" test "$(converted "$work"/windows-?.json)" -gt 0
check "Linux did its part" test "$(converted "$work"/linux-?.json)" -gt 0
[ "$all" = $CLIPS ] || cat "$work"/*.err
