# Sourced by run.sh: set-up from nothing, PATH in the registry, and the service's and the schedule's life.
# What is not assigned here is run.sh's.
# shellcheck shell=bash disable=SC2154,SC2034
. tests/wine/common.sh
bin=$work/programs
# Without the tools in PATH: a machine on which nobody installed ffmpeg.
bare() { WINEPATH='C:\windows' "$wine" "$exe" --state-dir "$(in_windows "$state/bare")" "$@"; }
path_now() { "$wine" reg query 'HKCU\Environment' /v Path 2>/dev/null | tr -d '\r' | awk '/Path/ { print $NF }'; }
offline=$work/offline
mkdir -p "$offline"
(cd "$home/tools" && python3 -m zipfile -c "$offline/ffmpeg-test-build.zip" ffmpeg.exe ffprobe.exe)
(cd "$offline" && sha256sum ffmpeg-test-build.zip >SHA256SUMS)
before=$(path_now)

bare setup --dry-run --offline-cache "$(in_windows "$offline")" --programs "$(in_windows "$bin")" >"$work/setup-dry" 2>&1
check "a dry run of setup ends well" test $? = 0
check "and changes nothing" test ! -e "$bin" -a "$(path_now)" = "$before"

echo "$(printf '0%.0s' {1..64})  ffmpeg-test-build.zip" >"$offline/SHA256SUMS"
bare setup --offline-cache "$(in_windows "$offline")" --programs "$(in_windows "$bin")" >"$work/setup-wrong" 2>&1
check "an archive with another SHA-256 is refused" test $? != 0 -a ! -e "$bin/ffmpeg.exe"
rm -f "$offline/SHA256SUMS"

bare setup --offline-cache "$(in_windows "$offline")" --programs "$(in_windows "$bin")" \
    --report "$(in_windows "$work/report")" --json >"$work/setup.json" 2>"$work/setup.err"
check "setup from an archive ends well" test $? = 0
[ -e "$bin/ffmpeg.exe" ] || cat "$work/setup.err"
check "ffmpeg and ffprobe lie where they should" test -s "$bin/ffmpeg.exe" -a -s "$bin/ffprobe.exe"
check "nothing else lies there, but the list of what setup put there" test "$(find "$bin" -mindepth 1 | wc -l)" = 3
check "the registry's PATH has the folder" test "$(path_now)" = "${before:+$before;}$(in_windows "$bin")"
check "the report is written twice over" test -s "$work/report/setup_report.json" -a -s "$work/report/setup_report.txt"
check "it is JSON on stdout, too" python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["outcome"] == "ready"' "$work/setup.json"
bare setup --offline-cache "$(in_windows "$offline")" --programs "$(in_windows "$bin")" --force --require-gpu >"$work/gpu" 2>&1
check "without a graphics card --require-gpu exits with 20" test $? = 20
check "and what was there is there" test -s "$bin/ffmpeg.exe" -a "$(find "$bin" -mindepth 1 | wc -l)" = 3
if [ -n "$before" ]; then
    "$wine" reg add 'HKCU\Environment' /v Path /t REG_EXPAND_SZ /d "$before" /f >/dev/null 2>&1
else
    "$wine" reg delete 'HKCU\Environment' /v Path /f >/dev/null 2>&1
fi

shared=$work/served
clip "$shared/film.mkv"
# A run that was broken off may have left one.
as_windows service uninstall >/dev/null 2>&1
check "no service at first" test "$(as_windows service status 2>/dev/null | tr -d '\r')" = "not installed"
as_windows service install --dir "$(in_windows "$shared")" -- --state-dir "$(in_windows "$state/windows")" >"$work/service" 2>&1
check "a service installs and starts" test $? = 0
converted() { for _ in {1..600}; do [ -e "$shared/film.mp4" ] && return; sleep 0.1; done; return 1; }
check "it converts what is there" converted
as_windows service status >"$work/status" 2>&1
check "it goes on running, and rests" grep -q '^running' "$work/status"
as_windows service stop >>"$work/service" 2>&1
check "it stops when told" test $? = 0
clip "$shared/long.mkv" 1800
as_windows service start >>"$work/service" 2>&1
check "it starts again" test $? = 0
taken() { for _ in {1..600}; do [ -n "$(find "$shared" -name out.part -size +0)" ] && return; sleep 0.1; done; return 1; }
check "it has a film in hand" taken
if x86_64-w64-mingw32-gcc -O2 -s -o "$work/stop-service.exe" tests/wine/stop-service.c -ladvapi32; then
    "$wine" "$work/stop-service.exe" media-converter >"$work/stopping" 2>/dev/null
    check "told to stop, it ends" test $? = 0
    # 3: about to stop. 1: stopped.
    check "and says on the way that it is about to, and how long to wait" test "$(tr -d '\r' <"$work/stopping" | head -n 1)" = \
        "state 3 checkpoint 1 hint 30000" -a "$(cut -c -7 "$work/stopping" | tail -n 1)" = "state 1"
else
    fail "the program that tells a service to stop compiles"
fi
check "the film is dropped, and nothing of it left behind" test -z "$(litter "$shared")" -a -s "$shared/long.mkv"
check "it is stopped" grep -q '^stopped' <(as_windows service status 2>/dev/null)
as_windows service uninstall >>"$work/service" 2>&1
check "it is gone" test "$(as_windows service status 2>/dev/null | tr -d '\r')" = "not installed"
[ -e "$shared/film.mp4" ] || cat "$work/service" "$work/status"

as_windows schedule install --every 1h --dir "$(in_windows "$shared")" >"$work/schedule" 2>&1
check "a scheduled task is made" test $? = 0
task=$home/prefix/drive_c/windows/system32/tasks/media-converter-scheduled
if [ -e "$task" ]; then pass "the task scheduler has it"; else fail "the task scheduler has it"; cat "$work/schedule"; fi
as_windows schedule uninstall >>"$work/schedule" 2>&1
check "it is removed" test $? = 0 -a ! -e "$task"

# The release archive's own way: the script for those without PowerShell, the program beside it, nothing installed before.
archive=$work/archive
mkdir -p "$archive"
cp "$exe" installers/windows/install-media-converter.bat "$archive/"
rm -f "$offline/SHA256SUMS"
script() {
    WINEPATH='C:\windows' "$wine" cmd /c "$(in_windows "$archive/install-media-converter.bat")" "$@"
}
script --offline-cache "$(in_windows "$offline")" --programs "$(in_windows "$work/installed")" --state-dir "$(in_windows "$state/bare")" \
    --demo "$(in_windows "$work/demo")" >"$work/script.log" 2>&1
code=$?
check "the .bat installs, and its demo ends well" test $code = 0
[ $code = 0 ] || tail -n 30 "$work/script.log"
check "the program is there" test -s "$work/installed/media-converter.exe" -a -s "$work/installed/ffmpeg.exe"
check "PATH has the folder" test "$(path_now)" = "${before:+$before;}$(in_windows "$work/installed")"
check "the demo's film is converted" test -s "$work/demo/Movies/Test card (2024).mp4"
check "and its broken one left alone" test -s "$work/demo/Broken/interrupted copy.mkv"
script --offline-cache "$(in_windows "$offline")" --programs "$(in_windows "$work/installed")" --state-dir "$(in_windows "$state/bare")" \
    >"$work/again.log" 2>&1
check "installing again changes nothing" test $? = 0 -a "$(grep -c '^changed' "$work/again.log")" = 0
# By the installed program itself, which Windows does not let anybody delete while it runs.
WINEPATH='C:\windows' "$wine" "$work/installed/media-converter.exe" setup --uninstall --programs "$(in_windows "$work/installed")" \
    --state-dir "$(in_windows "$state/bare")" >"$work/uninstall.log" 2>&1
code=$?
check "it uninstalls itself" test $code = 0 -a ! -e "$work/installed"
[ $code = 0 ] || cat "$work/uninstall.log"
check "PATH is as it was" test "$(path_now)" = "$before"
