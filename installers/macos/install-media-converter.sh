#!/bin/sh
# Installs media-converter for this user on macOS from the release archive that this script lies in; needs no root.
#
#   ./install-media-converter.sh               installs, or updates what is there; ffmpeg by Homebrew where it is missing
#   ./install-media-converter.sh --uninstall   takes away what was installed, the launchd agents too
#
# Everything is done by `media-converter setup`; each of its switches may follow. `media-converter service install --dir DIR`
# then makes a launchd agent of it.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
program=$here/media-converter
[ -x "$program" ] || program=$HOME/.local/bin/media-converter
[ -x "$program" ] || { echo "$0: media-converter is not beside this script: unpack the whole release archive" >&2; exit 4; }

# What a browser fetched is held back by Gatekeeper until somebody says that it is meant.
if command -v xattr >/dev/null 2>&1; then xattr -d com.apple.quarantine "$program" 2>/dev/null || :; fi

case ${1:-} in
--uninstall) exec "$program" setup "$@" ;;
*) exec "$program" setup --install "$@" ;;
esac
