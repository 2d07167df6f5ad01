#!/usr/bin/env bash
# Makes a library of small real files: few encodes, many remuxes. usage: generate.sh DIR
# DIR appears whole, at the end, by a rename; where it is there already nothing is done.
# shellcheck disable=SC2154,SC2206  # `eval` assigns the lists; $sub is one word
set -euo pipefail
out=$1
[ -d "$out" ] && exit 0
work=$out.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src" && work=$(cd "$work" && pwd) && out=$(dirname "$work")/$(basename "$out") && cd "$work"
ff() { ffmpeg -nostdin -v error -y "$@"; }
encoders=$(ffmpeg -v error -hide_banner -encoders 2>/dev/null)
have() { [[ $encoders == *" $1 "* ]]; }

# Encodes.
v() { # name, size, rate, encoder and its options
    local name=$1 size=$2 rate=$3; shift 3
    (ff -f lavfi -i "testsrc=s=$size:r=$rate:d=0.5" -an "$@" "src/$name.mkv" 2>/dev/null || rm -f "src/$name.mkv") &
    encodes=$((encodes + 1))
    if ((encodes % 4 == 0)); then wait; fi
}
encodes=0
x264=(-c:v libx264 -preset ultrafast -threads 1)
x265=(-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1:frame-threads=1)
v h264 320x180 25 "${x264[@]}" -pix_fmt yuv420p
v h264b 320x180 24000/1001 -c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p -bf 3
v h264base 320x180 30 "${x264[@]}" -pix_fmt yuv420p -profile:v baseline
v h264cropped 322x182 25 "${x264[@]}" -pix_fmt yuv420p
v h264full 320x180 25 "${x264[@]}" -pix_fmt yuvj420p -color_range pc
v h264709 320x180 30000/1001 "${x264[@]}" -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv
v h264601 352x288 25 "${x264[@]}" -pix_fmt yuv420p -colorspace bt470bg -color_primaries bt470bg -color_trc smpte170m
v h264sar 320x180 25 "${x264[@]}" -pix_fmt yuv420p -vf setsar=64/45
v h264par 360x288 25 "${x264[@]}" -pix_fmt yuv420p -vf setsar=16/11
v h26410 320x180 25 "${x264[@]}" -pix_fmt yuv420p10le
v h264422 320x180 25 "${x264[@]}" -pix_fmt yuv422p
v h264444 320x180 60 "${x264[@]}" -pix_fmt yuv444p
v h264i 320x192 25 "${x264[@]}" -pix_fmt yuv420p -flags +ildct+ilme -x264-params tff=1
v h264hlg 320x180 25 "${x264[@]}" -pix_fmt yuv420p10le -color_trc arib-std-b67 -color_primaries bt2020 -colorspace bt2020nc
v h264hrd 320x180 25 "${x264[@]}" -pix_fmt yuv420p -x264-params nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500
v h264loc 320x180 25 "${x264[@]}" -pix_fmt yuv420p -x264-params chromaloc=2
v h264pulldown 320x192 24 "${x264[@]}" -pix_fmt yuv420p -x264-params pic-struct=1
v hevc 320x180 25 "${x265[@]}" -pix_fmt yuv420p
v hevcb 320x180 24000/1001 -c:v libx265 -preset medium -x265-params log-level=none:pools=1:bframes=4 -pix_fmt yuv420p
v hevc10 320x180 24 "${x265[@]}" -pix_fmt yuv420p10le
v hevc10709 320x180 24 "${x265[@]}" -pix_fmt yuv420p10le -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv
v hevc12 320x180 24 "${x265[@]}" -pix_fmt yuv420p12le
v hevc422 320x180 24 "${x265[@]}" -pix_fmt yuv422p10le
v hevcsar 320x180 25 "${x265[@]}" -pix_fmt yuv420p -vf setsar=4/3
v hevccropped 322x182 50 "${x265[@]}" -pix_fmt yuv420p
v hevchdr 320x180 24 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params "log-level=none:pools=1:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
v hevchlg 320x180 24 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=none:pools=1:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc
v hevchidden 320x180 24 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params "log-level=none:pools=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
v hevchlgsei 320x180 24 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=none:pools=1:atc-sei=18:transfer=bt2020-10:colorprim=bt2020:colormatrix=bt2020nc
v mpeg4 320x180 25 -c:v mpeg4
v mpeg2 320x180 25 -c:v mpeg2video
v mjpeg 320x180 25 -c:v mjpeg -pix_fmt yuvj420p
have libsvtav1 && v av1 320x180 25 -c:v libsvtav1 -preset 12 -svtav1-params lp=1 2>/dev/null || true
have libvpx-vp9 && v vp9 320x180 25 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 || true

a() { # name, channel layout, rate, codec options
    local name=$1 layout=$2 rate=$3; shift 3
    (ff -f lavfi -i "anoisesrc=r=$rate:d=0.6:a=0.1" -vn -af "aformat=channel_layouts=$layout" "$@" "src/$name.mka" 2>/dev/null || rm -f "src/$name.mka") &
    encodes=$((encodes + 1))
    if ((encodes % 4 == 0)); then wait; fi
}
a aac stereo 48000 -c:a aac
a aacmono mono 44100 -c:a aac
a aac51 5.1 48000 -c:a aac -b:a 128k
a aac71 7.1 48000 -c:a aac -b:a 128k
a aaclow stereo 22050 -c:a aac
a ac3 stereo 48000 -c:a ac3
a ac351 "5.1(side)" 48000 -c:a ac3
a ac3mono mono 44100 -c:a ac3
a eac3 "5.1(side)" 48000 -c:a eac3
a eac3st stereo 48000 -c:a eac3
a mp3 stereo 44100 -c:a libmp3lame
a mp3mono mono 22050 -c:a libmp3lame
a opus stereo 48000 -c:a libopus
a opus51 5.1 48000 -c:a libopus
a flac stereo 44100 -c:a flac
a flac24 stereo 48000 -c:a flac -sample_fmt s32
a flac51 5.1 48000 -c:a flac
a vorbis stereo 44100 -c:a libvorbis
a alac stereo 44100 -c:a alac
a pcm stereo 48000 -c:a pcm_s16le
a dts "5.1(side)" 48000 -c:a dca -strict -2
a truehd stereo 48000 -c:a truehd -strict -2

wait
printf '1\n00:00:00,050 --> 00:00:00,300\nHello\n\n2\n00:00:00,350 --> 00:00:00,480\nWörld\n' > src/sub.srt
ff -i src/sub.srt src/sub.ass
printf ';FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=200\nEND=500\ntitle=Zwei ü\n' > src/chapters.txt
head -c 3000 /dev/zero > src/font.ttf
ff -f lavfi -i color=red:s=64x64:d=1 -frames:v 1 src/cover.jpg

# One process writes many results: `from` opens inputs, `out` adds a result, `go` runs. Where one result cannot be written
# (a codec that a container refuses), each is tried alone.
inputs=() outputs=() jobs=0
from() { inputs=("$@"); outputs=(); }
out() { # name, then ffmpeg's words
    local name=$1; shift
    outputs+=("$(printf '%q ' "$@")$name")
}
go() {
    jobs=$((jobs + 1))
    (
        all=() words=()
        eval "all=(${outputs[*]})"
        ff "${inputs[@]}" "${all[@]}" 2>/dev/null && exit
        for one in "${outputs[@]}"; do
            eval "words=($one)"
            ff "${inputs[@]}" "${words[@]}" 2>/dev/null || rm -f "${words[-1]}"
        done
    ) &
    if ((jobs % 3 == 0)); then wait; fi
}

# Every video with a sound, every sound with a video, in every container.
for f in src/*.mkv; do
    b=$(basename "$f" .mkv)
    from -i "$f" -i src/aac.mka
    for ext in mkv mp4 mov; do
        [ "$b.$ext" = vp9.mov ] && continue
        out "v-$b.$ext" -map 0:v -map 1:a -c copy
        out "only-$b.$ext" -map 0:v -c copy
    done
    go
done
for f in src/*.mka; do
    b=$(basename "$f" .mka)
    from -i src/h264.mkv -i "$f"
    for ext in mkv mp4 mov; do
        case $b.$ext in opus*.mov | flac*.mov | pcm.mp4 | truehd.mov) continue ;; esac
        out "a-$b.$ext" -map 0:v -map 1:a -c copy -strict -2
        out "music-$b.$ext" -map 1:a -c copy -strict -2
    done
    go
done
from -i src/vp9.mkv -i src/opus.mka
out v-vp9.webm -map 0:v -map 1:a -c copy
go
from -i src/av1.mkv -i src/opus.mka
out v-av1.webm -map 0:v -map 1:a -c copy
go

# What else a header can say, over three videos and four containers.
for b in h264b hevc10 h264709; do
    for ext in mkv mp4 m4v mov; do
        sub=mov_text; [ $ext = mkv ] && sub=copy
        [ "$b.$ext" = hevc10.m4v ] && continue
        m=(-map 0:v:0 -map 1:a -map 2:a -map 3:s -map_metadata -1 -map_chapters -1 -c:v copy -c:a copy -c:s "$sub")
        from -i "src/$b.mkv" -i src/aac.mka -i src/ac351.mka -i src/sub.srt -i src/chapters.txt -i src/cover.jpg -i src/h264.mkv -i src/mp3.mka
        out "lang-$b.$ext" "${m[@]}" -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng -metadata:s:s:0 language=fre -metadata:s:v:0 language=jpn
        out "title-$b.$ext" "${m[@]}" -metadata title="Ein Film" -metadata:s:a:0 title="Kommentar ä" -metadata:s:s:0 title="Forced" -metadata:s:v:0 title="Main picture"
        out "handler-$b.$ext" "${m[@]}" -metadata:s:a:0 handler_name="Deutsch 5.1" -metadata:s:v:0 handler_name=x
        out "disp-$b.$ext" "${m[@]}" -disposition:a:0 0 -disposition:a:1 default+comment -disposition:s:0 forced+hearing_impaired -disposition:v:0 original
        out "nodefault-$b.$ext" "${m[@]}" -disposition:v 0 -disposition:a 0 -disposition:s 0
        out "chap-$b.$ext" "${m[@]:0:8}" -map_metadata 4 -map_chapters 4 -c:v copy -c:a copy -c:s $sub
        out "tags-$b.$ext" "${m[@]}" -metadata artist=Me -metadata date=2020-01-02 -metadata comment="a b" -metadata genre=Drama -metadata comment-ger=Hallo -metadata:s:a:0 BPS-eng=64000 -metadata:s:a:0 NUMBER_OF_FRAMES=30 -metadata creation_time=2020-05-06T07:08:09.5Z
        out "front-$b.$ext" "${m[@]}" -movflags +faststart
        out "rot90-$b.$ext" "${m[@]}" -metadata:s:v:0 rotate=90
        out "rot180-$b.$ext" "${m[@]}" -metadata:s:v:0 rotate=180
        out "rot270-$b.$ext" "${m[@]}" -metadata:s:v:0 rotate=270
        out "aspect-$b.$ext" "${m[@]}" -aspect 4:3
        out "aspect2-$b.$ext" "${m[@]}" -aspect 853:480
        out "many-$b.$ext" "${m[@]}" -map 1:a -map 2:a -map 1:a -metadata:s:a:3 language=ita
        out "soundfirst-$b.$ext" -map 2:a -map 0:v -c copy
        out "two-$b.$ext" -map 0:v -map 6:v -map 7:a -c copy
        out "colr-$b.$ext" "${m[@]}" -movflags +write_colr -color_primaries bt2020 -color_trc bt709 -colorspace bt2020nc -color_range tv
        out "clock-$b.$ext" "${m[@]}" -video_track_timescale 90000
        out "cover-$b.$ext" "${m[@]}" -map 5:v -disposition:v:1 attached_pic
        out "short-$b.$ext" -map 0:v -map 2:a -t 0.24 -c copy
        if [ $ext != mkv ]; then
            out "frag-$b.$ext" -map 0:v -map 1:a -c copy -movflags +frag_keyframe+empty_moov
            out "tmcd-$b.$ext" "${m[@]}" -timecode 01:00:00:00
            out "negative-$b.$ext" "${m[@]}" -movflags +negative_cts_offsets
            out "noedit-$b.$ext" "${m[@]}" -use_editlist 0
        fi
        go
        from -ss 0.2 -i "src/$b.mkv" -i src/aac.mka -itsoffset 0.3 -i src/aac.mka -itsoffset 0.3 -i "src/$b.mkv"
        out "cut-$b.$ext" -map 0:v -map 1:a -c copy
        out "late-$b.$ext" -map 0:v -map 2:a -c copy
        out "latevideo-$b.$ext" -map 3:v -map 1:a -c copy
        go
    done
    # Exact times, where a copy from Matroska has them in milliseconds.
    from -i "src/$b.mkv" -i src/aac.mka -i src/sub.ass
    m=(-map 0:v -map 1:a -map 2:s -c copy)
    out "font-$b.mkv" "${m[@]}" -attach src/font.ttf -metadata:s:t:0 mimetype=application/x-truetype-font
    out "font2-$b.mkv" "${m[@]}" -attach src/font.ttf -metadata:s:t:0 mimetype=application/vnd.ms-opentype -metadata:s:t:0 title=F
    out "newfont-$b.mkv" "${m[@]}" -attach src/font.ttf -metadata:s:t:0 mimetype=font/ttf
    out "attachedcover-$b.mkv" "${m[@]}" -attach src/cover.jpg -metadata:s:t:0 mimetype=image/jpeg
    out "live-$b.mkv" "${m[@]}" -live 1
    out "cuesfirst-$b.mkv" "${m[@]}" -reserve_index_space 4096
    out "clusters-$b.mkv" "${m[@]}" -cluster_time_limit 100
    out "brand-$b.mp4" -map 0:v -map 1:a -c copy -brand mp42
    out "vfr-$b.mp4" -map 0:v -c:v libx264 -preset ultrafast -vf "select='not(mod(n,3))+eq(n,1)'" -fps_mode vfr
    out "vfr-$b.mkv" -map 0:v -c:v libx264 -preset ultrafast -vf "select='not(mod(n,3))+eq(n,1)'" -fps_mode vfr
    out "exact-$b.mp4" -map 0:v -c:v libx264 -preset ultrafast -bf 2 -r 30000/1001 -video_track_timescale 30000
    go
done
for tag in hvc1 hev1; do
    from -i src/hevc.mkv -i src/aac.mka
    out "$tag-hevc.mp4" -map 0:v -map 1:a -c copy -tag:v $tag
    go
done
wait
rm -rf src
# Another run may have been quicker.
mv -T "$work" "$out" 2>/dev/null || [ -d "$out" ]
