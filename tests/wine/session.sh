# Sourced by run.sh: the user logs off under a worker.
# What is not assigned here is run.sh's.
# shellcheck shell=bash disable=SC2154,SC2034
. tests/wine/common.sh
library=$work/session
clip "$library/long.mkv" 1800
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
