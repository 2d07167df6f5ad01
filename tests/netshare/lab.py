#!/usr/bin/python3
"""What the tests on real mounts share: machines, libraries, runs and what is left of them."""
import concurrent.futures
import json
import os
import subprocess
import sys
import time

PROGRAM = sys.argv[1]
CONTEND = os.path.join(os.path.dirname(PROGRAM), "examples/contend")
OUT = os.environ["NETSHARE_OUT"]
HOSTS = ["alpha", "beta", "gamma"]
SHARES = ["nfs4", "nfs3", "smb"]
CLIPS = 12
LITTER = (".part", ".tmp", ".lock")

VIDEO = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=1"
SOUND = "-f lavfi -i sine=frequency=440:duration=1"
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
RECIPES = {
    "mkv": f"{VIDEO} {SOUND} {X264} -c:a ac3",
    "avi": f"{VIDEO} {SOUND} -c:v mpeg4 -c:a libmp3lame",
    "flac": f"{SOUND} -c:a flac",
}
# Long enough that a machine can be stopped in its midst.
LONG = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=15 -c:v mpeg4 -q:v 5"
# Its result has its own name.
SAME = f"{VIDEO} -c:v mpeg4 -q:v 2"
# Short terms, so that a dead machine's work is taken over within a test. Never shorter than three beats.
TERMS = ("--stale-after", "15s", "--heartbeat", "5s")
PATIENCE = 180


def netshare(*argv, check=True):
    try:
        run = subprocess.run(["netshare", *argv], capture_output=True, text=True, timeout=2 * PATIENCE)
    except subprocess.TimeoutExpired as late:
        # What it said until then, in bytes whatever was asked for.
        said = "\n".join((part or b"").decode(errors="replace")[-3000:] for part in (late.stdout, late.stderr))
        raise AssertionError(f"{' '.join(argv[:2])} was not done in {late.timeout} s; it had said: {said}") from None
    if check and run.returncode != 0:
        raise AssertionError(f"netshare {' '.join(argv)}: {run.returncode}: {run.stdout}{run.stderr}")
    return run


def on(host, *argv, **options):
    return netshare("on", host, *argv, **options)


def make_clips():
    folder = f"{OUT}/clips"
    os.makedirs(folder)
    clips = [(f"clip.{ending}", recipe) for ending, recipe in RECIPES.items()]
    for name, recipe in [*clips, ("long.avi", LONG), ("same.mp4", SAME)]:
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *recipe.split(), f"{folder}/{name}"],
                       check=True, stdin=subprocess.DEVNULL)
    return folder


def spread_caps():
    """Which encoders work is tried here, once: the machines run this one's ffmpeg, and are slow at starting programs."""
    home = f"{OUT}/home"
    os.makedirs(home)
    subprocess.run([PROGRAM, "caps"], env={"PATH": os.environ["PATH"], "HOME": home}, check=True, capture_output=True)
    for host in HOSTS:
        spread_to(host)


def spread_to(host):
    on(host, "cp", "-r", f"{OUT}/home", f"/run/home-{host}")


def library(share, test):
    """A fresh folder on the server with CLIPS clips that are old enough to be quiet; its name."""
    name = f"{share}-{test}"
    local = f"{OUT}/{name}"
    os.makedirs(local)
    endings = list(RECIPES)
    for number in range(CLIPS):
        ending = endings[number % len(endings)]
        clip = f"{local}/clip {number:02} ü.{ending}"
        with open(f"{CLIP_FOLDER}/clip.{ending}", "rb") as source, open(clip, "wb") as target:
            target.write(source.read())
        os.utime(clip, (1_700_000_000, 1_700_000_000 + number))
    on("server", "cp", "-a", local, "/srv/share/")
    return name


class Run:
    """What one machine's run came to."""

    def __init__(self, host, process):
        self.host, self.code, self.stderr = host, process.returncode, process.stderr
        self.events = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
        told = [json.dumps(e) for e in self.events if e["event"] not in ("job_progress", "job_stage", "planned", "walked")]
        self.text = "\n".join([f"{host}: exit {self.code}", *told, process.stderr])

    def converted(self):
        return [os.path.basename(e["path"]) for e in self.events
                if e["event"] == "job_ended" and e["outcome"] == "converted"]

    def failed(self):
        return [e for e in self.events if e["event"] == "job_ended" and e["outcome"] == "failed"]

    def recovered(self):
        """How many half-done swaps of dead workers it finished."""
        return next(e["recovered"] for e in self.events if e["event"] == "run_ended")


def command(host, folder, *flags, failpoint=""):
    return ["env", "-i", f"PATH={os.environ['PATH']}", "LANG=C.UTF-8", f"HOME=/run/home-{host}", "RUST_BACKTRACE=1",
            f"MEDIA_CONVERTER_FAILPOINT={failpoint}", PROGRAM, "--dir", folder, "--json", *flags]


def convert(host, folder, *flags, failpoint=""):
    return Run(host, on(host, *command(host, folder, *flags, failpoint=failpoint), check=False))


class Working:
    """A machine at work, told of by its events as they come."""

    def __init__(self, host, folder, *flags):
        self.host, self.seen = host, []
        self.process = subprocess.Popen(["netshare", "on", host, *command(host, folder, *flags)], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def until_it_encodes(self):
        for line in self.process.stdout:
            self.seen.append(line)
            event = json.loads(line)
            if event["event"] == "job_progress" or event.get("stage") == "encoding":
                return
        raise AssertionError(f"{self.host} ended without encoding: {self.seen} {self.process.stderr.read()}")

    def until(self, fits):
        """Waits for an event."""
        for line in self.process.stdout:
            self.seen.append(line)
            if line.startswith("{") and fits(json.loads(line)):
                return
        raise AssertionError(f"{self.host} ended: {self.seen} {self.process.stderr.read()}")

    def end(self):
        out, err = self.process.communicate(timeout=PATIENCE)
        self.process.stdout_text = "".join(self.seen) + out
        return Run(self.host, subprocess.CompletedProcess([], self.process.returncode, self.process.stdout_text, err))


def convert_on_all(share, name, *flags):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda host: convert(host, f"/net/{share}/{name}", *flags), HOSTS))


def on_disk(name):
    """Every file below a library's folder as the server's own file system has it."""
    listing = on("server", "bash", "-c", f"cd '/srv/share/{name}' && find . -mindepth 1 -printf '%P\\n'").stdout
    return sorted(listing.splitlines())


def clean(name, told=""):
    """Nothing of ours but the trash and the caches is left."""
    left = [path for path in on_disk(name)
            if any(part.startswith(".mbx-") for part in path.split("/")) or path.endswith(LITTER)]
    assert not left, f"left behind: {left}\n{told}"


def codecs_of(path):
    return subprocess.run(["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "stream=codec_name", path],
                          check=True, capture_output=True, text=True).stdout.split()


def whole(name):
    """Each clip has its result and no source beside it; every result is what it should be."""
    media = [path for path in on_disk(name) if not any(part.startswith(".") for part in path.split("/"))]
    endings = list(RECIPES)
    wanted = sorted(f"clip {n:02} ü.{'mp3' if endings[n % len(endings)] == 'flac' else 'mp4'}" for n in range(CLIPS))
    assert media == wanted, f"in the library: {media}"
    back = f"{OUT}/{name}-after"
    on("server", "cp", "-r", f"/srv/share/{name}", back)
    for path in media:
        codecs = codecs_of(f"{back}/{path}")
        assert codecs == (["mp3"] if path.endswith("mp3") else ["h264", "aac"]), f"{path}: {codecs}"


def one_long_film(share, test):
    name = f"{share}-{test}"
    on("server", "mkdir", "-m", "777", f"/srv/share/{name}")
    put_long_film(name)
    return name


def put_long_film(name):
    on("server", "cp", f"{CLIP_FOLDER}/long.avi", f"/srv/share/{name}/film.avi")
    on("server", "touch", "-d", "@1700000000", f"/srv/share/{name}/film.avi")
    # On the disk, so that it outlives a crash of the server.
    on("server", "sync")


def until_taken_over(share, name, by="beta"):
    """Lets a machine look again and again until it has converted the film; the seconds that took."""
    begun = time.monotonic()
    while time.monotonic() < begun + PATIENCE:
        run = convert(by, f"/net/{share}/{name}", *TERMS)
        assert run.code == 0, run.text
        if run.converted():
            assert run.converted() == ["film.avi"], run.text
            return time.monotonic() - begun
        time.sleep(2)
    raise AssertionError(f"not taken over within {PATIENCE} s: {on_disk(name)}\n{run.text}")


def only_the_result(name):
    """The film has become film.mp4, which plays to its end, and nothing of ours but trash and caches is beside it."""
    assert [p for p in on_disk(name) if not p.startswith(".")] == ["film.mp4"], on_disk(name)
    clean(name)
    copy = f"{OUT}/{name}-film.mp4"
    on("server", "cp", f"/srv/share/{name}/film.mp4", copy)
    told = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-of", "csv=p=0",
                           "-show_entries", "stream=nb_read_packets", copy], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "375" and not told.stderr, (told.stdout, told.stderr)


CLIP_FOLDER = make_clips()
spread_caps()
