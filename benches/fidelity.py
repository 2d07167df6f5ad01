#!/usr/bin/env python3
"""What each tool keeps of the same inputs: media-converter (profile compact), plain ffmpeg, HandBrakeCLI.

    benches/fidelity.py [MEDIA-CONVERTER]        (default: target/release/media-converter)

Makes its inputs with ffmpeg, runs each tool by the rule a person would follow, reads the results with ffprobe, and prints the
table of docs/FIDELITY.md. Needs ffmpeg with libx265; HandBrakeCLI where it is installed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE, SECONDS = "320x180", "2"
FILM = ["-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=25:duration={SECONDS}"]
SOUND = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={SECONDS}"]
TEXT = "1\n00:00:00,200 --> 00:00:00,900\nGrüße\n\n2\n00:00:01,000 --> 00:00:01,800\nZwei\n"
CHAPTERS = (
    ";FFMETADATA1\ntitle=Ein Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Eins\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Zwei\n"
)
FIVE = "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0"
MASTER = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"


def run(*words, quiet=True):
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink).returncode


def ffmpeg(*words):
    assert run("ffmpeg", "-v", "error", "-nostdin", "-y", *words, quiet=False) == 0, words


def inputs(folder):
    (folder / "s.srt").write_text(TEXT)
    (folder / "c.txt").write_text(CHAPTERS)
    (folder / "f.ttf").write_bytes(bytes(300))
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", folder / "cover.jpg")
    ffmpeg(
        *FILM, *SOUND, "-i", folder / "s.srt", "-i", folder / "s.srt", "-i", folder / "c.txt",
        "-filter_complex", f"[1:a]{FIVE}[a];[1:a]anull[b]", "-map", "0:v", "-map", "[a]", "-map", "[b]", "-map", "2", "-map", "3",
        "-map_metadata", "4", "-c:v", "libx264", "-preset", "ultrafast", "-c:a:0", "ac3", "-c:a:1", "aac", "-c:s:0", "srt", "-c:s:1", "ass",
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", "-metadata:s:a:1", "title=Kommentar",
        "-disposition:a:1", "comment", "-metadata:s:s:0", "language=ger", "-disposition:s:0", "forced",
        "-metadata:s:s:1", "language=eng", "-disposition:s:1", "0",
        "-attach", folder / "f.ttf", "-metadata:s:t:0", "mimetype=application/x-truetype-font", "-metadata:s:t:0", "filename=f.ttf",
        "-attach", folder / "cover.jpg", "-metadata:s:t:1", "mimetype=image/jpeg", "-metadata:s:t:1", "filename=cover.jpg",
        folder / "rich.mkv",
    )
    hdr = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-colorspace", "bt2020nc"]
    for name, curve, more in [("hdr10", "smpte2084", ":hdr10=1:repeat-headers=1:" + MASTER), ("hlg", "arib-std-b67", "")]:
        params = f"log-level=error:colorprim=bt2020:transfer={curve}:colormatrix=bt2020nc{more}"
        ffmpeg(*FILM, *SOUND, *hdr, "-color_trc", curve, "-x265-params", params, "-c:a", "eac3", folder / f"{name}.mkv")
    ffmpeg(*FILM, *SOUND, "-vf", "select='not(eq(mod(n,5),2))'", "-fps_mode", "vfr", "-c:v", "mpeg4", "-c:a", "ac3", folder / "vfr.mkv")
    ffmpeg(
        *FILM, "-itsoffset", "0.4", *SOUND, "-map", "0", "-map", "1", "-t", SECONDS, "-c:v", "mpeg4", "-c:a", "ac3", folder / "late.mkv"
    )
    ffmpeg(*FILM, *SOUND, "-vf", "setsar=16/11", "-c:v", "mpeg4", "-c:a", "ac3", folder / "anamorphic.mkv")
    ffmpeg(
        "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=50:duration={SECONDS}", *SOUND, "-vf", "tinterlace=interleave_top",
        "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-c:a", "mp2", folder / "interlaced.ts",
    )
    cut = (folder / "rich.mkv").read_bytes()
    (folder / "cut.mkv").write_bytes(cut[: len(cut) * 6 // 10])


def probe(file, *words):
    out = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *words, str(file)], capture_output=True)
    return json.loads(out.stdout or "{}")


def combed(file):
    """Frames that look interlaced, by ffmpeg's idet, of all."""
    words = ["ffmpeg", "-v", "info", "-nostdin", "-i", str(file), "-vf", "idet", "-an", "-f", "null", "-"]
    text = subprocess.run(words, capture_output=True, text=True).stderr
    line = [line for line in text.splitlines() if "Multi frame detection" in line]
    numbers = [int(w) for w in line[-1].split() if w.isdigit()] if line else [0, 0, 0, 0]
    return numbers[0] + numbers[1] > sum(numbers) / 3


def facts(file):
    """What a viewer would miss."""
    if file is None or not file.exists() or file.stat().st_size == 0:
        return None
    all = probe(file, "-show_streams", "-show_format", "-show_chapters")
    if "streams" not in all:
        return None
    kinds = {}
    for s in all["streams"]:
        cover = s["disposition"].get("attached_pic") or s.get("tags", {}).get("mimetype", "").startswith("image")
        kinds.setdefault("cover" if cover else s["codec_type"], []).append(s)
    frames = probe(file, "-show_frames", "-select_streams", "v:0", "-read_intervals", "%+#1").get("frames", [{}])
    side = sorted(
        json.dumps(d) for d in (frames or [{}])[0].get("side_data_list", []) if d["side_data_type"].startswith(("Mastering", "Content light"))
    )
    counted = probe(file, "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames")
    packets = probe(file, "-show_entries", "packet=stream_index,pts_time,flags").get("packets", [])
    first = {}
    for p in packets:
        if "D" not in p.get("flags", "") and "pts_time" in p:
            at = float(p["pts_time"])
            first[p["stream_index"]] = min(at, first.get(p["stream_index"], at))
    video, audio = kinds.get("video", [{}])[0], kinds.get("audio", [])
    tag = lambda s, name: s.get("tags", {}).get(name, "")
    sar = [int(n) for n in video.get("sample_aspect_ratio", "1:1").split(":")]
    return {
        "frames": int(counted["streams"][0].get("nb_read_frames", 0)),
        "shape": round(video.get("width", 0) * sar[0] / max(sar[1], 1) / max(video.get("height", 1), 1), 2),
        "combed": combed(file),
        "curve": video.get("color_transfer", ""),
        "side": side,
        "bits": 10 if "10" in video.get("pix_fmt", "") else 8,
        "audio": [(a["channels"], tag(a, "language"), tag(a, "title"), a["disposition"]["comment"]) for a in audio],
        "texts": [(s["codec_name"], tag(s, "language"), s["disposition"]["forced"]) for s in kinds.get("subtitle", [])],
        "chapters": [tag(c, "title") for c in all["chapters"]],
        "fonts": len(kinds.get("attachment", [])),
        "cover": len(kinds.get("cover", [])),
        "title": tag(all["format"], "title"),
        "offset": round(first.get(audio[0]["index"], 0) - first.get(video["index"], 0), 3) if audio else 0,
        "mtime": int(file.stat().st_mtime),
    }


def ours(program):
    def convert(source, folder):
        library = folder / f"ours-{source.stem}"
        library.mkdir()
        shutil.copy2(source, library / source.name)
        environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
        # The aim is what is kept: a clip of two seconds gets no smaller.
        words = [program, "--dir", library, "--profile", "compact", "--max-output-percent", "none", "--min-age", "0s", "-q"]
        done = subprocess.run([str(w) for w in words], env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        films = [f for f in library.iterdir() if f.suffix in (".mkv", ".mp4", ".ts")]
        kept = done.returncode == 1 and len(films) == 1 and films[0].name == source.name
        return (None if kept else films[0]), ("left alone" if kept else "")

    return convert


def plain(source, folder):
    out = folder / f"plain-{source.stem}.mkv"
    code = run("ffmpeg", "-v", "error", "-nostdin", "-y", "-i", source, "-c:v", "libx265", "-x265-params", "log-level=error", out)
    return out, "" if code == 0 else f"exit code {code}"


def handbrake(source, folder):
    out = folder / f"handbrake-{source.stem}.mkv"
    code = run("HandBrakeCLI", "-i", source, "-o", out, "-Z", "H.265 MKV 1080p30")
    return out, "" if code == 0 else f"exit code {code}"


def rows(before, after, said):
    """What is looked at, and what came of it."""
    get = lambda name, key: None if after[name] is None else after[name][key]
    same = lambda name, key: "kept" if get(name, key) == before[name][key] else f"{get(name, key)}"
    count = lambda name, key: f"{len(get(name, key) or [])} of {len(before[name][key])}"
    channels = [a[0] for a in get("rich", "audio") or []]
    languages = [a[1] for a in get("rich", "audio") or []]
    return [
        ("audio streams", count("rich", "audio")),
        ("5.1 stays 5.1", "kept" if 6 in channels else f"{channels[0] if channels else 0} channels"),
        ("audio languages", "kept" if languages == ["eng", "ger"] else ", ".join(languages) or "none"),
        ("title of a stream", "kept" if any(a[2] == "Kommentar" for a in get("rich", "audio") or []) else "lost"),
        ("commentary flag", "kept" if any(a[3] for a in get("rich", "audio") or []) else "lost"),
        ("subtitle streams", count("rich", "texts")),
        ("forced flag", "kept" if any(t[2] for t in get("rich", "texts") or []) else "lost"),
        ("chapters with titles", count("rich", "chapters")),
        ("fonts", "kept" if get("rich", "fonts") else "lost"),
        ("cover art", "kept" if get("rich", "cover") else "lost"),
        ("title of the film", "kept" if get("rich", "title") == before["rich"]["title"] else "lost"),
        ("HDR10: curve", same("hdr10", "curve")),
        ("HDR10: mastering display, light level", "kept" if get("hdr10", "side") == before["hdr10"]["side"] else "lost"),
        ("HLG: curve", same("hlg", "curve")),
        ("HDR: bits", f"{get('hdr10', 'bits')}"),
        ("varying rate: frames", f"{get('vfr', 'frames')} of {before['vfr']['frames']}"),
        ("audio 0.4 s late", "kept" if abs((get("late", "offset") or 0) - before["late"]["offset"]) <= 0.04 else f"{get('late', 'offset')} s"),
        ("anamorphic shape", same("anamorphic", "shape")),
        ("interlaced picture", "combed still" if get("interlaced", "combed") else "deinterlaced"),
        ("time of the file", "kept" if get("rich", "mtime") == before["rich"]["mtime"] else "now"),
        ("a source cut at 60 %", said["cut"] or ("converted, and nothing said" if after["cut"] else "no result")),
    ]


def main():
    program = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/media-converter").resolve()
    tools = {"media-converter (compact)": ours(program), "`ffmpeg -i IN -c:v libx265 OUT.mkv`": plain}
    if shutil.which("HandBrakeCLI"):
        tools["HandBrakeCLI (H.265 MKV 1080p30)"] = handbrake
    else:
        print("SKIPPED: HandBrakeCLI is not installed", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        inputs(folder)
        sources = sorted(f for f in folder.iterdir() if f.suffix in (".mkv", ".ts"))
        for source in sources:
            os.utime(source, (1_600_000_000, 1_600_000_000))
        before = {s.stem: facts(s) for s in sources}
        columns = {}
        for name, tool in tools.items():
            work = folder / f"work{len(columns)}"
            work.mkdir()
            results = {s.stem: tool(s, work) for s in sources}
            columns[name] = rows(before, {k: facts(r[0]) for k, r in results.items()}, {k: r[1] for k, r in results.items()})
        print("| | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns))
        for n, (what, _) in enumerate(next(iter(columns.values()))):
            print(f"| {what} | " + " | ".join(str(column[n][1]) for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
