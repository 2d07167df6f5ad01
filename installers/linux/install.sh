#!/bin/sh
# Installs media-converter from this source tree on Debian, Ubuntu, Fedora, Arch, Alpine or openSUSE.
# `install.sh --help` says how. It asks nothing when there is no terminal, and may be run again at any time.
set -eu

NEWEST_NEEDED=1.89
NAME=media-converter
source_tree=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
prefix=$HOME/.local
action=install
demo=no
demo_folder=$HOME/media-converter-demo

usage() {
    cat <<END
Usage: install.sh [--prefix DIR] [--demo] [--demo-dir DIR] [--uninstall]

Installs ffmpeg and Rust where they are missing, builds $NAME and installs it with its completions.

  --prefix DIR     install into DIR/bin and DIR/share (default: ~/.local)
  --demo           then make a small sample library and convert it, showing it before and after
  --demo-dir DIR   where the sample library is made (default: ~/media-converter-demo)
  --uninstall      remove what an earlier run installed into the prefix; nothing else is touched
  --help           this text
END
}

say() { if [ -t 1 ]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi; }
note() { printf '   %s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --demo-dir)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        case $2 in /*) path=$2 ;; *) path=$PWD/$2 ;; esac
        if [ "$1" = --prefix ]; then prefix=$path; else demo_folder=$path; fi
        shift ;;
    --prefix=*) case ${1#*=} in /*) prefix=${1#*=} ;; *) prefix=$PWD/${1#*=} ;; esac ;;
    --demo) demo=yes ;;
    --uninstall) action=uninstall ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done
manifest=$prefix/share/$NAME/installed-files

# ---------------------------------------------------------------------------------------------------- packages

# as_root WHAT_FOR COMMAND...: says what root is needed for; asks for a password only where somebody can type one.
as_root() {
    what=$1
    shift
    if [ "$(id -u)" = 0 ]; then
        "$@"
        return
    fi
    # Alpine has doas instead of sudo.
    for asker in sudo doas; do
        have $asker || continue
        if [ -t 0 ]; then
            note "root is needed $what: $asker $*"
            $asker "$@"
            return
        elif $asker -n true 2>/dev/null; then
            note "root is used $what: $asker $*"
            $asker -n "$@"
            return
        fi
    done
    die "root is needed $what, and there is nobody to ask for a password. As root, run: $*"
}

manager=
for candidate in apt-get dnf pacman apk zypper; do
    if have "$candidate"; then manager=$candidate; break; fi
done

# packages WHAT_FOR PACKAGE...
packages() {
    what=$1
    shift
    case $manager in
    apt-get)
        as_root "$what" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" ||
            { as_root "to learn of new packages" apt-get update -q &&
                as_root "$what" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; } ;;
    dnf) as_root "$what" dnf install -y -q "$@" ;;
    # Never a partial upgrade: Arch's packages fit each other at one point in time only.
    pacman) as_root "$what" pacman -S --needed --noconfirm "$@" || as_root "$what" pacman -Syu --needed --noconfirm "$@" ;;
    apk) as_root "$what" apk add "$@" ;;
    zypper) as_root "$what" zypper --non-interactive install "$@" ;;
    *) die "no package manager that I know (apt-get, dnf, pacman, apk, zypper). Install $* yourself and run this again" ;;
    esac
}

encodes_h264() { ffmpeg -hide_banner -encoders 2>/dev/null | grep -q libx264; }

# fedoras_own: this ffmpeg is Fedora's, which leaves out what is patented.
fedoras_own() { [ "$manager" = dnf ] && have rpm && rpm -q ffmpeg-free >/dev/null 2>&1 && ! encodes_h264; }

get_ffmpeg() {
    if have ffmpeg && have ffprobe && ! fedoras_own; then
        note "$(ffmpeg -version | sed -n '1s/ Copyright.*//p') is here"
    else
        say "Installing ffmpeg"
        if [ "$manager" = dnf ] && have rpm && ! rpm -q rpmfusion-free-release >/dev/null 2>&1 &&
            [ -n "$(rpm -E '%{?fedora}')" ]; then
            # Fedora's own ffmpeg-free has no H.264 encoder; RPM Fusion's ffmpeg has.
            note "adding the package source RPM Fusion (free), for an ffmpeg with H.264"
            as_root "to add RPM Fusion" dnf install -y -q \
                "https://mirrors.rpmfusion.org/free/fedora/rpmfusion-free-release-$(rpm -E %fedora).noarch.rpm" ||
                note "RPM Fusion could not be added"
        fi
        if [ "$manager" = dnf ]; then
            # Fedora's own, and the libraries of it that every desktop has, make way for RPM Fusion's.
            set -- --allowerasing ffmpeg
        else
            set -- ffmpeg
        fi
        packages "to install ffmpeg" "$@" || {
            [ "$manager" != apk ] || note "Alpine has ffmpeg in \`community\`: see that /etc/apk/repositories names it"
            [ "$manager" = dnf ] && packages "to install ffmpeg" ffmpeg-free
        } || die "ffmpeg could not be installed: install it and run this again"
        have ffprobe || die "ffmpeg is installed, but ffprobe is not: install it and run this again"
    fi
    encodes_h264 ||
        note "WARNING: this ffmpeg has no libx264; converting video needs an ffmpeg with an H.264 encoder"
}

# new_enough CARGO [ARG...]: it says that it is what the build needs.
new_enough() {
    version=$("$@" --version 2>/dev/null | awk '{ print $2 }')
    [ -n "$version" ] &&
        [ "$(printf '%s\n' "$NEWEST_NEEDED" "$version" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$NEWEST_NEEDED" ]
}

# Looks wherever a cargo may lie, and puts a folder whose cargo is new enough first in PATH. A toolchain that is there is
# used as it is: it is this user's, and other work may rest on it.
find_rust() {
    new_enough cargo && return
    old_ifs=$IFS
    IFS=:
    # shellcheck disable=SC2086  # PATH is a list
    set -- "${CARGO_HOME:-$HOME/.cargo}/bin" "$HOME/.cargo/bin" $PATH
    IFS=$old_ifs
    for folder in "$@"; do
        if [ -x "$folder/cargo" ] && new_enough "$folder/cargo"; then
            PATH=$folder:$PATH
            return 0
        fi
    done
    for folder in "$@"; do
        [ -x "$folder/rustup" ] || continue
        have rustup || PATH=$PATH:$folder
        # rustup's default may be old while another of its toolchains is not.
        for toolchain in $("$folder/rustup" toolchain list 2>/dev/null | awk '{ print $1 }'); do
            if new_enough "$folder/rustup" run "$toolchain" cargo; then
                PATH=$folder:$PATH
                RUSTUP_TOOLCHAIN=$toolchain
                export RUSTUP_TOOLCHAIN
                return 0
            fi
        done
    done
    return 1
}

get_rust() {
    if ! have cc; then
        say "Installing a C compiler (SQLite is built from source)"
        case $manager in
        apt-get) packages "to install a C compiler" gcc libc6-dev ;;
        apk) packages "to install a C compiler" build-base ;;
        *) packages "to install a C compiler" gcc ;;
        esac
    fi
    if find_rust; then
        note "$(cargo --version) is here"
        return
    fi
    say "Installing Rust (cargo is missing or older than $NEWEST_NEEDED), for this user, with rustup"
    if have rustup; then
        rustup toolchain install stable --profile minimal
    else
        have curl || packages "to fetch rustup" curl ca-certificates
        get_rustup || get_rustup_package
    fi
    # An older cargo of the distribution may come first in PATH.
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    RUSTUP_TOOLCHAIN=stable
    export RUSTUP_TOOLCHAIN
    if ! new_enough cargo; then die "Rust could not be installed: get cargo ≥ $NEWEST_NEEDED (https://rustup.rs) and run this again"; fi
}

# Not into PATH: a login shell's files are the user's.
get_rustup() {
    script=$(mktemp)
    # The second address is where the first one leads.
    for address in https://sh.rustup.rs https://static.rust-lang.org/rustup/rustup-init.sh; do
        if curl --proto '=https' --tlsv1.2 -sSfL --retry 2 -o "$script" "$address" &&
            sh "$script" -y --no-modify-path --profile minimal; then
            rm -f "$script"
            return 0
        fi
    done
    rm -f "$script"
    return 1
}

get_rustup_package() {
    note "rustup's own installer did not come through; trying the distribution's"
    packages "to install rustup" rustup
    if have rustup-init; then rustup-init -y --no-modify-path --profile minimal; else rustup toolchain install stable --profile minimal; fi
}

# ---------------------------------------------------------------------------------------------------- install

# folder DIR: makes it and what it lies in; what was not there is noted for --uninstall, with a slash at its end.
folder() {
    if [ -d "$1" ]; then return; fi
    folder "$(dirname "$1")"
    mkdir "$1"
    printf '%s/\n' "$1" >>"$work/files"
}

# put FILE TARGET MODE: in one step, so that a running program is not disturbed; noted for --uninstall.
put() {
    folder "$(dirname "$2")"
    printf '%s\n' "$2" >>"$work/files"
    if cmp -s "$1" "$2" 2>/dev/null; then return; fi
    cp "$1" "$2.new.$$"
    chmod "$3" "$2.new.$$"
    mv -f "$2.new.$$" "$2"
    changed=yes
}

install_program() {
    say "Building (the first time this takes a few minutes)"
    (cd "$source_tree" && cargo build --release --locked)
    built=${CARGO_TARGET_DIR:-$source_tree/target}/release/$NAME
    [ -x "$built" ] || die "the build ended without $built"

    say "Installing into $prefix"
    changed=no
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # Folders that an earlier run made are still ours.
    if [ -f "$manifest" ]; then grep '/$' "$manifest" >"$work/files" || :; fi
    { folder "$(dirname "$manifest")" && : >"$manifest.new"; } 2>/dev/null ||
        die "$prefix is not writable: run this as root, or choose another --prefix"
    put "$built" "$prefix/bin/$NAME" 755
    for shell in bash zsh fish; do
        "$built" completions $shell >"$work/$shell"
    done
    put "$work/bash" "$prefix/share/bash-completion/completions/$NAME" 644
    put "$work/zsh" "$prefix/share/zsh/site-functions/_$NAME" 644
    put "$work/fish" "$prefix/share/fish/vendor_completions.d/$NAME.fish" 644
    # A folder comes before what lies in it.
    LC_ALL=C sort -u "$work/files" >"$manifest.new"
    mv -f "$manifest.new" "$manifest"
    if [ $changed = yes ]; then note "installed $("$prefix/bin/$NAME" --version)"; else note "everything is installed already"; fi
    case :$PATH: in
    *:"$prefix/bin":*) ;;
    *)
        note "$prefix/bin is not in your PATH. Add this line to ~/.profile:"
        note "    export PATH=\"$prefix/bin:\$PATH\"" ;;
    esac
}

# starts_it UNIT: it was written for the program of this prefix.
starts_it() { grep '^ExecStart=' "$1" 2>/dev/null | grep -qF "$prefix/bin/$NAME"; }

# What `service install` and `schedule install` made of the program that is about to go.
uninstall_starters() {
    program=$prefix/bin/$NAME
    [ -x "$program" ] || return 0
    for what in service schedule; do
        unit=$NAME.service
        [ $what = service ] || unit=$NAME-scheduled.service
        if starts_it "${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/$unit"; then "$program" $what uninstall; fi
        if starts_it "/etc/systemd/system/$unit"; then as_root "to remove the $what" "$program" $what uninstall; fi
    done
    # A path with a blank in it stands in quotes there.
    if crontab -l 2>/dev/null | grep "# $NAME schedule\$" | grep -qF -e " $program " -e " '$program' "; then
        "$program" schedule uninstall
    fi
}

uninstall() {
    [ -f "$manifest" ] || die "nothing is installed in $prefix (no $manifest)"
    say "Removing $NAME from $prefix"
    uninstall_starters
    # A folder's content is named after it.
    gone=$(sed -n '1!G;h;$p' "$manifest")
    rm -f "$manifest"
    printf '%s\n' "$gone" | while IFS= read -r file; do
        case $file in
        */) rmdir "$file" 2>/dev/null || : ;;
        *) rm -f "$file" && note "$file" ;;
        esac
    done
    rmdir "$(dirname "$manifest")" 2>/dev/null || :
    note "Kept: your configuration, this machine's history, ffmpeg and Rust."
}

# ---------------------------------------------------------------------------------------------------- the demo

# make FILE ARGUMENTS...: one clip of the sample library; a codec that this ffmpeg lacks is left out aloud.
make() {
    file=$demo_folder/$1
    shift
    mkdir -p "$(dirname "$file")"
    if ! ffmpeg -nostdin -hide_banner -loglevel error -y "$@" "$file" 2>"$demo_folder/.error"; then
        note "left out $(basename "$file"): $(head -n 1 "$demo_folder/.error")"
        rm -f "$file"
    fi
    rm -f "$demo_folder/.error"
}

make_library() {
    if [ -e "$demo_folder" ]; then
        [ -f "$demo_folder/.media-converter-demo" ] || die "$demo_folder exists and is not an earlier demo: use --demo-dir"
        rm -rf "$demo_folder"
    fi
    mkdir -p "$demo_folder"
    : >"$demo_folder/.media-converter-demo"
    picture="-f lavfi -i testsrc2=size=640x360:rate=25:duration=6"
    tone="-f lavfi -i sine=frequency=330:sample_rate=48000:duration=6"
    x264="-c:v libx264 -preset veryfast -crf 21 -pix_fmt yuv420p"
    printf '1\n00:00:01,000 --> 00:00:03,000\nGrüße aus dem Testbild\n' >"$demo_folder/.subtitle.srt"
    # shellcheck disable=SC2086  # each is a list of words
    {
        make "Movies/Testbild (2024).mkv" $picture $tone -i "$demo_folder/.subtitle.srt" -map 0 -map 1 -map 2 $x264 \
            -c:a aac -c:s srt -metadata:s:s:0 language=ger -metadata title=Testbild
        make "Movies/Surround.mkv" $picture $tone \
            -filter_complex "[1:a]pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0[a]" -map 0:v -map "[a]" $x264 -c:a ac3
        make "Movies/Ten bit.mkv" $picture -c:v libx265 -preset ultrafast -crf 14 -x265-params log-level=error \
            -pix_fmt yuv420p10le
        make "Series/Größe & Maß – Folge 1.avi" $picture $tone -c:v mpeg4 -q:v 5 -c:a libmp3lame
        make "Recordings/broadcast.ts" $picture $tone -c:v mpeg2video -q:v 5 -c:a mp2 -f mpegts
        make "Web/clip.webm" $picture $tone -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 2500k -c:a libopus
        make "Music/01 Kammerton.flac" $tone -c:a flac -metadata title=Kammerton -metadata artist=Stimmgabel -metadata track=1
        make "Already fine.mp4" $picture $tone $x264 -c:a aac -movflags +faststart
        make "Broken/interrupted copy.mkv" $picture $tone $x264 -c:a aac
    }
    rm -f "$demo_folder/.subtitle.srt"
    cut=$demo_folder/Broken/interrupted\ copy.mkv
    if [ -f "$cut" ]; then
        dd if="$cut" of="$cut.short" bs=1 count=$(($(wc -c <"$cut") * 55 / 100)) 2>/dev/null ||
            die "could not make the cut file"
        mv -f "$cut.short" "$cut"
    fi
    # A file that changed a moment ago counts as still being copied.
    find "$demo_folder" -type f -exec touch -t 202401020304 {} +
}

show_library() {
    (cd "$demo_folder" && find . -type f ! -path '*/.*' | sort) | while IFS= read -r file; do
        file=${file#./}
        # A broadcast stream's programs list its streams a second time.
        codecs=$(ffprobe -v quiet -of csv=p=0 -show_entries stream=index,codec_name "$demo_folder/$file" </dev/null |
            sort -u -t, -k1,1n | cut -d, -f2 | tr '\n' ' ')
        printf '   %7s KiB  %-28s %s\n' "$(($(wc -c <"$demo_folder/$file") / 1024))" "$codecs" "$file"
    done
}

run_demo() {
    say "Making a sample library in $demo_folder"
    make_library
    say "Before"
    show_library
    # A history of its own: this machine remembers the libraries it has seen, and a demo comes and goes.
    say "$NAME --dir $demo_folder --state-dir $demo_folder/.state"
    code=0
    "$prefix/bin/$NAME" --dir "$demo_folder" --state-dir "$demo_folder/.state" </dev/null || code=$?
    say "After (the originals are in $demo_folder/.mediabox/trash for 14 days)"
    show_library
    # The cut file cannot be converted; that is what 1 says.
    case $code in
    0 | 1) note "Exit code $code: the interrupted copy was recognised and left alone, as it should be." ;;
    *) die "the run ended with exit code $code" ;;
    esac
    note "Bring one back:  $NAME undo \"$demo_folder/Movies/Surround.mp4\""
    note "Your library:    $NAME --dir /path/to/library --dry-run"
}

# ---------------------------------------------------------------------------------------------------- main

if [ $action = uninstall ]; then
    uninstall
    exit 0
fi
say "What $NAME needs"
get_ffmpeg
get_rust
install_program
if [ $demo = yes ]; then run_demo; fi
say "Done"
