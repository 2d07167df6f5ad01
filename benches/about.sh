#!/usr/bin/env bash
# What a benchmark is made with, in two lines: the build, and the machine. Every script here prints them beside its figures.
# usage: benches/about.sh PROGRAM [FOLDER]
#
# With --release instead: the path of target/release/media-converter, which is built where it is not there.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

if [ "${1:-}" = --release ]; then
    program=${CARGO_TARGET_DIR:-$here/target}/release/media-converter
    [ -x "$program" ] || (cd "$here" && cargo build --release --locked --bin media-converter) >&2
    realpath "$program"
    exit
fi

program=$1 folder=${2:-${TMPDIR:-/tmp}}
# The release profile strips its symbols, the debug one keeps them; the crash tests' stops are read from a variable.
sections=$(readelf -SW "$program" 2> /dev/null || true)
case $sections in
'') profile="an unknown profile" ;;
*.symtab*) profile="debug profile" ;;
*) profile="release profile" ;;
esac
features="without features"
if grep -qa MEDIA_CONVERTER_FAILPOINT "$program"; then features="with the feature failpoints"; fi
ffmpeg=$(ffmpeg -version 2> /dev/null | sed -n '1s/^ffmpeg version \([^ ]*\).*/\1/p')
echo "built: $("$program" --version), $profile, $features"
echo "machine: $(uname -sm) $(uname -r), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg) at the start," \
    "ffmpeg ${ffmpeg:-none}, $(stat -f -c %T "$folder")"
