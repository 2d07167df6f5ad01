# shellcheck shell=bash
# Part `systemd` of tests/debian/run.sh, which reads this file: services, schedules and the package's units in a systemd that
# really runs, as process 1 of namespaces of its own over the bare root.

boot='' init=''

within() { # within SECONDS COMMAND...: until it comes true
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $until ] || return 1; sleep 0.5; done
}
not() { ! "$@"; }

guest() { # guest COMMAND...: in the machine that runs
    timeout 180 nsenter --target "$init" --mount --pid --uts --ipc --net --cgroup --root --wd \
        env -i HOME=/root LANG=C.UTF-8 TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
as_me() { guest runuser -u me -- env HOME=/home/me XDG_RUNTIME_DIR=/run/user/1000 "$@"; }

power_on() { # sets $boot and $init; false where a systemd cannot run here
    # shellcheck disable=SC2016  # for the shell inside
    setsid unshare --mount --propagation private --pid --uts --ipc --net --cgroup --fork --kill-child sh -ec '
        hostname guest
        mount --bind "$1" "$1"
        cd "$1"
        mount -t proc proc proc
        mount -t sysfs -o ro sys sys
        mount -t cgroup2 cgroup sys/fs/cgroup
        mount -t tmpfs -o mode=755 dev dev
        for device in null zero full random urandom tty; do : >dev/$device; mount --bind /dev/$device dev/$device; done
        mkdir dev/pts dev/shm
        mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
        ln -s pts/ptmx dev/ptmx
        mount -t tmpfs -o mode=1777 shm dev/shm
        mount -t tmpfs -o mode=755 run run
        pivot_root . mnt
        umount -l /mnt
        cd /
        exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=console
    ' sh "$root" >"$here/boot.log" 2>&1 &
    boot=$!
    within 30 pgrep -P "$boot" || return 1
    init=$(pgrep -P "$boot")
    within 90 is_up
}
# Something of Debian's own may have failed in so small a machine.
is_up() { case $(guest systemctl is-system-running) in running | degraded) ;; *) false ;; esac; }
power_off() {
    # unshare itself takes no TERM while it waits.
    [ -z "$init" ] || kill -KILL "$init"
    [ -z "$boot" ] || wait "$boot"
    boot='' init=''
} 2>/dev/null

readonly LIBRARY='/srv/my films 100%'
film() { # film NAME [SECONDS]: an hour old, so that it counts as quiet
    # shellcheck disable=SC2016
    guest sh -ec 'cd "$1"; ffmpeg -v error -f lavfi -i testsrc=s=160x90:r=10:d=$3 -c:v mpeg4 -f avi part
        touch -d "1 hour ago" part; chown --reference=. part; mv part "$2.avi"' sh "$LIBRARY" "$1" "${2:-1}"
}
is_made() { test -s "$root$LIBRARY/$1.mp4"; }
holds() { find "$root$LIBRARY" -name '.mbx-*' -o -name '*.mediabox.lock' -o -name '*.part' | grep -q .; }
no_litter() { not holds; }

part_systemd() {
    bare
    package || return
    inside apt-get -q update >/dev/null 2>&1
    check "systemd and the package install" inside apt-get -q install -y --no-install-recommends \
        systemd dbus dbus-user-session libpam-systemd ./media-converter.deb
    inside useradd --create-home --uid 1000 me
    mkdir -p "$root$LIBRARY"
    power_on || { skip "systemd does not run here: $(tail -n 1 "$here/boot.log")"; power_off; return; }

    # 1. The machine's service, over a library whose name every quoting rule has a say in.
    film one
    check "service install" guest media-converter service install --dir "$LIBRARY"
    check "it converts a film" within 120 is_made one
    check "status says that it runs" guest media-converter service status
    local pid
    pid=$(guest systemctl show --property MainPID --value media-converter)
    check "it may write to the library" guest nsenter --target "$pid" --mount touch "$LIBRARY/may"
    for place in /etc /root /home /usr/bin /srv; do
        check "and not to $place" not guest nsenter --target "$pid" --mount touch "$place/may-not"
    done
    film long 2400
    check "it takes what comes" within 120 holds
    check "service stop ends it in the midst of a film" guest media-converter service stop
    check "nothing of its work is left" no_litter
    check "the film is as it was" test -s "$root$LIBRARY/long.avi"
    rm -f "$root$LIBRARY/long.avi"
    check "status says that it does not run" not guest media-converter service status
    check "service start" guest media-converter service start
    check "it runs again" guest media-converter service status
    check "service uninstall" guest media-converter service uninstall
    check "no process of it is left" not lives
    check "no unit of it is left" not find_unit '*media-converter.service'
    check "that there is none is no failure" guest media-converter service uninstall

    # 2. A timer, for somebody.
    chown -R 1000:1000 "$root$LIBRARY"
    film two
    check "schedule install" guest media-converter schedule install --every 1h --user me --dir "$LIBRARY"
    check "schedule show names it" grep -q media-converter-scheduled.timer <(guest media-converter schedule show)
    # The first run comes five minutes after the boot; the wait is not what is looked at.
    guest systemctl start media-converter-scheduled.service
    check "its run converts a film" within 120 is_made two
    check "which is that user's" test "$(stat -c %U "$root$LIBRARY/two.mp4" 2>/dev/null)" = "$(stat -c %U "$root$LIBRARY")"
    check "and ends by itself" within 60 not guest systemctl is-active media-converter-scheduled.service
    check "well" test "$(guest systemctl show --property Result --value media-converter-scheduled.service)" = success
    check "at another time" guest media-converter schedule install --daily 02:30 --user me --dir "$LIBRARY"
    check "schedule show names that" grep -q '02:3' <(guest media-converter schedule show)
    check "schedule uninstall" guest media-converter schedule uninstall
    check "schedule show finds nothing" not guest media-converter schedule show
    check "nothing of it is left" not find_unit '*media-converter-scheduled.*'

    # 3. A user's own service, who has no other rights.
    film three
    check "without a session it is said what to do" grep -q 'as root with --user' \
        <(guest runuser -u me -- env HOME=/home/me media-converter service install --dir "$LIBRARY" 2>&1)
    check "and nothing is written" not ls "$root/home/me/.config/systemd"
    guest loginctl enable-linger me
    check "me has a manager" within 60 test -S "/proc/$init/root/run/user/1000/bus"
    check "a user's service install" as_me media-converter service install --dir "$LIBRARY"
    check "it converts a film as well" within 120 is_made three
    check "its unit is the user's" test -s "$root/home/me/.config/systemd/user/media-converter.service"
    check "a user's service uninstall" as_me media-converter service uninstall
    check "a user's schedule install" as_me media-converter schedule install --every 30m --dir "$LIBRARY"
    check "a user's schedule uninstall" as_me media-converter schedule uninstall
    check "nothing of them is left" test -z "$(find "$root/home/me" -path '*/systemd/*' -name '*media-converter*')"

    # 4. The package's units, enabled and running while it is purged.
    film four
    local name
    name=$(guest systemd-escape --path "$LIBRARY")
    check "an instance is enabled and started" guest systemctl enable --now "media-converter@$name.service" \
        "media-converter-scheduled@$name.timer"
    check "and converts a film" within 120 is_made four
    check "apt purges the package" guest env DEBIAN_FRONTEND=noninteractive apt-get -q purge -y media-converter
    check "the instance has ended" not lives
    check "no unit of ours is known any more" test -z "$(guest systemctl list-units --all --plain --no-legend 'media-converter*')"
    power_off
    rm -rf "${root:?}$LIBRARY" "$root/home/me"
    check "nothing of ours is left: $(ours | grep -v '^./media-converter.deb$' | tr '\n' ' ')" \
        test -z "$(ours | grep -v '^./media-converter.deb$')"
}

lives() { grep -qx media-converter <(guest sh -c 'cat /proc/[0-9]*/comm' 2>/dev/null); }
find_unit() { find "$root/etc/systemd" "$root/var/lib/systemd" -name "$1" | grep .; }
