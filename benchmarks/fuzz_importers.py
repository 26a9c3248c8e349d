"""Mutated files through the importers, from which nothing but `InputError` may escape: `python benchmarks/fuzz_importers.py [--seconds 900] [--seed 0]`.

Small sound files are made (ONNX graphs, safetensors, state dicts in `.pt`, bare `.npz`, data in `.npz`), changed, and imported in a process of
its own, so that a crash of a library is found as well. Where `atheris` is importable it guides the changes by what they reach; otherwise they are
random. Prints counts by kind of file. The exit status is 1, and the file is kept and named, when another exception escapes, the process dies, or a file takes
more than `--longest` seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fuzz_importers_seeds import examples, seeds, seeds_of_weights

KINDS = ("onnx", "safetensors", "pt", "npz", "data")
LARGEST = 1 << 16
NUMBERS = (0, 1, 2, -1, 7, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, -(2**63))
OTHERS = (
    "LSTM", "GRU", "If", "Selu", "Shape", "Cast", "Squeeze", "LogSoftmax", "Softmax", "Constant", "Identity", "Clip", "Expand", "Tile", "ConstantOfShape",
    "Range", "Pad", "Resize", "OneHot", "Trilu", "Einsum", "Attention", "DepthToSpace", "ReduceLogSumExp", "PRelu", "Where", "Equal", "Size", "GlobalMaxPool",
)  # fmt: skip
SETTINGS = (
    "axis", "axes", "pads", "perm", "to", "group", "kernel_shape", "keepdims", "strides", "dilations", "auto_pad", "epsilon", "mode",
    "ceil_mode", "equation", "direction", "hidden_size", "output_padding", "output_shape", "blocksize", "num_groups", "allowzero",
)  # fmt: skip
WORDS = (
    b"weight",
    b"bias",
    b"NaN",
    b"\xff\xfe",
    b"",
    b"input",
    b"../x",
    b"SAME_UPPER",
    b"\x00" * 8,
    b"landscape",
    "é".encode(),
)


def scrambled(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Change some bytes."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        size = rng.choice((1, 1, 2, 4, 8, 40))
        way = rng.randrange(8)
        if way == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif way == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif way == 2:
            data[at:at] = rng.randbytes(size)
        elif way == 3:
            del data[at : at + size]
        elif way == 4:
            data[at : at + 8] = (rng.choice(NUMBERS) % 2**64).to_bytes(8, "little")[
                : rng.choice((1, 2, 4, 8))
            ]
        elif way == 5:
            data[at : at + size] = rng.choice(WORDS)
        elif way == 6:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            data[at : at + size] = other[start : start + size]
        elif rng.random() < 0.2:
            del data[at:]
    return bytes(data)


def changed_graph(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Change an ONNX graph's nodes, attributes and initializers, so that it is parsed and read further."""
    import onnx

    try:
        proto = onnx.load_from_string(content)
        nodes, tensors = proto.graph.node, proto.graph.initializer
        names = [name for node in nodes for name in (*node.input, *node.output)] + [t.name for t in tensors]
        operators = [node.op_type for node in nodes] + list(OTHERS)
        for _ in range(rng.choice((1, 1, 2, 3))):
            node = rng.choice(nodes)
            way = rng.randrange(9)
            if way == 0:
                node.op_type = rng.choice(operators)
            elif way == 1 and node.input:
                node.input[rng.randrange(len(node.input))] = rng.choice(names)
            elif way == 2 and node.output:
                node.output[rng.randrange(len(node.output))] = rng.choice(names)
            elif way == 3 and node.attribute:
                attribute = rng.choice(node.attribute)
                attribute.type = rng.randrange(0, 15)
            elif way == 4:
                attribute = rng.choice(node.attribute) if node.attribute else node.attribute.add()
                key = attribute.name or rng.choice(SETTINGS)
                value = rng.choice((1, -1, 0, 2**40, [1], [], [0, 0], [2] * 9, 0.5, float("nan"), b"SAME_LOWER", b"\xff", [0.5]))  # fmt: skip
                made = onnx.helper.make_attribute(key, value, attr_type=onnx.AttributeProto.INTS if value == [] else None)  # fmt: skip
                attribute.CopyFrom(made)
            elif way == 5 and tensors:
                tensor = rng.choice(tensors)
                if tensor.dims:
                    tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice((0, 1, 2, 3, 6, -1, 2**40))
            elif way == 6 and tensors:
                rng.choice(tensors).data_type = rng.randrange(0, 24)
            elif way == 7 and len(nodes) > 1:
                del nodes[rng.randrange(len(nodes))]
            elif tensors:
                tensor = rng.choice(tensors)
                tensor.name = rng.choice(names)
        return bytes(proto.SerializeToString())
    except Exception:
        return scrambled(rng, content, others)


def changed_archive(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Change a member of a zip archive and write it again, so that checksums hold."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as given:
            members = {entry.filename: given.read(entry) for entry in given.infolist()}
        key = rng.choice(list(members))
        members[key] = scrambled(rng, members[key], others)
        if rng.random() < 0.1:
            members[rng.choice((*members, "W1.npy", "../x.npy", "x_train.npy"))] = members[key]
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as written:
            for name, member in members.items():
                written.writestr(name, member)
        return stream.getvalue()
    except Exception:
        return scrambled(rng, content, others)


def changed(rng: random.Random, kind: str, content: bytes, others: list[bytes]) -> bytes:
    """Change a file of a kind, in its bytes or in its structure."""
    if rng.random() < 0.6:
        if kind == "onnx":
            return changed_graph(rng, content, others)
        if kind in ("pt", "npz", "data"):
            return changed_archive(rng, content, others)
    return scrambled(rng, content, others)


def importing(folder: Path, kind: str, reads: str, content: bytes) -> str:
    """Import a file and return "imported" or "refused"."""
    import landscape
    from landscape.errors import InputError

    ending = {"data": "npz"}.get(kind, kind)
    path = folder / f"net.{ending}"
    path.write_bytes(content)
    data = examples()[reads]
    try:
        if kind == "npz":
            landscape.load_model(path)
        elif kind == "data":
            (folder / "sound.safetensors").write_bytes(seeds_of_weights())
            landscape.import_file(folder / "sound.safetensors", path)
        else:
            landscape.import_file(path, data)
    except InputError as error:
        if "\n" in str(error):
            raise AssertionError(f"a message of several lines: {error}") from error
        return "refused"
    return "imported"


class Worker:
    """Runs files in this process, writes each down before it is run, and counts."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.end = folder, time.monotonic() + seconds
        self.counts: dict[str, dict[str, int]] = {}
        self.saved = 0.0

    def run(self, kind: str, reads: str, content: bytes) -> None:
        """Import one file and count how it ended."""
        (self.folder / "current").write_bytes(f"{kind} {reads}\n".encode() + content)
        with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            how = importing(self.folder, kind, reads, content)
        row = self.counts.setdefault(kind, {"imported": 0, "refused": 0})
        row[how] += 1
        if time.monotonic() > self.saved + 1:
            self.save()

    def save(self) -> None:
        """Write the counts where the parent reads them."""
        self.saved = time.monotonic()
        (self.folder / "counts.part").write_text(json.dumps(self.counts))
        (self.folder / "counts.part").replace(self.folder / "counts.json")


def randomly(worker: Worker, seed: int) -> None:
    """Change seed files, and files made from them, at random."""
    rng = random.Random(seed)
    pools = {kind: list(entries) for kind, entries in seeds().items()}
    for kind, entries in pools.items():
        for reads, content in entries:
            worker.run(kind, reads, content)
    kinds = [kind for kind in KINDS if kind in pools]
    while time.monotonic() < worker.end:
        kind = rng.choice(kinds)
        pool = pools[kind]
        reads, content = rng.choice(pool)
        made = changed(rng, kind, content, [other for _, other in pool])[:LARGEST]
        before = worker.counts.get(kind, {}).get("imported", 0)
        worker.run(kind, reads, made)
        if worker.counts[kind]["imported"] > before and len(pool) < 200:
            pool.append((reads, made))
    worker.save()


def guided(worker: Worker, seed: int, seconds: int) -> None:
    """Let atheris choose changes by what they reach.

    The first byte is the kind of file, the second the data.
    """
    import atheris

    # Numba cannot compile what atheris has written its marks into.
    import landscape.objective

    with atheris.instrument_imports(include=["landscape.importers"]):
        import landscape.importers
        import landscape.importers.onnx_graph.file
        import landscape.importers.pt_file  # noqa: F401
    names, reads = list(KINDS), list(examples())
    corpus = worker.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    found = seeds()
    others = {kind: [content for _, content in entries] for kind, entries in found.items()}
    for kind, entries in found.items():
        for number, (name, content) in enumerate(entries):
            (corpus / f"{kind}{number}").write_bytes(bytes([names.index(kind), reads.index(name)]) + content)

    def mutate(data: bytes, largest: int, number: int) -> bytes:
        rng = random.Random(number)
        if len(data) < 3 or rng.random() < 0.2:
            return bytes(atheris.Mutate(data, largest))
        kind = names[data[0] % len(names)]
        return (data[:2] + changed(rng, kind, data[2:], others.get(kind, [data])))[:largest]

    def one(data: bytes) -> None:
        if len(data) > 2 and names[data[0] % len(names)] in found:
            worker.run(names[data[0] % len(names)], reads[data[1] % len(reads)], data[2:])

    options = [f"-max_total_time={seconds}", f"-seed={seed + 1}", "-rss_limit_mb=0", f"-max_len={LARGEST}", "-verbosity=0", "-print_final_stats=0"]  # fmt: skip
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={worker.folder}/", str(corpus)], one, custom_mutator=mutate
    )
    atheris.Fuzz()


def child(folder: Path, seconds: int, seed: int, plain: bool) -> None:
    """Fuzz in this process, which ends when an escaped exception is recorded."""
    worker = Worker(folder, seconds)
    original = worker.run

    def watched(kind: str, reads: str, content: bytes) -> None:
        try:
            original(kind, reads, content)
        except Exception:
            (folder / "escaped").write_text(traceback.format_exc())
            worker.save()
            os._exit(1)

    worker.run = watched  # type: ignore[method-assign]
    if plain or importlib.util.find_spec("atheris") is None:
        randomly(worker, seed)
    else:
        guided(worker, seed, seconds)


def watch(process: subprocess.Popen[bytes], folder: Path, longest: float) -> str | None:
    """Wait for the child and return what went wrong, if anything did."""
    current = folder / "current"
    while process.poll() is None:
        time.sleep(0.5)
        if current.exists() and time.time() - current.stat().st_mtime > longest:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return f"a file took more than {longest:g} s"
    if (folder / "escaped").exists():
        return (folder / "escaped").read_text()
    if process.returncode:
        return f"the process ended with {process.returncode}"
    return None


def main(make: Callable[..., argparse.ArgumentParser] = argparse.ArgumentParser) -> int:
    """Fuzz for some time and print the counts."""
    parser = make(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=120.0, help="seconds that one file may take")
    parser.add_argument("--random", action="store_true", help="without atheris, even where it is importable")
    parser.add_argument("--replay", type=Path, help="run one kept file again")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay:
        head, _, content = options.replay.read_bytes().partition(b"\n")
        kind, reads = head.decode().split()
        with tempfile.TemporaryDirectory() as folder:
            print(importing(Path(folder), kind, reads, content))
        return 0
    if options.child:
        child(options.child, options.seconds, options.seed, options.random)
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = [sys.executable, __file__, "--child", name, "--seconds", str(options.seconds), "--seed", str(options.seed)]  # fmt: skip
        process = subprocess.Popen(
            [*arguments, *(["--random"] if options.random else [])], stderr=subprocess.DEVNULL
        )
        wrong = watch(process, folder, options.longest)
        counts = json.loads((folder / "counts.json").read_text()) if (folder / "counts.json").exists() else {}
        for kind, row in sorted(counts.items()):
            print(f"{kind:12} " + "  ".join(f"{count:,} {how}" for how, count in row.items()))
        if wrong is None:
            return 0
        kept = Path(f"fuzz_importers_{options.seed}.bin").resolve()
        shutil.copyfile(folder / "current", kept)
        print(f"{wrong}\nkept as {kept}; python benchmarks/fuzz_importers.py --replay {kept}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
