"""The fleet: whole conversions, and what befalls the machines that do them."""
import concurrent.futures
import json
import os
import time

from lab import (CLIP_FOLDER, CLIPS, OUT, PATIENCE, TERMS, Working, clean, command, convert, convert_on_all, library, netshare, on,
                 on_disk, one_long_film, only_the_result, spread_to, until_taken_over, whole)


def three_machines_convert_each_clip_once(share):
    name = library(share, "once")
    runs = convert_on_all(share, name, "-vv")
    told = "\n".join(run.text for run in runs)
    done = sorted(clip for run in runs for clip in run.converted())
    assert len(done) == len(set(done)) == CLIPS, f"converted: {done}\n{told}"
    assert all(run.code == 0 and not run.failed() for run in runs), told
    whole(name)
    clean(name, told)
    share_of_work = ", ".join(f"{run.host} {len(run.converted())}" for run in runs)
    again = convert("beta", f"/net/{share}/{name}")
    assert again.code == 0 and not again.converted(), f"a second run has something to do\n{again.text}"
    clean(name)
    return share_of_work


def a_machine_that_loses_power_has_its_film_taken_over(share):
    name = one_long_film(share, "power")
    alpha = Working("alpha", f"/net/{share}/{name}", *TERMS)
    alpha.until_it_encodes()
    netshare("crash", "alpha")
    try:
        alpha.process.communicate(timeout=PATIENCE)
        early = convert("beta", f"/net/{share}/{name}", *TERMS)
        assert not early.converted(), f"beta took a film that was being worked on a moment ago\n{early.text}"
        took = until_taken_over(share, name)
    finally:
        netshare("boot", "alpha")
        spread_to("alpha")
    only_the_result(name)
    return f"after {took:.0f} s"


def is_taken_over_and_drops_its_result(share, test, begin, end):
    """Alpha is out of reach, by the order BEGIN until the order END, for longer than its claim lasts."""
    name = one_long_film(share, test)
    alpha = Working("alpha", f"/net/{share}/{name}", *TERMS)
    alpha.until_it_encodes()
    netshare(begin, "alpha")
    try:
        took = until_taken_over(share, name)
    finally:
        netshare(end, "alpha")
    run = alpha.end()
    assert not run.converted(), f"alpha committed a film that beta had taken over\n{run.text}"
    only_the_result(name)
    return f"taken over after {took:.0f} s, alpha ended with {run.code}"


def a_machine_that_sleeps_through_its_claim_drops_its_result(share):
    return is_taken_over_and_drops_its_result(share, "sleep", "pause", "resume")


def a_machine_that_is_cut_off_loses_its_claim_and_says_so(share):
    return is_taken_over_and_drops_its_result(share, "cut", "cut", "heal")


def a_server_that_restarts_in_mid_transcode_costs_nothing(share):
    name = one_long_film(share, "restart")
    alpha = Working("alpha", f"/net/{share}/{name}")
    alpha.until_it_encodes()
    begun = time.monotonic()
    netshare("crash", "server")
    netshare("boot", "server")
    run = alpha.end()
    seconds = time.monotonic() - begun
    if run.converted():
        only_the_result(name)
        return f"done {seconds:.0f} s after the crash"
    # An SMB server holds names in memory for some seconds, so that a crash may undo the claim itself.
    assert share == "smb" and run.failed()[0]["code"] == "claim_lost", f"the claim is lost\n{run.text}"
    again = convert("beta", f"/net/{share}/{name}")
    assert again.converted() == ["film.avi"], again.text
    only_the_result(name)
    return "the server forgot the claim; the next run converts it"


def clocks_three_hours_off_neither_cost_a_claim_nor_keep_one(share):
    name = one_long_film(share, "clocks")
    netshare("clock", "alpha", "-10800")
    netshare("clock", "beta", "10800")
    try:
        alpha = Working("alpha", f"/net/{share}/{name}", *TERMS)
        alpha.until_it_encodes()
        early = convert("beta", f"/net/{share}/{name}", *TERMS)
        assert not early.converted(), f"beta, three hours ahead, took what alpha holds\n{early.text}"
        run = alpha.end()
        assert run.converted() == ["film.avi"], run.text
        only_the_result(name)
        # The other way round: what the one that is ahead leaves behind does not wait for hours.
        name = one_long_film(share, "clocks-ahead")
        beta = Working("beta", f"/net/{share}/{name}", *TERMS)
        beta.until_it_encodes()
        on("beta", "pkill", "-9", "-x", "media-converter", check=False)
        beta.end()
        took = until_taken_over(share, name, by="alpha")
        only_the_result(name)
        return f"taken over from 3 h ahead after {took:.0f} s"
    finally:
        netshare("clock", "alpha", "10800")
        netshare("clock", "beta", "-10800")


def a_machine_that_was_rebooted_ends_what_it_began(share):
    name = one_long_film(share, "reboot")
    alpha = Working("alpha", f"/net/{share}/{name}", *TERMS)
    alpha.until_it_encodes()
    netshare("crash", "alpha")
    alpha.process.communicate(timeout=PATIENCE)
    netshare("boot", "alpha")
    spread_to("alpha")
    took = until_taken_over(share, name, by="alpha")
    only_the_result(name)
    return f"after {took:.0f} s"


def a_watch_takes_what_another_machine_brings_within_a_minute(share):
    """Nothing but folders' own times tells alpha; passes over everything come every ten minutes by then."""
    name = f"{share}-watch"
    on("server", "mkdir", "-p", "-m", "777", f"/srv/share/{name}/Old", f"/srv/share/{name}/Other")
    on("server", "cp", f"{CLIP_FOLDER}/clip.mkv", f"/srv/share/{name}/Old/first.mkv")
    on("server", "touch", "-d", "@1700000000", f"/srv/share/{name}/Old/first.mkv")
    alpha = Working("alpha", f"/net/{share}/{name}", "--watch", "--min-age", "3s")
    alpha.until(lambda event: event["event"] == "job_ended" and event["path"].endswith("first.mkv"))
    took = []
    # Passes over everything follow each other closely at first: they must not be what finds these.
    time.sleep(60)
    for folder in ("Old", "Other", "New/Season 1"):
        on("beta", "mkdir", "-p", f"/net/{share}/{name}/{folder}")
        on("beta", "cp", f"{CLIP_FOLDER}/clip.mkv", f"/net/{share}/{name}/{folder}/second.mkv")
        quiet = time.monotonic() + 3
        alpha.until(lambda event: event["event"] == "job_started" and event["path"].endswith(f"{folder}/second.mkv"))
        took.append(time.monotonic() - quiet)
    on("alpha", "pkill", "-INT", "-x", "media-converter")
    run = alpha.end()
    assert max(took) < 60, (took, run.text)
    clean(name, run.text)
    return "after " + ", ".join(f"{seconds:.0f} s" for seconds in took)


def put(name, clip, path):
    """A clip on the server's disk that has been quiet for long."""
    target = f"/srv/share/{name}/{path}"
    on("server", "mkdir", "-p", "-m", "777", os.path.dirname(target))
    on("server", "cp", f"{CLIP_FOLDER}/{clip}", target)
    on("server", "touch", "-d", "@1700000000", target)


def a_wish_from_another_machine_goes_first(share):
    name = f"{share}-wish"
    on("server", "mkdir", "-m", "777", f"/srv/share/{name}")
    put(name, "long.avi", "a/1.avi")
    for path in ("b/2.mkv", "b/3.mkv", "z/wanted.mkv", "z/4.mkv"):
        put(name, "clip.mkv", path)
    alpha = Working("alpha", f"/net/{share}/{name}", "--order", "name", "--jobs", "1")
    alpha.until_it_encodes()
    environment = command("beta", "")[:-3]
    on("beta", *environment, "--first", f"/net/{share}/{name}/z/wanted.mkv")
    run = alpha.end()
    begun = [os.path.basename(event["path"]) for event in run.events if event["event"] == "job_started"]
    assert run.code == 0 and begun == ["1.avi", "wanted.mkv", "2.mkv", "3.mkv", "4.mkv"], f"{begun}\n{run.text}"
    left = on("server", "bash", "-c", f"ls -A /srv/share/{name}/.mediabox/first 2>/dev/null", check=False).stdout
    clean(name, run.text)
    return f"after the one in hand; wishes left: {len(left.split())}"


# Only this one folds case.
def two_spellings_of_one_folder_are_one_library(share):
    name, films = f"{share}-case", [f"Film {number}.avi" for number in range(6)]
    for film in films:
        put(name, "clip.avi", f"Films/{film}")
    on("server", "chmod", "777", f"/srv/share/{name}", f"/srv/share/{name}/Films")
    spellings = {"alpha": f"/net/{share}/{name}/Films", "beta": f"/net/{share}/{name.upper()}/FILMS"}
    on("beta", "stat", f"{spellings['beta']}/FILM 1.AVI")
    ffprobe = f"{OUT}/{name}-ffprobe"
    with open(ffprobe, "w") as script:
        script.write('#!/bin/sh\necho "$@" >> /run/asked\nexec ffprobe "$@"\n')
    os.chmod(ffprobe, 0o755)

    def asked(host):
        log = on(host, "cat", "/run/asked", check=False).stdout
        on(host, "rm", "-f", "/run/asked")
        return sum(".avi" in line.lower() for line in log.splitlines())

    def scan(host):
        environment = command(host, "")[:-3]
        told = on(host, *environment, "scan", spellings[host], "--json", "--ffprobe", ffprobe).stdout
        assert json.loads(told)["total"]["files"] == len(films), told
        return asked(host)

    def records():
        text = on("server", "cat", f"/srv/share/{name}/Films/.mediabox_cache.json").stdout
        return sorted(entry["file_name"] for entry in json.loads(text).values())

    first, second = scan("alpha"), scan("beta")
    assert (first, second) == (len(films), 0), f"{first} and {second} looks at {len(films)} files"
    assert records() == films, records()
    # Somebody changes how a name is spelled: the file is the same.
    on("server", "mv", f"/srv/share/{name}/Films/Film 0.avi", f"/srv/share/{name}/Films/FILM 0.avi")
    again = scan("beta")
    assert again <= 1 and records() == sorted(["FILM 0.avi", *films[1:]]), (again, records())
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda host: convert(host, spellings[host]), spellings))
    done = sorted(clip.lower() for run in runs for clip in run.converted())
    told = "\n".join(run.text for run in runs)
    assert done == [film.lower() for film in films], f"{done}\n{told}"
    left = [path for path in on_disk(name) if path.lower().endswith((".avi", ".mp4"))]
    assert len(left) == len(films) and all(path.endswith(".mp4") for path in left), left
    clean(name, told)
    return f"{first} looks, then {second}, then {again}; " + ", ".join(f"{run.host} {len(run.converted())}" for run in runs)


two_spellings_of_one_folder_are_one_library.shares = ["smb"]

TESTS = [
    three_machines_convert_each_clip_once,
    a_wish_from_another_machine_goes_first,
    two_spellings_of_one_folder_are_one_library,
    a_machine_that_loses_power_has_its_film_taken_over,
    a_machine_that_sleeps_through_its_claim_drops_its_result,
    a_machine_that_is_cut_off_loses_its_claim_and_says_so,
    a_server_that_restarts_in_mid_transcode_costs_nothing,
    clocks_three_hours_off_neither_cost_a_claim_nor_keep_one,
    a_machine_that_was_rebooted_ends_what_it_began,
    a_watch_takes_what_another_machine_brings_within_a_minute,
]
