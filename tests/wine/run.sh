#!/usr/bin/env bash
# Runs the Windows program and its tests under wine, with a real Windows ffmpeg:
#
#   tests/wine/run.sh             program fleet provision session
#   tests/wine/run.sh PART...     only these: unit it program fleet provision session
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
    cargo test --locked --target "$WINDOWS" --no-fail-fast "$@" -- --show-output "${without[@]}" "${filter[@]}" 2>&1 | tee "$log" |
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

build() {
    if [ -n "${exe:-}" ]; then return; fi
    cargo build --locked --target "$WINDOWS" --bin media-converter >"$home/build.log" 2>&1 ||
        { fail "the Windows program builds"; tail -n 30 "$home/build.log"; return 1; }
    exe=$target/$WINDOWS/debug/media-converter.exe
}

# `--lib` and `--test` alone build no example, and under wine there is no compiler to make the fake ffmpeg with.
build_fake() {
    cargo build --locked --target "$WINDOWS" --example fake-ffmpeg >"$home/build-fake.log" 2>&1 ||
        { fail "the fake ffmpeg builds"; tail -n 30 "$home/build-fake.log"; return 1; }
}

part_unit() {
    skip "wine unit: share::model: it does no IO and reads no clock, so that it is the same in the suite \`test\`"
    # wine keeps a removed name in its folder while anybody has it open, as SMB servers do and Windows' own disks do not;
    # with four in a tight loop that lasts longer than anybody's patience. On SMB tests/netshare has contests of its own.
    skip "wine unit: the tight loops beside the Python workers' locks: a removed name stays too long here"
    without=(--skip share::model --skip exclude_each_other)
    build_fake && cargo_tests unit --lib
    without=()
}

part_it() { build_fake && cargo_tests it --test it; }

# What only real processes of both kinds can show is in scenarios of its own, one file each.
part_program() { build && . tests/wine/program.sh; }
part_fleet() { build && . tests/wine/fleet.sh; }
part_provision() { build && . tests/wine/provision.sh; }
part_session() { build && . tests/wine/session.sh; }

filter=() without=()
parts=()
for word in "$@"; do
    case $word in
    unit | it | program | fleet | provision | session) parts+=("$word") ;;
    *) filter+=("$word") ;;
    esac
done
if [ ${#parts[@]} = 0 ]; then
    # The session comes last, for it ends.
    parts=(program fleet provision session)
    for part in unit it; do
        skip "wine $part: takes half an hour here, and was seen to pass in pieces, never whole; \`tests/wine/run.sh $part\` runs it"
    done
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
