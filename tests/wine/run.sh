#!/usr/bin/env bash
# Runs the Windows program and its tests under wine, with a real Windows ffmpeg:
#
#   tests/wine/run.sh             all of it
#   tests/wine/run.sh PART...     only these: program fleet roots provision it unit session
#
# `it` is the whole integration suite, `unit` the tests inside the library but for those that only ffmpeg's arithmetic could fail.
#
# PASS, FAIL and SKIPPED lines and libtest's own output; the last line is `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70
exec </dev/null
readonly WINDOWS=x86_64-pc-windows-gnu
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
home=$target/wine
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} RUST_BACKTRACE=1 WINEDEBUG=${WINEDEBUG:--all}
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$PWD/tests/wine/wine
# shellcheck disable=SC2034  # the scenarios it sources use it
wine=$PWD/tests/wine/wine
passed=0 failed=0 skipped=0

pass() { echo "PASS $*"; passed=$((passed + 1)); }
fail() { echo "FAIL $*"; failed=$((failed + 1)); }
skip() { echo "SKIPPED: $*"; skipped=$((skipped + 1)); }
finish() { printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"; [ "$failed" = 0 ]; exit; }

# check NAME COMMAND...: passes where the command does; shows what it printed where it does not.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name"; printf '%s\n' "$output" | tail -n 40 | sed 's/^/    /'; fi
}

# cargo_tests NAME ARG...: libtest's own sums are added to ours.
cargo_tests() {
    local name=$1 log=$home/$1.log code sums p f s
    shift
    cargo test --locked --all-features --target "$WINDOWS" --no-fail-fast "$@" -- --show-output "${without[@]}" "${filter[@]}" 2>&1 | tee "$log" |
        awk '/^successes:$/ { quiet = 1 } /^(failures:|test result: .*)$/ { quiet = 0 } !quiet || /^SKIPPED: / { print; fflush() }'
    code=${PIPESTATUS[0]}
    sums=$(awk '/^successes:$/ { inside = 1 } /^failures:$/ { inside = 0 }
        /^---- .* stdout ----$/ { told = 0 }
        /^SKIPPED: / && inside && !told { told = 1; p--; s++ }
        /^test result: / { p += $4; f += $6; s += $8; inside = 0 }
        END { print p + 0, f + 0, s + 0 }' "$log")
    read -r p f s <<<"$sums"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    # It did not build, or a test took the whole binary with it.
    [ "$code" = 0 ] || [ "$f" != 0 ] || fail "$name: ended with $code"
}

# All at once: by itself the program would be built with fewer features of what it stands on, and so a second time. The fake ffmpeg is
# among it, for under wine there is no compiler to make it with.
build() {
    if [ -n "${exe:-}" ]; then return; fi
    cargo build --locked --all-features --target "$WINDOWS" --bin media-converter --example contend --example fake-ffmpeg --test it >"$home/build.log" 2>&1 ||
        { fail "the Windows program builds"; tail -n 30 "$home/build.log"; return 1; }
    exe=$target/$WINDOWS/debug/media-converter.exe
}

part_unit() {
    skip "wine unit: share::model: it does no IO and reads no clock; ffmpeg::caps::decode, scan::tests::real: minutes of ffmpeg, which makes the same of a film on every system"
    without=(--skip share::model --skip ffmpeg::caps::decode --skip scan::tests::real)
    build && cargo_tests unit --lib
    without=()
}

part_it() { build && cargo_tests it --test it; }

# What only real processes of both kinds can show is in scenarios of its own, one file each.
part_program() { build && . tests/wine/program.sh; }
part_fleet() { build && . tests/wine/fleet.sh; }
part_roots() { build && . tests/wine/roots.sh; }
part_provision() { build && . tests/wine/provision.sh; }
part_session() { build && . tests/wine/session.sh; }

filter=() without=()
parts=()
for word in "$@"; do
    case $word in
    unit | it | program | fleet | roots | provision | session) parts+=("$word") ;;
    *) filter+=("$word") ;;
    esac
done
if [ ${#parts[@]} = 0 ]; then
    # The session comes last, for it ends.
    parts=(program fleet roots provision it unit session)
fi

mkdir -p "$home"
if ! reason=$(tests/wine/prepare.sh | tail -n 1) || [ -n "$reason" ]; then
    for part in "${parts[@]}"; do skip "wine $part: $reason"; done
    finish
fi
# No program of ours outlives the tests; the server is this prefix's alone.
trap 'WINEPREFIX=$home/prefix wineserver -k >/dev/null 2>&1' EXIT
work=$(mktemp -d "$home/work.XXXXXX")
for part in "${parts[@]}"; do
    printf '\n-- %s\n' "$part"
    "part_$part"
done
rm -rf "$work"
finish
