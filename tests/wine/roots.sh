# Sourced by run.sh: one library by every spelling that Windows has for it.
# What is not assigned here is run.sh's.
# shellcheck shell=bash disable=SC2154,SC2034
. tests/wine/common.sh
library=$work/one\ library
devices=$home/prefix/dosdevices
# \\nas.test\media is a folder of wine's own, and no server is asked.
mkdir -p "$library/films" "$devices/unc/nas.test"
ln -sfn "$library" "$devices/unc/nas.test/media"
plain=$(in_windows "$library")
roots=("$plain" "\\\\?\\$plain" '\\nas.test\media' '\\?\UNC\nas.test\media' 'R:\' '\\?\R:\')
number=0
: >"$work/ids"
for root in "${roots[@]}"; do
    number=$((number + 1))
    rm -f "$devices/r:"
    more=()
    # The drive was another library's when these tests ran last, and that is remembered.
    case $root in *R:*) ln -sfn "$library" "$devices/r:" && more=(--new-library) ;; esac
    # Each of another length: one of the same content as one that was undone would be left alone.
    clip "$library/films/film $number.mkv" "$number"
    as_windows --dir "$root" "${more[@]}" --json >"$work/root.json" 2>"$work/root.err"
    code=$?
    check "$root: the one new film is converted ($code)" test "$code" = 0 -a "$(events "$work/root.json" job_started)" = 1 \
        -a -s "$library/films/film $number.mp4"
    [ "$code" = 0 ] || tail -n 20 "$work/root.err"
    cat "$library/.mediabox/id" >>"$work/ids"
    echo >>"$work/ids"
    file=${root%\\}\\films\\film\ $number.mp4
    as_windows undo "$file" >"$work/undo.out" 2>&1
    check "$root: undo brings its original back" test -f "$library/films/film $number.mkv" -a ! -f "$library/films/film $number.mp4"
    as_windows scan "$root" --json >"$work/root-scan.json" 2>/dev/null
    check "$root: scan counts $number" python3 - "$work/root-scan.json" "$number" <<'END'
import json, sys
found = json.load(open(sys.argv[1]))["total"]
assert found["files"] == int(sys.argv[2]), found
END
    as_windows locks "$root" --json >"$work/root-locks.json" 2>/dev/null
    check "$root: locks finds none" python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["locks"] == []' "$work/root-locks.json"
done
rm -f "$devices/r:"
check "one library identity for all" test "$(sort -u "$work/ids" | wc -l)" = 1
check "nothing of ours is left behind" test -z "$(litter "$library")"
check "and one marker" test "$(find "$library" -path '*/.mediabox/id' | wc -l)" = 1
# What was undone by one spelling is left alone by each, for the records go by the name below the root.
cache=$(sha256sum "$library/films/.mediabox_cache.json")
for root in "$plain" '\\nas.test\media'; do
    as_windows --dir "$root" --json >"$work/root-again.json" 2>/dev/null
    check "$root: none of the $number that were undone is converted again" test "$(events "$work/root-again.json" job_started)" = 0 \
        -a "$(events "$work/root-again.json" skipped)" = "$number"
    as_windows scan "$root" --json >/dev/null 2>&1
    check "$root: a scan has nothing to add to the cache" test "$(sha256sum "$library/films/.mediabox_cache.json")" = "$cache"
done

# One worker by the drive; who asks by the share sees its claim.
clip "$library/films/long.mkv" 900
: >"$work/root-worker.json"
as_windows --file "$plain\\films\\long.mkv" --json >"$work/root-worker.json" 2>&1 &
worker=$!
for _ in {1..600}; do
    grep -q '"stage":"encoding"' "$work/root-worker.json" && break
    sleep 0.1
done
for root in '\\nas.test\media' "\\\\?\\$plain"; do
    as_windows locks "$root" --json >"$work/root-locks.json" 2>/dev/null
    check "$root: a claim taken by another spelling is seen, and held" python3 - "$work/root-locks.json" <<'END'
import json, sys
locks = json.load(open(sys.argv[1]))["locks"]
assert [(lock["judgement"], lock["file"].replace("\\", "/").split("/")[-1]) for lock in locks] == [("held", "long.mkv")], locks
END
    as_windows --file "$root\\films\\long.mkv" --json >"$work/root-second.json" 2>&1
    check "$root: nobody else takes it" test "$(grep -c '"outcome":"converted"' "$work/root-second.json")" = 0
done
mapfile -t pids < <(ours 'media-converter\.exe.*films.long\.mkv')
[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}"
wait "$worker" 2>/dev/null
rm -rf "$devices/unc/nas.test"
