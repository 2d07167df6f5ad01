#!/usr/bin/env bash
# The Debian package, and the README's first command, in a bare Debian that has nothing but apt:
#
#   tests/debian/run.sh [deb] [units] [lintian] [container] [systemd] [cron] [setup] [readme] [sudo] [base]
#                                               default: deb units systemd cron setup lintian container
#
#   DEB=FILE         test this package instead of one made here, of the program as `cargo build` makes it for tests
#   RUST_FROM=DIR    readme, sudo: copy a Rust toolchain (a folder with bin/cargo) into the root instead of having install.sh
#                    fetch one, and build without optimising
#   QUICK=1          readme, sudo: only the latter
#
# Needs root, debootstrap and a Debian mirror; the bare root is kept in target/debian/base.tar for the next time. The last
# line is `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70
exec </dev/null
readonly SUITE=bookworm
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
here=$target/debian
passed=0 failed=0 skipped=0
pass() { echo "PASS $*"; passed=$((passed + 1)); }
fail() { echo "FAIL $*"; failed=$((failed + 1)); }
skip() { echo "SKIPPED: debian: $*"; skipped=$((skipped + 1)); }
finish() { printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"; [ "$failed" = 0 ]; exit; }
# check NAME COMMAND...: passes where the command does; shows what it printed where it does not.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name"; printf '%s\n' "$output" | tail -n 30 | sed 's/^/    /'; fi
}

[ "$(id -u)" = 0 ] || { skip "making a root needs root"; finish; }
mkdir -p "$here"
if ! command -v debootstrap >/dev/null && command -v apt-get >/dev/null; then
    apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    { "${apt[@]}" install -y --no-install-recommends debootstrap ||
        { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends debootstrap; }; } >"$here/apt.log" 2>&1
fi
for tool in debootstrap dpkg-deb unshare; do
    command -v "$tool" >/dev/null || { skip "$tool is not installed"; finish; }
done
root=$here/root
# What is mounted in the namespace of each command below goes with it.
clean() { rm -rf --one-file-system "$root"; }
trap 'declare -F power_off >/dev/null && power_off; clean' EXIT

# The mirror that this machine uses itself, where it is a Debian.
mirror=$(sed -nE 's/^URIs: *(http[^ ]*\/debian) *$/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1)
mirror=${MIRROR:-${mirror:-http://deb.debian.org/debian}}
if ! [ -s "$here/base.tar" ]; then
    clean
    if ! debootstrap --variant=minbase "$SUITE" "$root" "$mirror" >"$here/debootstrap.log" 2>&1; then
        skip "no Debian could be had from $mirror: $(tail -n 1 "$here/debootstrap.log")"
        finish
    fi
    tar -C "$root" --one-file-system -cf "$here/base.tar.new" . && mv "$here/base.tar.new" "$here/base.tar"
fi

bare() { # a fresh root
    clean
    mkdir -p "$root"
    tar -C "$root" -xf "$here/base.tar"
    cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null
    # Nothing is started in here.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
}
inside() { # inside COMMAND...: in the root, with processes and mounts of its own
    unshare --mount --pid --fork --kill-child chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        sh -c 'mount -t proc proc /proc; [ -c /dev/null ] || mount -t devtmpfs dev /dev; exec "$@"' sh "$@"
}
ours() { # every file that a package of ours may have made, and what refers to it
    (cd "$root" && find . -xdev \( -name '*media-converter*' -o -lname '*media-converter*' \) \
        ! -path './var/lib/dpkg/*' ! -path './var/cache/*' ! -path './var/log/*' ! -path './source/*' -print)
}
everything() { (cd "$root" && find . -xdev ! -path './var/*' ! -path './tmp/*' ! -path './root/*' ! -path './proc/*' \
    ! -path './dev/*' ! -path './etc/ld.so.cache' ! -path './etc/*-' -printf '%y %p\n' | sort); }

deb=${DEB:-}
package() { # sets $deb
    if [ -z "$deb" ]; then
        # A release would take minutes to build, and differs in nothing that is looked at here.
        cargo build --locked --bin media-converter >"$here/build.log" 2>&1 &&
            strip -o "$here/media-converter" "$target/debug/media-converter" || { fail "the program builds"; return 1; }
        deb=$(cargo xtask deb --program "$here/media-converter" --out "$here") || { fail "a package is made"; return 1; }
    fi
    [ -s "$deb" ] || { fail "there is a package: $deb"; return 1; }
    cp "$deb" "$root/media-converter.deb"
}

# Makes the bare root and no more: tests/container/run.sh takes it for Debian's image.
part_base() { :; }

part_deb() {
    bare
    package || return
    check "apt learns what there is" inside apt-get -q update
    # ffmpeg first, so that what is left behind below is the package's own.
    check "ffmpeg installs" inside apt-get -qq install -y --no-install-recommends ffmpeg
    everything >"$here/before"
    check "apt installs the package" inside apt-get -q install -y --no-install-recommends ./media-converter.deb
    check "the program says its version" inside media-converter --version
    check "its files are as they were packed" inside dpkg --verify media-converter
    for file in usr/share/man/man1/media-converter.1.gz usr/share/man/man1/media-converter-undo.1.gz \
        usr/share/bash-completion/completions/media-converter usr/share/zsh/vendor-completions/_media-converter \
        usr/share/fish/vendor_completions.d/media-converter.fish usr/share/doc/media-converter/copyright; do
        check "it brings $file" test -s "$root/$file"
    done
    inside sh -c 'mkdir -p /srv/media && ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=10:d=1 -c:v mpeg4 "/srv/media/a film.avi" &&
        touch -d "1 hour ago" "/srv/media/a film.avi"'
    check "it converts a film" inside media-converter --dir /srv/media
    check "the film is there" test -s "$root/srv/media/a film.mp4"
    rm -rf "$root/srv/media" "$root/root/.local" "$root/root/.config"
    check "apt installs it again" inside apt-get -q install -y --reinstall --no-install-recommends ./media-converter.deb
    check "apt purges it" inside apt-get -q purge -y media-converter
    check "nothing of ours is left: $(ours | grep -v '^./media-converter.deb$' | tr '\n' ' ')" \
        test -z "$(ours | grep -v '^./media-converter.deb$')"
    everything >"$here/after"
    check "and nothing else either" diff "$here/before" "$here/after"
}

part_units() {
    bare
    package || return
    inside apt-get -q update >/dev/null 2>&1
    check "systemd and the package install" \
        inside apt-get -q install -y --no-install-recommends systemd ./media-converter.deb
    local instance='srv-my\x2dfilms'
    mkdir -p "$root/srv/my-films"
    check "its units verify" inside systemd-analyze verify --man=no "media-converter@$instance.service" \
        "media-converter-scheduled@$instance.service" "media-converter-scheduled@$instance.timer"
    check "an instance is enabled" inside systemctl enable "media-converter@$instance.service" \
        "media-converter-scheduled@$instance.timer"
    check "service install writes a unit" inside media-converter service install --dir /srv/my-films
    check "which verifies" inside systemd-analyze verify --man=no media-converter.service
    check "apt purges it" inside apt-get -q purge -y media-converter
    check "nothing of ours is left: $(ours | grep -v '^./media-converter.deb$' | tr '\n' ' ')" \
        test -z "$(ours | grep -v '^./media-converter.deb$')"
}

part_lintian() {
    bare
    package || return
    inside apt-get -q update >/dev/null 2>&1
    check "lintian installs" inside apt-get -qq install -y --no-install-recommends lintian
    check "lintian finds no error and no warning" inside lintian --fail-on error,warning --allow-root /media-converter.deb
}

# The image's steps by hand, for there may be no engine here.
part_container() {
    bare
    package || return
    dpkg-deb --fsys-tarfile "$root/media-converter.deb" | tar -C "$root" -x --strip-components=3 -f - ./usr/bin/media-converter
    mv "$root/media-converter" "$root/usr/local/bin/media-converter"
    install -m 755 installers/docker/worker.sh installers/docker/healthy.sh "$root/usr/local/bin/"
    local steps
    steps=$(sed -e ':join' -e '/\\$/{N;s/\\\n//;b join' -e '}' installers/docker/Dockerfile | sed -n 's/^RUN \(apt-get .*\)$/\1/p')
    check "the Dockerfile has two such steps" test "$(printf '%s\n' "$steps" | wc -l)" = 2
    while IFS= read -r step; do check "step: ${step:0:60}…" inside sh -ec "$step"; done <<<"$steps"
    inside sh -c 'mkdir -p /library && ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=10:d=1 -c:v mpeg4 /library/film.avi &&
        touch -d "1 hour ago" /library/film.avi && chown -R 1234:2345 /library'
    check "a library with files is healthy" inside env LIBRARY=/library healthy.sh
    check "a run as the user that was named" inside env LIBRARY=/library PUID=1234 PGID=2345 REST=0 worker.sh
    check "the result is that user's" test "$(stat -c %u:%g "$root/library/film.mp4")" = 1234:2345
    check "so is the history" test "$(stat -c %u "$root/state")" = 1234
    check "a mount that is away is ill" test "$(inside env LIBRARY=/media healthy.sh >/dev/null 2>&1; echo $?)" != 0
    # The loop rests, and a stop ends it at once. The shell inside is process 1, as in a container.
    check "SIGTERM ends the rest" inside timeout 60 sh -c '
        LIBRARY=/library PUID=1234 PGID=2345 REST=1000 worker.sh & worker=$!
        until ps_out=$(cat /proc/[0-9]*/comm) && echo "$ps_out" | grep -qx sleep; do
            kill -0 $worker || exit 1
            read -r _ </dev/null
        done
        kill -TERM $worker; wait $worker'
}

# Without a manager of services it is cron, whose lines have rules of their own for `%` and quotation marks.
part_cron() {
    bare
    package || return
    inside apt-get -q update >/dev/null 2>&1
    check "cron and the package install" inside apt-get -q install -y --no-install-recommends cron ./media-converter.deb
    mkdir -p "$root$LIBRARY"
    inside sh -ec 'ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=10:d=1 -c:v mpeg4 "$1/one.avi"; touch -d "1 hour ago" "$1/one.avi"' sh "$LIBRARY"
    echo '0 5 * * 1 /bin/true' | inside crontab -
    check "schedule install" inside media-converter schedule install --every 1m --dir "$LIBRARY"
    check "schedule show" grep -q 'my films' <(inside media-converter schedule show)
    # shellcheck disable=SC2016
    check "cron runs it, and it converts a film" inside sh -c 'cron
        for _ in $(seq 180); do [ ! -s "$1/one.mp4" ] || exit 0; sleep 1; done; exit 1' sh "$LIBRARY"
    check "apt purges the package" inside apt-get -q purge -y media-converter
    check "and its line in root's table goes with it, no other" test "$(inside crontab -l)" = '0 5 * * 1 /bin/true'
}

# The program alone, on a Debian without ffmpeg.
part_setup() {
    bare
    package || return
    dpkg-deb --fsys-tarfile "$root/media-converter.deb" | tar -C "$root" -x --strip-components=3 -f - ./usr/bin/media-converter
    local ours=$root/root/.local/state/media-converter
    check "setup alone says what it would do" grep -q 'apt-get install' <(inside /media-converter setup --install --dry-run 2>&1)
    check "and does nothing" test ! -e "$ours" -a ! -e "$root/usr/bin/ffmpeg" -a ! -e "$root/root/.local"
    everything >"$here/before"
    cp "$root/root/.profile" "$here/profile"
    check "setup has apt install ffmpeg, tries it, and installs the program" inside /media-converter setup --install
    check "its reports are there" test -s "$ours/setup_report.json" -a -s "$ours/setup_report.txt"
    check "in which it is ready" grep -q '"outcome": "ready"' "$ours/setup_report.json"
    check "a new login knows the program" inside env HOME=/root sh -lc 'test "$(command -v media-converter)" = /root/.local/bin/media-converter'
    inside /media-converter setup --install --json >"$here/again.json" 2>/dev/null
    check "again all is as it should be" test "$(grep -c '"state": "ok"' "$here/again.json")" = 4
    check "and nothing is changed" not grep -q '"state": "changed"' "$here/again.json"
    # A root that sees the machine's own card would encode on it.
    local code
    inside /media-converter setup --require-gpu >"$here/gpu.log" 2>&1
    code=$?
    check "without a card that encodes, --require-gpu ends with 20 ($code)" test $code = 20 -o -e /dev/dri -o -e /dev/nvidia0
    check "setup --uninstall" inside /root/.local/bin/media-converter setup --uninstall
    check "the profile is as it was" cmp "$here/profile" "$root/root/.profile"
    check "the program is gone" test ! -e "$root/root/.local/bin"
}

# By root, and by somebody with a home of their own who may use sudo.
part_readme() { first_command root /root; }
part_sudo() { first_command me /home/me; }

first_command() { # first_command USER HOME
    local user=$1 home=$2 command
    bare
    inside apt-get -q update >/dev/null 2>&1
    if [ "$user" != root ]; then
        inside useradd --create-home "$user"
        inside apt-get -qq install -y --no-install-recommends sudo >/dev/null 2>&1
        echo "$user ALL=(ALL) NOPASSWD: ALL" >"$root/etc/sudoers.d/$user"
    fi
    git clone -q --no-hardlinks . "$root/$home/source" && git -C "$root/$home/source" remote remove origin ||
        { fail "a clean clone"; return; }
    local more=()
    # Behind a proxy of their own, people have certificates of their own.
    if [ -s "${SSL_CERT_FILE:-}" ]; then
        cp -L "$SSL_CERT_FILE" "$root/etc/certificates.pem"
        more=(SSL_CERT_FILE=/etc/certificates.pem CURL_CA_BUNDLE=/etc/certificates.pem CARGO_HTTP_CAINFO=/etc/certificates.pem)
    fi
    mkdir -p "$root/$home/.cargo"
    if [ -n "${RUST_FROM:-}" ]; then
        cp -a "$RUST_FROM/bin" "$RUST_FROM/lib" "$root/$home/.cargo/"
        # install.sh installs these together with what it fetches Rust by.
        inside apt-get -qq install -y --no-install-recommends ca-certificates >/dev/null 2>&1
    fi
    # What is tested is the way, not the speed of the program.
    [ -z "${RUST_FROM:-}${QUICK:-}" ] ||
        printf '[profile.release]\nopt-level = 0\nlto = false\ncodegen-units = 16\n' >"$root/$home/.cargo/config.toml"
    [ "$user" = root ] || inside chown -R "$user:" "$home"
    as_user() { inside runuser -u "$user" -- env HOME="$home" "${more[@]}" sh -c "cd ~/source && $1"; }
    # What the program and its demo leave; Rust is kept, as the installer says.
    in_home() { (cd "$root/$home" && find . \( -path ./source -o -path ./.cargo -o -path ./.rustup \
        -o -path ./media-converter-demo \) -prune -o -print | sort); }
    in_home >"$here/home-before"
    command=$(sed -n '/^```sh$/,/^```$/p' README.md | sed -n '2s/ *#.*//p')
    check "the README's first command works for $user: $command" as_user "$command"
    check "the demo's film is there" test -s "$root/$home/media-converter-demo/Movies/Testbild (2024).mp4"
    check "it is $user's" test "$(stat -c %u "$root/$home/media-converter-demo/Movies/Testbild (2024).mp4")" = "$(inside id -u "$user")"
    check "the interrupted copy is left alone" test -s "$root/$home/media-converter-demo/Broken/interrupted copy.mkv"
    check "the program is installed" as_user '$HOME/.local/bin/media-converter --version'
    check "again it builds and changes nothing" as_user './installers/linux/install.sh | grep "everything is installed already"'
    check "it is uninstalled" as_user "./installers/linux/install.sh --uninstall"
    in_home >"$here/home-after"
    check "nothing is left of it in $home" diff "$here/home-before" "$here/home-after"
    check "nor elsewhere" test -z "$(ours | grep -v "^\.$home/\(source\|media-converter-demo\|.cargo\|.rustup\)")"
}

# shellcheck source=tests/debian/systemd.sh
. tests/debian/systemd.sh

parts=("$@")
[ $# -gt 0 ] || parts=(deb units systemd cron setup lintian container)
for part in "${parts[@]}"; do
    declare -F "part_$part" >/dev/null || { echo "tests/debian/run.sh: no such part: $part" >&2; exit 2; }
    printf '\n-- %s\n' "$part"
    "part_$part"
done
finish
