#!/usr/bin/env bash
# Looks at what `cargo xtask dist` made: every archive is whole, and every program in them works as far as this machine can
# run it (another processor's by qemu-user, Windows' by wine).
#
#   tests/dist.sh [DIR]      default: target/dist
#
# The last line is `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
exec </dev/null
dist=$(realpath -m "${1:-${CARGO_TARGET_DIR:-target}/dist}")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
passed=0 failed=0 skipped=0
pass() { echo "PASS $*"; passed=$((passed + 1)); }
fail() { echo "FAIL $*"; failed=$((failed + 1)); }
skip() { echo "SKIPPED: dist: $*"; skipped=$((skipped + 1)); }
# check NAME COMMAND...: passes where the command does; shows what it printed where it does not.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name"; printf '%s\n' "$output" | tail -n 20 | sed 's/^/    /'; fi
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # unpack ARCHIVE
    case $1 in
    *.zip) python3 -m zipfile -e "$1" "$work" ;;
    *) tar -C "$work" -xzf "$1" ;;
    esac
}
papers=(README.md LICENSE CHANGELOG.md SECURITY.md man/media-converter.1 completions/media-converter.bash
    completions/_media-converter completions/media-converter.fish completions/_media-converter.ps1
    completions/media-converter.elv)

# libc_is FILE: glibc's newest version that it names, "static", or nothing.
libc_is() {
    if readelf -l "$1" | grep -q INTERP; then
        readelf -V "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1
    else
        echo static
    fi
}

runs() { # runs TARGET PROGRAM: here, or by qemu-user
    local target=$1 program=$2 with=()
    case $target in
    "$(uname -m)"-*) ;;
    *-gnu)
        command -v "qemu-${target%%-*}" >/dev/null && [ -d "/usr/${target%%-*}-linux-gnu" ] ||
            { skip "$target: no qemu-${target%%-*} with that processor's C library here (qemu-user, libc6-arm64-cross)"; return; }
        with=("qemu-${target%%-*}" -L "/usr/${target%%-*}-linux-gnu")
        ;;
    *)
        command -v "qemu-${target%%-*}" >/dev/null || { skip "$target: no qemu-${target%%-*} here (qemu-user)"; return; }
        with=("qemu-${target%%-*}")
        ;;
    esac
    works "$target" "$work" / "${with[@]}" "$program"
}

runs_in_windows() { # runs_in_windows TARGET PROGRAM
    local why
    command -v wine >/dev/null || { skip "$1: wine is not installed"; return; }
    why=$(tests/wine/prepare.sh) || { skip "$1: $(tail -n 1 <<<"$why")"; return; }
    # Z: is this machine's root.
    works "$1" "Z:${work//\//\\}" '\' tests/wine/wine "$2"
}

works() { # works TARGET FOLDER SEPARATOR PROGRAM...: says its version and scans a film; the folder is $work as it sees it
    local target=$1 folder=$2 separator=$3 found
    shift 3
    check "$target says its version" test "$("$@" --version | tr -d '\r')" = "media-converter $version"
    command -v ffmpeg >/dev/null || { skip "$target: a scan needs ffmpeg"; return; }
    mkdir -p "$work/films"
    [ -s "$work/films/film.avi" ] ||
        ffmpeg -hide_banner -loglevel error -f lavfi -i testsrc=s=160x90:r=10:d=1 -c:v mpeg4 "$work/films/film.avi"
    found=$("$@" --state-dir "$folder${separator}state-$target" scan --no-cache --json "$folder${separator}films" 2>"$work/scan.err")
    check "$target scans a film" grep -q '"mpeg4"' <<<"$found"
    tail -n 5 "$work/scan.err"
}

[ -s "$dist/SHA256SUMS" ] || { fail "there is $dist/SHA256SUMS"; printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped; exit 1; }
check "the sums are right" sh -c "cd '$dist' && sha256sum --strict -c SHA256SUMS"
check "every file has one" test "$(find "$dist" -maxdepth 1 -type f ! -name SHA256SUMS | wc -l)" = "$(wc -l <"$dist/SHA256SUMS")"
check "the list of parts is CycloneDX" python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["bomFormat"] == "CycloneDX"' "$dist/media-converter-$version.cdx.json"
for archive in "$dist/media-converter-$version"-*.tar.gz "$dist/media-converter-$version"-*.zip; do
    [ -e "$archive" ] || continue
    target=$(basename "$archive") target=${target#media-converter-"$version"-} target=${target%.tar.gz} target=${target%.zip}
    top=$work/media-converter-$version-$target
    check "$target unpacks" unpack "$archive"
    program=$top/media-converter
    [ -e "$program" ] || program=$program.exe
    missing=()
    case $target in
    *-windows-*) installers=(install-media-converter.ps1 install-media-converter.bat) ;;
    *-apple-*) installers=(install-media-converter.sh) ;;
    *) installers=() ;;
    esac
    for paper in "${papers[@]}" "${installers[@]}"; do [ -s "$top/$paper" ] || missing+=("$paper"); done
    check "$target has program and papers (${missing[*]:-all})" test -s "$program" -a ${#missing[@]} = 0
    echo "$target: program $(stat -c %s "$program"), archive $(stat -c %s "$archive") bytes"
    case $target in
    *-linux-musl) check "$target is static" test "$(libc_is "$program")" = static ;;
    *-linux-gnu)
        newest=$(libc_is "$program")
        check "$target needs no newer C library than 2.17 ($newest)" test "$(printf '%s\n' GLIBC_2.17 "$newest" | sort -V | tail -n 1)" = GLIBC_2.17
        check "$target can load NVIDIA's library" grep -q ' dlopen' <(readelf -W --dyn-syms "$program")
        ;;
    esac
    case $target in
    *-linux-*) runs "$target" "$program" ;;
    *-windows-*) runs_in_windows "$target" "$program" ;;
    esac
done
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
