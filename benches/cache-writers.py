#!/usr/bin/env python3
"""Processes that add facts to one library's shared caches at once, two of them killed -9 at random moments: everything
that was reported as being on the share must be there at the end.

usage: cargo build --release --all-features --examples && benches/cache-writers.py [--program EXAMPLES/contend]
       [--dir DIR] [--writers 8] [--facts 5000] [--batch 250] [--folders 1] [--kill 2]
DIR may lie on a mount. Ends with 1 where a reported fact is missing.
"""
import argparse, json, os, random, signal, subprocess, sys, tempfile, threading, time

here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--program", default=os.path.join(here, "target/release/examples/contend"))
parser.add_argument("--dir")
parser.add_argument("--writers", type=int, default=8)
parser.add_argument("--facts", type=int, default=5000)
parser.add_argument("--batch", type=int, default=250)
parser.add_argument("--folders", type=int, default=1)
parser.add_argument("--kill", type=int, default=2)
parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
args = parser.parse_args()
subprocess.run([os.path.join(here, "benches/about.sh"), args.program, args.dir or tempfile.gettempdir()], check=True)
dice = random.Random(args.seed)
with tempfile.TemporaryDirectory(dir=args.dir) as library:
    numbers = [str(args.writers), str(args.facts)]
    subprocess.run([args.program, "files", library, *numbers, str(args.folders)], check=True)
    reported = [0] * args.writers
    begun = time.monotonic()

    def listen(writer, process):
        for line in process.stdout:
            word, number = line.split(maxsplit=1)
            if word != "reported":
                print(f"writer {writer}: {line}", file=sys.stderr)
            else:
                reported[writer] = int(number)

    processes, threads = [], []
    for writer in range(args.writers):
        command = [args.program, "facts", library, str(writer), str(args.facts), str(args.batch), str(args.folders)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        thread = threading.Thread(target=listen, args=(writer, process))
        thread.start()
        processes.append(process)
        threads.append(thread)
    # A random moment is one of random progress: at a random part of its facts, then a moment later.
    killed = {writer: dice.uniform(0.05, 0.9) * args.facts for writer in dice.sample(range(args.writers), args.kill)}
    waiting = dict(killed)
    while waiting and any(process.poll() is None for process in processes):
        for writer, part in list(waiting.items()):
            if reported[writer] >= part - args.batch:
                time.sleep(dice.uniform(0, 0.3))
                processes[writer].send_signal(signal.SIGKILL)
                del waiting[writer]
        time.sleep(0.005)
    for process, thread in zip(processes, threads):
        process.wait()
        thread.join()
    took = time.monotonic() - begun
    count = subprocess.run([args.program, "count", library, *numbers, str(args.folders)], check=True, stdout=subprocess.PIPE, text=True)
    counted = json.loads(count.stdout)
    missing = [max(0, told - held) for told, held in zip(reported, counted["held"])]
    unfinished = [writer for writer in range(args.writers) if writer not in killed and reported[writer] != args.facts]
    print(f"{args.writers} writers x {args.facts} facts in batches of {args.batch} over {args.folders} folders, killed -9: {sorted(killed)}, seed {args.seed}")
    print(f"reported {sum(reported)}, held {sum(counted['held'])}, of the reported missing {sum(missing)}, faults {counted['faults']}, {took:.1f} s")
    sys.exit(1 if sum(missing) or unfinished or counted["faults"] else 0)
