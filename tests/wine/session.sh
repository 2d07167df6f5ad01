# Sourced by run.sh: a worker is told to end by its console, and its user logs off under it.
# What is not assigned here is run.sh's.
# shellcheck shell=bash disable=SC2154,SC2034
. tests/wine/common.sh
library=$work/session
clip "$library/long.mkv" 3600
# Its encoders are tried before, so that it encodes when it is told.
as_windows --dir "$(in_windows "$library")" --dry-run >"$work/session.dry" 2>&1
encodes() { for _ in {1..600}; do [ -n "$(find "$library" -name out.part -size +0)" ] && return; sleep 0.1; done; return 1; }
ended_well() { # ended_well WHAT CODE
    check "$1 ends a worker with 130 ($2)" test "$2" = 130
    check "$1: nothing of its work is left behind" test -z "$(litter "$library")"
    check "$1: the original is there" test -s "$library/long.mkv" -a ! -e "$library/long.mp4"
    [ "$2" = 130 ] || tail -n 20 "$work/console"
}
if have=$(type -P script); then
    # A terminal of its own, and the key as a person presses it. The shell in it, whichever $SHELL is, must outlive the key to tell the code.
    { encodes && printf '\003'; for _ in {1..600}; do [ -e "$work/terminal.code" ] && break; sleep 0.1; done; } |
        wine=$wine exe=$exe folder=$(in_windows "$library") state=$(in_windows "$state/windows") code=$work/terminal.code "$have" -qec \
            'trap : INT; "$wine" "$exe" --state-dir "$state" --dir "$folder"; echo $? >"$code"' "$work/console" >/dev/null 2>&1
    ended_well "Ctrl-C in a terminal" "$(cat "$work/terminal.code" 2>/dev/null)"
else
    skip "wine session: there is no \`script\` to open a terminal with"
fi
if x86_64-w64-mingw32-gcc -O2 -s -o "$work/console-event.exe" tests/wine/console-event.c; then
    for event in 1:Ctrl-Break "2:the console's window, closed,"; do
        rm -f "$work/now"
        { encodes && touch "$work/now"; } &
        "$wine" "$work/console-event.exe" "${event%%:*}" "$(in_windows "$work/now")" \
            "$(in_windows "$exe") --state-dir $(in_windows "$state/windows") --dir $(in_windows "$library") --json" >"$work/console" 2>&1
        ended_well "${event#*:}" $?
    done
else
    fail "the program that plays a console builds"
fi
: >"$work/session.json"
as_windows --dir "$(in_windows "$library")" --json >"$work/session.json" 2>"$work/session.err" &
worker=$!
for _ in {1..600}; do
    grep -q '"stage":"encoding"' "$work/session.json" && break
    sleep 0.1
done
check "it encodes before its user logs off" grep -q '"stage":"encoding"' "$work/session.json"
"$wine" wineboot --end-session >"$work/logoff" 2>&1
wait $worker
code=$?
check "log-off ends a worker as Ctrl-C does" test $code = 130
check "it has said so" grep -q '"interrupted":true' "$work/session.json"
check "nothing of its work is left behind" test -z "$(litter "$library")"
check "the original is whole" ffprobe -v error "$library/long.mkv"
[ $code = 130 ] || { echo "ended with $code"; cat "$work/session.err" "$work/logoff"; tail -n 3 "$work/session.json"; }
