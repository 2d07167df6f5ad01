#!/bin/sh
# A container's worker: run after run over $LIBRARY, as the user $PUID:$PGID, with $REST seconds between. Arguments go to each run.
set -eu
program=${MEDIA_CONVERTER:-media-converter}
state=${STATE:-/state}

if [ "$(id -u)" = 0 ] && [ "${PUID:-0}" != 0 ]; then
    groups=$PGID
    # Who may use the graphics is a group of the host's, whose number only the device knows.
    for device in /dev/dri/renderD*; do
        if [ -e "$device" ]; then groups=$groups,$(stat -c %g "$device"); fi
    done
    mkdir -p "$state"
    chown "$PUID:$PGID" "$state"
    exec setpriv --reuid "$PUID" --regid "$PGID" --groups "$groups" --no-new-privs --inh-caps=-all "$0" "$@"
fi

child=
stopped=
# A shell that is process 1 gets signals only for what it has a trap for, and passes none on by itself.
trap 'stopped=yes; if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null || :; fi' TERM INT

# start PROGRAM ARGUMENTS...: as $child; a signal that came a moment before found none to pass it on to.
start() {
    "$@" &
    child=$!
    if [ -n "$stopped" ]; then kill -TERM "$child" 2>/dev/null || :; fi
}

# ended: waits for $child; a signal of ours interrupts the waiting, not the child.
ended() {
    code=0
    wait "$child" || code=$?
    while kill -0 "$child" 2>/dev/null; do
        code=0
        wait "$child" || code=$?
    done
    child=
    return "$code"
}

export HOME="$state"
while [ -z "$stopped" ]; do
    start "$program" --dir "$LIBRARY" --state-dir "$state" "$@"
    code=0
    ended || code=$?
    # Wrong usage stays wrong; everything else (a share that is away, a file that failed) may be better next time.
    if [ "$code" = 2 ]; then exit 2; fi
    if [ -n "$stopped" ] || [ "${REST:-300}" = 0 ]; then exit "$code"; fi
    start sleep "${REST:-300}"
    ended || :
done
