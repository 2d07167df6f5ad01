"""The swap of a film whose result has its own name, which has steps on a share that no local disk passes: killed at each."""
import concurrent.futures
import os
import re
import time

from lab import CLIP_FOLDER, OUT, PATIENCE, TERMS, clean, codecs_of, convert, on

# What lies under the film's name after a kill at each step that a swap in place passes on a share.
AT_THE_END = {"commit.before-trash": "result", "commit.applied": "result"}
BY_REPLACING = {"commit.before-replace": "original", "commit.replaced": "result", **AT_THE_END}
PASSED = {
    "nfs4": BY_REPLACING,
    "nfs3": BY_REPLACING,
    # Linux SMB may destroy what it renames over: the name is free for one round trip.
    "smb": {"commit.before-aside": "original", "commit.aside": "nothing", **AT_THE_END},
}
# Those of a local disk, and those of a result with another name, which tests/it/crash.rs kills at.
ELSEWHERE = ["commit.before-exchange", "commit.exchanged", "commit.before-publish", "commit.published", "commit.moved"]
NEVER = {
    "nfs4": ["commit.before-aside", "commit.aside", *ELSEWHERE],
    "nfs3": ["commit.before-aside", "commit.aside", *ELSEWHERE],
    "smb": ["commit.before-replace", "commit.replaced", *ELSEWHERE],
}
SOURCE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../src/job/commit.rs")


def films(library, folders):
    """A library with one film in each of its folders; its root is made here, for each machine is to find it upward."""
    on("server", "bash", "-c", f"mkdir -m 777 '/srv/share/{library}' && cd '/srv/share/{library}' && mkdir -m 777 .mediabox && "
       f"echo '{{\"version\": 1, \"id\": \"{os.urandom(16).hex()}\"}}' > .mediabox/id && "
       f"for folder in {' '.join(folders)}; do mkdir -m 777 $folder && cp '{CLIP_FOLDER}/same.mp4' $folder/film.mp4 && "
       "touch -d @1700000000 $folder/film.mp4; done")


def contents(library):
    """The digest of every file below a library, as the server's own file system has it."""
    lines = on("server", "bash", "-c", f"cd '/srv/share/{library}' && find . -type f -printf '%P\\0' | xargs -0 sha256sum").stdout
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines.splitlines())}


def originals(there):
    return [digest for path, digest in there.items() if path.startswith(".mediabox/trash/") and path.endswith(".original")]


def killed_at_each(share, library):
    """Two machines die, once at each step of a swap; what they had made by then."""
    passed, never = PASSED[share], NEVER[share]
    films(library, passed)
    original = contents(library)["commit.applied/film.mp4"]

    def killed(host, step):
        # On the way to the last step it must not meet those that are never passed: there it would die, too, and be found elsewhere.
        dies_at = [step, *never] if step == "commit.applied" else [step]
        return convert(host, f"/net/{share}/{library}/{step}", *TERMS, "--verify", "fast",
                       failpoint=";".join(f"{name}=kill" for name in dies_at))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = list(pool.map(killed, ["alpha", "gamma"] * (len(passed) // 2), passed))
    there = contents(library)
    made = {}
    for step, run in zip(passed, runs):
        assert run.code == 137, f"it was to die at {step}\n{run.text}"
        film = there.get(f"{step}/film.mp4")
        stage = [digest for path, digest in there.items() if path.startswith(f"{step}/.mbx-") and path.endswith("/out.part")]
        holds = {None: "nothing", original: "original"}.get(film, "result")
        assert holds == passed[step], f"under the name after a kill at {step}: {holds}: {there}"
        assert len(stage) == (holds != "result"), f"results in work after a kill at {step}: {there}"
        aside = [digest for path, digest in there.items() if path.startswith(f"{step}/.mbx-") and path.endswith("/orig")]
        kept = step not in ("commit.before-aside", "commit.applied")
        assert aside == [original] * kept, f"originals in work after a kill at {step}: {there}"
        made[step] = film if holds == "result" else stage[0]
    assert originals(there) == [original], f"in the trash, of which only the last step is behind: {there}"
    return original, made


def a_kill_at_each_step_of_a_swap_in_place_is_mended_by_another_machine(share):
    with open(SOURCE, encoding="utf-8") as source:
        steps = set(re.findall(r'step\("(commit\.[a-z-]+)"\)', source.read()))
    odd = steps ^ {*PASSED[share], *NEVER[share]}
    assert not odd, f"not told of here, or not there: {odd}"
    library = f"{share}-swap"
    original, made = killed_at_each(share, library)
    begun = time.monotonic()
    told, swaps = [], 0
    while any("/.mbx-" in path for path in contents(library)):
        assert time.monotonic() < begun + PATIENCE, "\n".join([f"not mended within {PATIENCE} s: {contents(library)}", *told])
        run = convert("beta", f"/net/{share}/{library}", *TERMS)
        told.append(run.text)
        assert run.code == 0 and not run.converted(), f"beta failed, or converted what had only to be swapped in\n{run.text}"
        swaps += run.recovered()
    took, told = time.monotonic() - begun, "\n".join(told)
    there = contents(library)
    # What the dead had made is what lies there.
    assert {step: there.get(f"{step}/film.mp4") for step in made} == made, f"not {made}: {there}\n{told}"
    assert swaps == len(made), f"{swaps} swaps were mended\n{told}"
    media = sorted(path for path in there if not any(part.startswith(".") for part in path.split("/")))
    assert media == sorted(f"{step}/film.mp4" for step in made), f"in the library: {media}"
    assert originals(there) == [original] * len(made), f"in the trash: {there}\n{told}"
    on("server", "cp", "-r", f"/srv/share/{library}", f"{OUT}/{library}-after")
    for path in media:
        assert codecs_of(f"{OUT}/{library}-after/{path}") == ["h264"], path
    clean(library, told)
    return f"killed at {', '.join(made)}, mended within {took:.0f} s; never passed: {', '.join(NEVER[share])}"


TESTS = [a_kill_at_each_step_of_a_swap_in_place_is_mended_by_another_machine]
