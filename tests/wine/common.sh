# Sourced by run.sh's parts: clips, and running the program as Windows and as Linux see it.
# What is not assigned here is run.sh's.
# shellcheck shell=bash disable=SC2154,SC2034

# clip FILE [SECONDS]: an hour old, so that it counts as quiet.
clip() {
    mkdir -p "$(dirname "$1")"
    ffmpeg -hide_banner -loglevel error -y -f lavfi -i "testsrc=s=160x90:r=10:d=${2:-1}" -f lavfi -i "sine=d=${2:-1}" \
        -shortest -c:v mpeg4 -c:a mp2 "$1" && touch -d '1 hour ago' "$1"
}

# in_windows PATH: as wine's programs name it.
in_windows() { local path=${1//\//\\}; printf 'Z:%s' "$path"; }

# The first run of each tries every encoder; what it found is remembered here.
state=$home/state
as_windows() { "$wine" "$exe" --state-dir "$(in_windows "$state/windows")" "$@"; }
as_linux() { "$target/debug/media-converter" --state-dir "$state/linux" "$@"; }

# events FILE NAME: how many events of this name.
events() { grep -c "\"event\":\"$2\"" "$1"; }

# litter FOLDER: what a clean end may not leave behind.
litter() { find "$1" \( -name '.mbx-*' -o -name '*.mediabox.lock' -o -name '*.part' -o -name '*.tmp' \) -print; }

# same FILE FILE...: all of one content.
same() { [ "$(sha256sum "$@" | cut -d ' ' -f 1 | sort -u | wc -l)" = 1 ]; }

# ours PATTERN: the programs in this prefix whose command line fits.
ours() { pgrep -f "$1" | while read -r pid; do grep -qz "WINEPREFIX=$home/prefix" "/proc/$pid/environ" 2>/dev/null && echo "$pid"; done; }
