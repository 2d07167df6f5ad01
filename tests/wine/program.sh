# Sourced by run.sh: the Windows program alone, on a small library.
# What is not assigned here is run.sh's.
# shellcheck shell=bash disable=SC2154,SC2034
. tests/wine/common.sh
library=$work/library
clip "$library/plain.mkv"
clip "$library/Ümläute und Leerzeichen/Ein Film (2020).avi"
deep=$library
# Longer than Windows' 260 characters.
for part in {1..12}; do deep=$deep/a-long-name-of-a-folder-$part; done
clip "$deep/deep.mkv"
printf 'not a film' >"$library/broken.mkv"
touch -d '1 hour ago' "$library/broken.mkv"
sum=$(sha256sum <"$library/broken.mkv")

as_windows --dir "$(in_windows "$library")" --json >"$work/first.json" 2>"$work/first.err"
code=$?
check "a run with one unreadable file exits with 1" test "$code" = 1
for result in "$library/plain.mp4" "$library/Ümläute und Leerzeichen/Ein Film (2020).mp4" "$deep/deep.mp4"; do
    check "${result##*/} is there and plays" ffprobe -v error "$result"
done
check "a broken file is as it was" test "$sum" = "$(sha256sum <"$library/broken.mkv")"
check "nothing of ours is left behind" test -z "$(litter "$library")"
[ "$code" = 1 ] || tail -n 20 "$work/first.err"

as_windows --dir "$(in_windows "$library")" --json >"$work/second.json" 2>"$work/second.err"
check "a second run converts nothing" test "$(events "$work/second.json" job_started)" = 0
as_linux --dir "$library" --json >"$work/third.json" 2>"$work/third.err"
check "a Linux worker after it converts nothing either" test "$(events "$work/third.json" job_started)" = 0

as_windows undo "$(in_windows "$library/plain.mp4")" >"$work/undo.out" 2>&1
check "undo brings an original back" test -f "$library/plain.mkv" -a ! -f "$library/plain.mp4"

as_windows scan "$(in_windows "$library")" --json >"$work/scan.json" 2>"$work/scan.err"
check "scan prints JSON" python3 -m json.tool "$work/scan.json"
as_windows --dir "$(in_windows "$library/no such folder")" >/dev/null 2>"$work/none.err"
check "a folder that is not there exits with 4" test $? = 4
as_windows --version | tr -d '\r' >"$work/version"
check "--version is what the package says" grep -qx "media-converter $(cargo pkgid | sed 's/.*[#@]//')" "$work/version"

# A drive that only its user's next logon has, as in an elevated shell: the share behind it is found in the registry.
clip "$work/mapped/by drive.mkv"
"$wine" reg add 'HKCU\Network\Q' /v RemotePath /d "\\\\?\\$(in_windows "$work/mapped")" /f >/dev/null 2>&1
as_windows --dir 'Q:\' >/dev/null 2>"$work/mapped.err"
check "a drive that this process does not see is found by its share" test -s "$work/mapped/by drive.mp4"
check "and that is said" grep -q 'does not see the drive' "$work/mapped.err"
"$wine" reg add 'HKCU\Network\Q' /v RemotePath /d '\\nas.invalid\media' /f >/dev/null 2>&1
as_windows --dir 'Q:\films' >/dev/null 2>"$work/mapped.err"
check "one whose share is away exits with 4" test $? = 4
check "and the share is named" grep -qF '\\nas.invalid\media\films' "$work/mapped.err"
check "a schedule gets the share, too" grep -qF '\\nas.invalid\media\films' <(as_windows schedule install --every 1h --dir 'Q:\films' --print 2>/dev/null | tr -d '\0')
"$wine" reg delete 'HKCU\Network\Q' /f >/dev/null 2>&1

# kill -9: wine's way is to end the process without a word to it. Its ffmpeg has to go with it.
clip "$library/long.mkv" 900
: >"$work/killed.json"
as_windows --json --file "$(in_windows "$library/long.mkv")" >"$work/killed.json" 2>&1 &
for _ in {1..300}; do
    grep -q '"stage":"encoding"' "$work/killed.json" && break
    sleep 0.1
done
mapfile -t pids < <(ours 'media-converter\.exe')
check "it encodes before it is killed" test ${#pids[@]} -gt 0
[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}"
wait $! 2>/dev/null
gone() { for _ in {1..100}; do [ -z "$(ours 'tools.ffmpeg\.exe')" ] && return; sleep 0.1; done; return 1; }
check "no ffmpeg outlives a killed worker" gone
check "the original of a killed worker is whole" ffprobe -v error "$library/long.mkv"
