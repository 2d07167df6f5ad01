#!/usr/bin/env python3
"""Makes the ffprobe records of this folder from clips that ffmpeg makes on the spot.

    ./make.py [NAME...]     all records, or those whose name contains one of the words

Each record is what `ffmpeg::probe` asks for: streams, format, chapters and programs, and the side data of the first
frames where they are looked at. What ffmpeg cannot make (Dolby Vision, HDR10+, captions, codecs without an encoder) is
a real record with the facts of such a file put in; `edit` says which. The golden test reads the records, not the clips.
"""
import json, os, struct, subprocess, sys, tempfile

V = "-f lavfi -i testsrc2=s=320x180:d=0.4:r=25"
A = "-f lavfi -i sine=d=0.4:r=48000"
X = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=error"
MASTER = ("hdr10=1:repeat-headers=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)"
          "L(10000000,1):max-cll=1000,400")
PQ = "color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
HLG = "color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"
BT2020 = "-color_primaries bt2020 -colorspace bt2020nc -color_trc"


def video(size, rate="25", more=""):
    return f"-f lavfi -i testsrc2=s={size}:d=0.2:r={rate}{more}"


def around(layout):
    n = {"5.1(side)": 6, "5.1": 6, "7.1": 8, "stereo": 2, "quad": 4, "3.0": 3, "6.1": 7}[layout]
    gains = "|".join(f"c{i}=c0" for i in range(n))
    return f"-f lavfi -i sine=d=0.4:r=48000,pan={layout}|{gains}"


def hevc(transfer, size="320x180", more="", params=""):
    trc = {"pq": "smpte2084", "hlg": "arib-std-b67"}[transfer]
    tags = PQ if transfer == "pq" else HLG
    params = f":{params}" if params else ""
    return f"{video(size)} -vf format=yuv420p10le,setparams={tags} {X265}{params} {BT2020} {trc} {more}"


# name: (arguments, edit of the record)
CLIPS = {
    # Containers and codecs
    "h264-aac.mp4": (f"{V} {A} {X} -c:a aac", None),
    "h264-aac.m4v": (f"{V} {A} {X} -c:a aac -f mp4", None),
    "h264-aac.mkv": (f"{V} {A} {X} -c:a aac", None),
    "h264-aac.mov": (f"{V} {A} {X} -c:a aac", None),
    "h264-aac.flv": (f"{V} {A} {X} -c:a aac -ar 44100", None),
    "h264-mp3.avi": (f"{V} {A} {X} -c:a libmp3lame", None),
    "h264-ac3.m2ts": (f"{V} {around('5.1(side)')} {X} -c:a ac3", None),
    "h264-he-aac.mp4": (f"{V} {A} {X} -c:a aac", lambda r: stream(r, 1, profile="HE-AAC", nb_frames="10")),
    "h264-xhe-aac.mp4": (f"{V} {A} {X} -c:a aac", lambda r: stream(r, 1, profile="xHE-AAC")),
    "mpeg4-mp3.avi": (f"{V} {A} -c:v mpeg4 -c:a libmp3lame", None),
    "mpeg4-h263.3gp": (f"{video('352x288')} -c:v h263", None),
    "wmv2-wmav2.wmv": (f"{V} {A} -c:v wmv2 -c:a wmav2", None),
    "flv1-mp3.flv": (f"{V} {A} -c:v flv1 -c:a libmp3lame -ar 44100", None),
    "mpeg1-mp2.mpg": (f"{V} {A} -c:v mpeg1video -c:a mp2", None),
    "theora-vorbis.ogv": (f"{V} {A} -c:v libtheora -c:a libvorbis", None),
    "vp8-vorbis.webm": (f"{V} {A} -c:v libvpx -c:a libvorbis", None),
    "vp9-opus.webm": (f"{V} {A} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus", None),
    "av1-opus.mkv": (f"{V} {A} -c:v libsvtav1 -preset 12 -c:a libopus", None),
    "hevc-eac3.mkv": (f"{V} {around('5.1(side)')} {X265} -pix_fmt yuv420p -c:a eac3", None),
    "hevc-hev1.mp4": (f"{V} {A} {X265} -pix_fmt yuv420p -tag:v hev1 -c:a aac", None),
    "ffv1-flac.mkv": (f"{V} {A} -c:v ffv1 -c:a flac", None),
    "prores-pcm.mov": (f"{V} {A} -c:v prores_ks -c:a pcm_s24le -timecode 01:00:00:00", None),
    "dv-pcm.avi": (f"{video('720x576')} {A} -c:v dvvideo -pix_fmt yuv420p -c:a pcm_s16le", None),
    "vc1.mkv": (f"{V} -c:v wmv2", lambda r: stream(r, 0, codec_name="vc1", profile="Advanced", field_order="tt", height=1080, width=1920)),
    # Pictures of every shape
    "h264-baseline-level51-4k.mp4": (f"{video('3840x2160', 30)} {X}", None),
    "h264-4k60.mkv": (f"{video('3840x2160', 60)} {X}", None),
    "h264-1080p60.mp4": (f"{video('1920x1080', 60)} {X}", None),
    "h264-level62.mp4": (f"{V} {X} -level 6.2", None),
    "h264-120fps.mkv": (f"{video('640x360', 120)} {X}", None),
    "h264-59.94fps.ts": (f"{video('1280x720', '60000/1001')} {X}", None),
    "h264-clock-for-rate.mkv": (f"{V} {X}", lambda r: stream(r, 0, avg_frame_rate="1000/1", r_frame_rate="60/1", level=52)),
    "h264-20mbit.mp4": (f"{video('1280x720')} {X}", lambda r: stream(r, 0, bit_rate="20000000", duration="7200.000000")),
    "h264-portrait-rotated-4k.mp4": (f"{video('3840x2160', 30)} {X}", lambda r: turned(r, -90)),
    "hevc-rotated.mov": (f"{V} {X265} -pix_fmt yuv420p -tag:v hvc1", lambda r: turned(r, 90)),
    "h264-rotated-pcm.mov": (f"{V} {A} {X} -c:a pcm_s16le", lambda r: turned(r, -90)),
    "h264-upside-down.mp4": (f"{V} -c:v mpeg4", lambda r: turned(r, -180)),
    "hevc-4k-scope.mkv": (f"{video('3840x1608')} {X265} -pix_fmt yuv420p", None),
    "Film.2160p.UHD.mkv": (f"{video('3840x2160')} {X265} -pix_fmt yuv420p10le", None),
    "vp9-odd.webm": (f"{V} -vf scale=161:121 -c:v libvpx-vp9 -deadline realtime -cpu-used 8", None),
    "mpeg2-pal-anamorphic.mpg": (f"{video('720x576')} {A} -vf setsar=64/45 -c:v mpeg2video -c:a ac3", None),
    "h264-anamorphic.mkv": (f"{V} -vf setsar=4/3 {X}", None),
    "mpeg2-interlaced.ts": (f"{video('720x576', 50)} {A} -vf tinterlace=interleave_top -c:v mpeg2video -flags +ilme+ildct -top 1 -c:a mp2", None),
    "h264-interlaced.mp4": (f"{video('1920x1080', 50)} -vf tinterlace=interleave_top {X} -flags +ilme+ildct -x264-params tff=1", None),
    "mpeg4-vfr.mkv": (f"{video('320x180', 60)} -vf select='not(mod(n\\,5))+not(mod(n\\,3))' -vsync vfr -c:v mpeg4", lambda r: stream(r, 0, avg_frame_rate="28/1")),
    # Pixels and colours
    "h264-10bit.mkv": (f"{V} {X} -pix_fmt yuv420p10le", None),
    "h264-422-10bit.mov": (f"{V} {X} -pix_fmt yuv422p10le", None),
    "h264-444.mp4": (f"{V} {X} -pix_fmt yuv444p", None),
    "h264-full-range.mp4": (f"{V} {X} -pix_fmt yuvj420p", None),
    "mjpeg-full-range.mov": (f"{V} {A} -c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le", None),
    "ffv1-rgb.mkv": (f"{V} -c:v ffv1 -pix_fmt bgr0", None),
    "ffv1-rgb-hd.mkv": (f"{video('1280x720')} -c:v ffv1 -pix_fmt bgr0", None),
    "prores-alpha.mov": (f"{V} -vf format=yuva444p10le -c:v prores_ks -profile:v 4444", None),
    "ffv1-gray.mkv": (f"{V} -c:v ffv1 -pix_fmt gray", None),
    "mpeg2-bt601-hd.ts": (f"{video('1280x720')} -c:v mpeg2video -color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m", None),
    "vp9-10bit-bt2020-sdr.webm": (f"{V} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le -colorspace bt2020nc", None),
    "hevc-hdr10.mkv": (hevc("pq", params=MASTER), None),
    "hevc-hdr10-4k.mkv": (hevc("pq", "3840x2160", params=MASTER), None),
    "hevc-hdr10-sdr-container.mp4": (hevc("pq", params=MASTER), lambda r: stream(r, 0, color_transfer="bt709", color_primaries="bt709", color_space="bt709")),
    "hevc-hlg.mp4": (hevc("hlg", more="-tag:v hvc1"), None),
    "av1-hdr10.mp4": (f"{V} -vf format=yuv420p10le,setparams={PQ} -c:v libsvtav1 -preset 12 {BT2020} smpte2084 -svtav1-params mastering-display=G(0.265,0.690)B(0.150,0.060)R(0.680,0.320)WP(0.3127,0.3290)L(1000,0.0001):content-light=1000,400", None),
    "h264-hdr-untagged-primaries.mkv": (f"{V} {X} -pix_fmt yuv420p10le -color_trc smpte2084", None),
    "hevc-hdr10plus.mkv": (hevc("pq", params=MASTER), lambda r: r["frames"][0]["side_data_list"].append({"side_data_type": "HDR Dynamic Metadata SMPTE2094-40 (HDR10+)"})),
    "hevc-dovi5.mp4": (hevc("pq"), lambda r: (dovi(r, 5, 0), stream(r, 0, color_transfer="unknown", color_primaries="unknown", color_space="unknown"), r.pop("frames", None))),
    "hevc-dovi7.mkv": (hevc("pq", params=MASTER), lambda r: dovi(r, 7, 6, el=1)),
    "hevc-dovi81.mkv": (hevc("pq", params=MASTER), lambda r: dovi(r, 8, 1)),
    "hevc-dovi84.mov": (hevc("hlg"), lambda r: dovi(r, 8, 4)),
    "hevc-dovi-bare.ts": (hevc("pq"), lambda r: r["frames"][0].setdefault("side_data_list", []).append({"side_data_type": "Dolby Vision RPU Data"})),
    "mpeg2-captions.ts": (f"{video('720x480', '30000/1001')} -c:v mpeg2video", lambda r: stream(r, 0, closed_captions=1)),
    # Sound
    "h264-ac3-commentary.mkv": (f"{V} {around('5.1(side)')} {A} {X} -map 0 -map 1 -map 2 -c:a:0 ac3 -c:a:1 aac -metadata:s:a:0 language=eng -metadata:s:a:1 language=eng -metadata:s:a:1 title=Commentary -disposition:a:0 default -disposition:a:1 comment", None),
    "h264-flac-7.1.mkv": (f"{V} {around('7.1')} {X} -c:a flac", None),
    "h264-truehd-dts.mkv": (f"{V} {around('5.1(side)')} {X} -map 0 -map 1 -map 1 -c:a:0 truehd -c:a:1 dca -strict -2 -metadata:s:a:0 language=en-US -metadata:s:a:1 language=de -disposition:a:0 default", None),
    "h264-aac-5.1.mp4": (f"{V} {around('5.1')} {X} -c:a aac -metadata:s:a language=eng", None),
    "h264-stereo-and-5.1.mkv": (f"{V} {around('5.1')} {around('stereo')} {X} -map 0 -map 1 -map 2 -c:a aac -metadata:s:a:0 language=ger -metadata:s:a:1 language=ger", None),
    "h264-pcm-96k.mkv": (f"{V} {A} {X} -c:a pcm_s24le -ar 96000", None),
    "h264-pcm-bluray.m2ts": (f"{V} {around('stereo')} {X} -c:a pcm_bluray", None),
    "h264-no-audio.mp4": (f"{V} {X}", None),
    "h264-four-languages.mkv": (f"{V} {A} {X} -map 0 -map 1 -map 1 -map 1 -map 1 -c:a aac -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng -metadata:s:a:2 language=fre -disposition:a:1 default -disposition:a:2 visual_impaired+original", None),
    "h264-unknown-audio.mkv": (f"{V} {A} {X} -c:a aac", lambda r: [r["streams"][1].pop(k, None) for k in ("codec_name", "channels", "channel_layout", "sample_rate", "profile")]),
    # Subtitles, attachments, data
    "h264-srt-ass-chapters.mkv": (f"{V} {A} -i SRT -i SRT -i CHAPTERS {X} -map 0 -map 1 -map 2 -map 3 -map_metadata 4 -c:a aac -c:s:0 srt -c:s:1 ass -metadata:s:s:0 language=ger -metadata:s:s:0 title=Voll -metadata:s:s:1 language=eng -disposition:s:1 forced -metadata IMDB=tt0000001", None),
    "h264-movtext-chapters.mp4": (f"{V} {A} -i SRT -i CHAPTERS {X} -map 0 -map 1 -map 2 -map_metadata 3 -c:a aac -c:s mov_text -metadata:s:s language=eng -disposition:s hearing_impaired", None),
    "vp9-webvtt.webm": (f"{V} -i SRT -map 0 -map 1 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:s webvtt", None),
    "h264-pgs.mkv": (f"{V} -i SUP -i SUP -i SUP {X} -map 0 -map 1 -map 2 -map 3 -c:s copy -metadata:s:s:0 language=ger -metadata:s:s:1 language=ger -disposition:s:1 forced -metadata:s:s:2 language=ger", None),
    "mpeg2-vobsub.mkv": (f"{V} -i SUP -map 0 -map 1 -c:v mpeg2video -c:s dvdsub -metadata:s:s language=fre", None),
    "h264-dvbsub.ts": (f"{V} -i SUP -map 0 -map 1 {X} -c:s dvbsub -metadata:s:s language=dan", None),
    "h264-teletext.ts": (f"{V} -i SUP -map 0 -map 1 {X} -c:s dvbsub", lambda r: (stream(r, 1, codec_name="dvb_teletext"), stream(r, 1, "programs", codec_name="dvb_teletext"))),
    "h264-font-cover.mkv": (f"{V} {A} -i SRT {X} -map 0 -map 1 -map 2 -c:a aac -c:s ass -attach FONT -metadata:s:t:0 mimetype=application/x-truetype-font -attach PNG -metadata:s:t:1 mimetype=image/png -metadata:s:t:1 filename=cover.png", None),
    "h264-cover.mp4": (f"{V} {A} -i JPG {X} -map 0 -map 1 -map 2 -c:a aac -c:v:1 copy -disposition:v:1 attached_pic", None),
    "mpeg4-cover-track.mkv": (f"{V} -i PNG -map 0 -map 1 -c:v:0 mpeg4 -c:v:1 copy", None),
    "h264-two-programs.ts": (f"{V} {A} {X} -map 0 -map 1 -map 0 -map 1 -c:a mp2 -program title=A:st=0:st=1 -program title=B:st=2:st=3", None),
    "hevc-data-first.mp4": (f"{V} {A} {X265} -pix_fmt yuv420p -c:a aac -metadata com.android.capture.fps=30", lambda r: data_first(r)),
    "h264-timecode.mov": (f"{V} {X} -timecode 01:00:00:00", None),
    # Music
    "music.flac": (f"{A} -i PNG -map 0 -map 1 -c:a flac -c:v copy -disposition:v attached_pic -metadata TITLE=T -metadata ARTIST=A -metadata:s:v comment=Front", None),
    "music-96k.wav": ("-f lavfi -i sine=d=0.4:r=96000 -c:a pcm_s24le", None),
    "music.opus": (f"{A} -c:a libopus -metadata title=T", None),
    "music.ogg": (f"{A} -c:a libvorbis -metadata title=T", None),
    "music.m4a": (f"{A} -c:a aac", None),
    "music-alac.m4a": (f"{A} -c:a alac", None),
    "music.mp3": (f"{A} -i JPG -map 0 -map 1 -c:a libmp3lame -c:v copy -disposition:v attached_pic", None),
    "music.wma": (f"{A} -c:a wmav2", None),
    "music-5.1.flac": (f"{around('5.1(side)')} -c:a flac", None),
    "music-in.mp4": (f"{A} -c:a aac", None),
    "music-two-tracks.mka": (f"{A} -map 0 -map 0 -c:a libopus -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng", None),
    "eac3-only.mp4": (f"{around('5.1(side)')} -c:a eac3", None),
}


def stream(record, index, section="streams", **facts):
    holders = record["streams"] if section == "streams" else [s for p in record["programs"] for s in p["streams"]]
    for entry in holders:
        if entry["index"] == index:
            entry.update(facts)


def turned(record, degrees):
    record["streams"][0].setdefault("side_data_list", []).append({"side_data_type": "Display Matrix", "rotation": degrees})


def dovi(record, profile, compatibility, el=0):
    record["streams"][0].setdefault("side_data_list", []).append({
        "side_data_type": "DOVI configuration record", "dv_version_major": 1, "dv_version_minor": 0, "dv_profile": profile,
        "dv_level": 6, "rpu_present_flag": 1, "el_present_flag": el, "bl_present_flag": 1,
        "dv_bl_signal_compatibility_id": compatibility})


def data_first(record):
    for entry in record["streams"]:
        entry["index"] += 1
    record["streams"].insert(0, {"index": 0, "codec_type": "data", "codec_tag_string": "mett", "disposition": {"default": 1},
                                 "tags": {"language": "eng", "handler_name": "MetaHandle"}})


def pgs(path):
    """Two white boxes, as Blu-ray's presentation graphics (US patent 2009/0185789 describes the segments)."""
    def segment(time, kind, body):
        return b"PG" + struct.pack(">IIBH", int(time * 90000), 0, kind, len(body)) + body

    def composition(number, state, objects):
        head = struct.pack(">HHBHBBBB", 320, 180, 0x10, number, state, 0, 0, objects)
        return head + (struct.pack(">HBBHH", 0, 0, 0, 50, 140) if objects else b"")

    window = bytes([1]) + struct.pack(">BHHHH", 0, 50, 140, 100, 20)
    rows = (bytes([0, 0xC0, 100, 1]) + b"\0\0") * 20
    picture = struct.pack(">HBB", 0, 0, 0xC0) + (len(rows) + 4).to_bytes(3, "big") + struct.pack(">HH", 100, 20) + rows
    out = b""
    for number, (show, hide) in enumerate([(0.05, 0.15), (0.2, 0.3)]):
        out += segment(show, 0x16, composition(2 * number, 0x80, 1)) + segment(show, 0x17, window)
        out += segment(show, 0x14, bytes([0, 0, 1, 235, 128, 128, 255])) + segment(show, 0x15, picture)
        out += segment(show, 0x80, b"")
        out += segment(hide, 0x16, composition(2 * number + 1, 0, 0)) + segment(hide, 0x17, window) + segment(hide, 0x80, b"")
    open(path, "wb").write(out)


def materials(folder):
    at = lambda name: os.path.join(folder, name)
    open(at("s.srt"), "w").write("1\n00:00:00,050 --> 00:00:00,200\nHello <i>you</i>\n\n2\n00:00:00,250 --> 00:00:00,350\nTwo\n")
    open(at("c.txt"), "w").write(";FFMETADATA1\ntitle=With chapters\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=One\n"
                                 "[CHAPTER]\nTIMEBASE=1/1000\nSTART=200\nEND=400\ntitle=Zwei\n")
    open(at("font.ttf"), "wb").write(bytes(range(256)) * 4)
    for name in ("cover.png", "cover.jpg"):
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", at(name)], check=True)
    pgs(at("t.sup"))
    return {"SRT": at("s.srt"), "CHAPTERS": at("c.txt"), "FONT": at("font.ttf"), "PNG": at("cover.png"), "JPG": at("cover.jpg"), "SUP": at("t.sup")}


def probe(path, *sections):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *sections, "-i", path], check=True, capture_output=True)
    return json.loads(done.stdout)


def record(path, edit):
    found = probe(path, "-show_format", "-show_streams", "-show_chapters", "-show_programs")
    found["format"]["filename"] = os.path.basename(path)
    deep = any("10" in s.get("pix_fmt", "") or s.get("color_transfer") in ("smpte2084", "arib-std-b67")
               for s in found["streams"] if s.get("codec_type") == "video" and s.get("codec_name") in ("hevc", "av1", "vp9", "h264"))
    if deep:
        frames = probe(path, "-show_frames", "-select_streams", "V", "-read_intervals", "%+#8")["frames"][:1]
        keep = ("stream_index", "color_transfer", "color_primaries", "color_space", "side_data_list")
        found["frames"] = [{k: f[k] for k in keep if k in f} for f in frames]
    if edit:
        edit(found)
    for entry in found["streams"]:
        entry.pop("codec_long_name", None)
        # Only what is set: the file stays readable.
        entry["disposition"] = {k: v for k, v in entry.get("disposition", {}).items() if v}
    for program in found.get("programs", []):
        program["streams"] = [{k: s[k] for k in ("index", "codec_type", "codec_name") if k in s} for s in program["streams"]]
    return found


def write(path, found):
    """One line per stream, chapter and frame."""
    parts = []
    for key, value in found.items():
        if isinstance(value, list) and value:
            rows = ",\n  ".join(json.dumps(v, separators=(", ", ":"), ensure_ascii=False) for v in value)
            parts.append(f'"{key}":[\n  {rows}\n]')
        else:
            parts.append(f'"{key}":{json.dumps(value, separators=(", ", ":"), ensure_ascii=False)}')
    open(path, "w").write("{" + ",\n".join(parts) + "}\n")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as folder:
        files = materials(folder)
        for name, (arguments, edit) in CLIPS.items():
            if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
                continue
            words = [files.get(w, w) for w in arguments.split()]
            clip = os.path.join(folder, name)
            done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *words, "-t", "0.4", clip], capture_output=True, text=True)
            if done.returncode:
                print(f"{name}: {done.stderr.strip()}", file=sys.stderr)
                continue
            write(os.path.join(here, f"{name}.json"), record(clip, edit))
            os.remove(clip)


main()
