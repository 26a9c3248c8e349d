"""Random command lines, drawn from the commands' own tables of options, on tiny files.

    python benchmarks/fuzz_options.py --seconds 900 --seed 0

Each call runs in a fork of this process, in a folder of its own. What is found, with the line that repeats it: an exit status other than
0, 1 and 2, a traceback, a crash; a refusal (2) that writes a file, prints on stdout, or takes more than a few lines; a
failure (1) without a word; under --json anything but one object. What runs longer than `--limit` is counted, and its line printed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import resource
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import click
import numpy as np

from landscape.commands import COMMANDS, group, main, parsing
from landscape.faults import CASES
from landscape.gallery import FIGURES
from landscape.objective.session import pool

HUGE = "9" * 400
LONG = "x" * 300
ODD = (
    "",
    " ",
    "nan",
    "-1",
    "0",
    LONG,
    HUGE,
    "\udcff",
    "a\nb",
    "-",
    "--",
    "../x",
    "/dev/null",
    "1e999",
    ",",
    "=",
    ":",
    "é",
    "𝛂",
)
# Lines of stderr that a refusal may take: notes of what was read stand before it.
LINES = 6
MEMORY = 8 * 2**30

FILES = (
    "m.npz", "other.npz", "trained.npz", "plain.npz", "broken.npz", "scan.npz", "line.npz", "hessian.npz", "race.npz", "text.npz",
    "empty.npz", "missing.npz", "folder", "data.npz", "dirs.npz",
)  # fmt: skip
# What an option that is a text may sensibly be.
TEXTS = {
    "points": ("3", "2", "1", "3x5", "2x2x2", "4x1"),
    "span": ("1", "0.1", "auto", "-1:2", "1e-300", "1e300", "0:1e-320"),
    "direction": ("random", "gradient", "principal", "eigen", "between", "dirs.npz", "hessian.npz", "scan.npz"),
    "optimizer": ("sgd", "adam", "sgd,adam", "lion", "sam", "adamw", "rmsprop", "adm"),
    "learning_rate": ("0.1", "0.01", "0.1,0.01", "1e10", "1e-300"),
    "rates": ("0.1", "0.1,0.2", "1e5", "0.1,0.1"),
    "batch_sizes": ("4", "2,4", "4,4", "1000"),
    "schedules": ("constant", "constant,cosine", "step,step", "one_cycle"),
    "schedule": ("constant", "cosine", "step", "transformer", "one_cycle", "cosin"),
    "init": ("he", "xavier", "zero", "normal", "hee"),
    "architecture": ("4-3", "4-5-3", "4-3-2", "4"),
    "activation": ("relu", "tanh", "softmax", "gelu", "rleu"),
    "loss": ("mse", "cross_entropy", "mae", "huber", "binary_cross_entropy", "hinge"),
    "node": ("fc1", "fc2", "W1", "layer1"),
    "device": ("cpu", "auto", "cuda", "cuda:1"),
    "changes": ("large=0.2", "gap=1e300", "large=-1", "larg=1", "verified=0"),
    "levels": ("3", "0.5,", "0.1,1", "100", "1e-300,1e300"),
    "quantity": ("train_loss", "test_accuracy", "penalty", "train_los"),
    "fault": (*CASES, "zerostart"),
}  # fmt: skip
NAMES = {"demo": ("digits", "lenet", "lenett", *ODD[:4]), "figures": (*FIGURES, "tosy", "")}
OUTPUTS = (
    "out",
    "out.npz",
    "m",
    "m.npz",
    "scan",
    "folder",
    "missing/x",
    "o.html",
    "o.pdf",
    "o.gif",
    "o.mp4",
    "folder/x",
)
WEIGHTS = {"figures": 1, "demo": 2, "report": 2, "diagnose": 3}


def commands() -> list[tuple[list[str], click.Command]]:
    """Give every command with the words that call it."""
    found: list[tuple[list[str], click.Command]] = []
    for name in sorted(COMMANDS):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            found += [([name, part], one) for part, one in command.commands.items()]
        elif command is not None:
            found.append(([name], command))
    return found


def number_of(option: click.Option, draw: random.Random) -> str:
    """Draw a number: mostly a small one that is allowed."""
    if isinstance(option.type, parsing.Whole):
        least = int(option.type.least or 0)
        usual = [str(least + more) for more in (0, 0, 1, 2, 3)]
        return draw.choice(usual if draw.random() < 0.8 else [*ODD, "1.5", str(least - 1), str(10**9), "1e3"])
    usual = ["0.1", "0.5", "0.9", "1", "2", "0.01"]
    return draw.choice(
        usual if draw.random() < 0.8 else [*ODD, "1e-300", "1e300", "inf", "1e-320", "0.999999999"]
    )


def value_of(option: click.Option, draw: random.Random) -> str:
    """Draw a value of an option."""
    if isinstance(option.type, parsing.Ranged):
        return number_of(option, draw)
    if isinstance(option.type, click.Choice):
        return (
            draw.choice(option.type.choices)
            if draw.random() < 0.9
            else draw.choice([*ODD, option.type.choices[0][:-1]])
        )
    if option.name in ("output", "target", "save_directions", "escape", "animate", "pdf", "folder"):
        return draw.choice(OUTPUTS) if draw.random() < 0.9 else draw.choice(ODD)
    if option.name in TEXTS and draw.random() < 0.85:
        return draw.choice(TEXTS[option.name])
    return (
        draw.choice(FILES)
        if isinstance(option.type, click.Path) and draw.random() < 0.9
        else draw.choice(ODD)
    )


def line_of(words: list[str], command: click.Command, draw: random.Random) -> list[str]:
    """Draw a command line."""
    line = list(words)
    for argument in command.params:
        if isinstance(argument, click.Argument) and draw.random() < 0.97:
            usual = (
                ("m.npz", "m.npz", "trained.npz", "plain.npz")
                if words[0] != "plot"
                else ("scan.npz", "line.npz", "hessian.npz", "race.npz")
            )
            pool = NAMES.get(words[0], usual if draw.random() < 0.8 else FILES)
            line.append(draw.choice(pool))
    options = [option for option in command.params if isinstance(option, click.Option)]
    chosen = draw.sample(options, min(len(options), draw.choice((0, 1, 1, 2, 2, 3, 4, 6))))
    needed = [
        option for option in options if option.required and option not in chosen and draw.random() < 0.9
    ]
    for option in [*chosen, *needed]:
        flag = draw.choice(option.opts)
        for _ in range(2 if draw.random() < 0.05 else 1):
            if option.is_flag:
                line.append(flag)
            elif flag.startswith("--"):
                line.append(f"{flag}={value_of(option, draw)}")
            else:
                line += [flag, value_of(option, draw)]
    small = {
        "points": "3",
        "steps": "3",
        "seeds": "1",
        "looks": "3",
        "epochs": "1",
        "threads": "1",
        "budget": "quick",
    }
    for option in options:
        if (
            option.name in small
            and option not in chosen
            and not (option.name == "epochs" and any("--steps" in word for word in line))
        ):
            if option.name == "steps" and any("--epochs" in word for word in line):
                continue
            line.append(f"{option.opts[-1]}={small[option.name]}")
    if words[0] == "figures":
        line.append("--quick")
    draw.shuffle(rest := line[len(words) :])
    return [*words, *rest] if not any(word in ("-o", "--") for word in rest) else line


# Run in this process, so that what a fork needs is imported and loaded already; with one thread, since a fork has no other.
WARM = (
    "scan m.npz --points 3 --dtype float64 -o w1", "scan m.npz --points 3 --direction eigen -o w2", "scan line.npz --points 3",
    "hessian m.npz --top 1 --density --trace -o w3", "critical m.npz -o w4", "sharpness m.npz -o w5", "trajectory trained.npz --points 3 -o w6",
    "study schedule m.npz --steps 3 --seeds 1 -o w7", "train m.npz --steps 2 --dtype float64 -o w8.npz", "info m.npz",
    "diagnose m.npz --budget quick -o w9", "report m.npz --budget quick -o w.html --pdf w.pdf", "hessian m.npz --operator fisher --dtype float32 -o w10",
    "critical m.npz --dtype float32 -o w11", "plot scan.npz", "study stability m.npz --steps 6 --looks 3 --rates 0.1 -o w12",
)  # fmt: skip


def warm(folder: Path) -> None:
    """Load everything once, in a copy of the files."""
    os.chdir(folder)
    for line in WARM:
        more = ["--threads", "1"] if line.split()[0] not in ("info", "plot") else []
        with contextlib.suppress(SystemExit):
            main([*line.split(), *more, *(["--quiet"] if line.split()[0] != "info" else [])])


def prepare(folder: Path) -> None:
    """Write the tiny files."""
    os.chdir(folder)
    rng = np.random.default_rng(0)
    data = {
        "x_train": rng.standard_normal((12, 4)),
        "y_train": np.arange(12) % 3,
        "x_test": rng.standard_normal((6, 4)),
        "y_test": np.arange(6) % 3,
    }
    weights = {
        "W1": rng.standard_normal((4, 3)),
        "b1": np.zeros(3),
        "W2": rng.standard_normal((3, 3)),
        "b2": np.zeros(3),
    }
    np.savez("plain.npz", **weights, **data)
    np.savez("other.npz", **{name: value + 0.1 for name, value in weights.items()}, **data)
    np.savez("data.npz", **data)
    np.savez("broken.npz", **(weights | {"W1": np.full((4, 3), np.nan)}), **data)
    np.savez("dirs.npz", directions=rng.standard_normal((2, 27)))
    Path("text.npz").write_text("text")
    Path("empty.npz").write_bytes(b"")
    Path("folder").mkdir()
    for line in (
        "train plain.npz --steps 20 --checkpoints 6 --optimizer adam -o trained.npz", "train plain.npz --steps 1 -o m.npz",
        "scan m.npz --points 3 --no-figure -o scan", "scan m.npz --points 5 --dimensions 1 --no-figure -o line",
        "hessian m.npz --all --no-figure -o hessian", "race m.npz --steps 3 --seeds 1 --points 3 --no-figure -o race",
    ):  # fmt: skip
        status, _, err, _ = call(line.split(), folder, 600.0)
        if status != 0:
            raise SystemExit(f"{line}: {status}\n{err}")


def call(line: list[str], folder: Path, limit: float) -> tuple[int, str, str, bool]:
    """Run one command line in a fork: its status (negative: a signal's), stdout, stderr, and whether it ran too long."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = os.fork()
        if process == 0:
            run(line, folder, out.fileno(), err.fileno())
        end, late = time.monotonic() + limit, False
        while True:
            done, status = os.waitpid(process, os.WNOHANG)
            if done:
                break
            if time.monotonic() > end:
                late = True
                os.kill(process, signal.SIGKILL)
                _, status = os.waitpid(process, 0)
                break
            time.sleep(0.01)
        for stream in (out, err):
            stream.seek(0)
        texts = [stream.read().decode(errors="replace") for stream in (out, err)]
    return os.waitstatus_to_exitcode(status), texts[0], texts[1], late


def run(line: list[str], folder: Path, out: int, err: int) -> None:
    """Run the command in the forked process."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(folder)
    # Threads are not forked, and those that the warming up left would be waited for.
    pool.cache_clear()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status = 99
    try:
        main(line)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """Give what lies in a folder, with times and sizes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def judged(line: list[str], status: int, out: str, err: str, before: dict, after: dict) -> str:
    """Describe what is wrong with how a command ended; empty if nothing is."""
    if "Traceback" in err:
        return "a traceback"
    if status not in (0, 1, 2):
        return f"status {status}"
    if status == 2 and before != after:
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        return f"refused, and wrote {', '.join(sorted(changed))}"
    if status == 2 and out:
        return "refused, and printed on stdout"
    if status == 2 and len(err.splitlines()) > LINES and len(line) > 1:
        return f"refused in {len(err.splitlines())} lines"
    if status and "Error: " not in err:
        return "failed without a word"
    if len(err) > 20_000:
        return f"{len(err)} letters of messages"
    if status == 0 and "--json" in line and "--help" not in line:
        try:
            json.loads(out)
        except ValueError:
            return "no JSON object on stdout"
    return ""


def fuzz(seconds: float, seed: int, limit: float) -> int:
    """Try lines until the time is over; give how many findings there are."""
    draw, found, counts = random.Random(seed), 0, collections.Counter()
    table = commands()
    weights = [WEIGHTS.get(words[0], 6) for words, _ in table]
    with tempfile.TemporaryDirectory() as root:
        tiny = Path(root) / "tiny"
        tiny.mkdir()
        prepare(tiny)
        shutil.copytree(tiny, Path(root) / "warm")
        warm(Path(root) / "warm")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            words, command = draw.choices(table, weights)[0]
            line = line_of(words, command, draw)
            folder = Path(root) / "call"
            shutil.copytree(tiny, folder)
            before = seen(folder)
            status, out, err, late = call(line, folder, limit)
            wrong = "" if late else judged(line, status, out, err, before, seen(folder))
            counts["late" if late else f"status {status}"] += 1
            counts[" ".join(words)] += 1
            if wrong or late:
                found += not late
                print(
                    f"{wrong or 'too long'}: landscape {shlex.join(line)[:3000]}".encode(
                        "utf-8", "backslashreplace"
                    ).decode(),
                    flush=True,
                )
                if wrong:
                    print("    " + "\n    ".join(err.strip().splitlines()[-4:])[:1500], flush=True)
            shutil.rmtree(folder)
    print(
        f"{sum(counts[name] for name in counts if name.startswith('status') or name == 'late')} calls: {dict(counts)}; findings: {found}"
    )
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=60.0, help="Seconds that one call may take.")
    given = parser.parse_args()
    sys.exit(1 if fuzz(given.seconds, given.seed, given.limit) else 0)
