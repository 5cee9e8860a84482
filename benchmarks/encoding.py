"""Note encoding: the int8 encoder against sentence-transformers on torch, same texts, same run.

    python benchmarks/encoding.py [--texts 2000] [--rounds 3]

Each engine runs in its own process, in turn, several rounds; the table holds medians. Throughput
is encoding alone, after loading and one warm-up; memory is the peak resident size of the process.
Accuracy is that of a logistic regression on the vectors (Banking77, where ../shared/data has it).
"""

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder has files named like layers
BANKING = Path(__file__).resolve().parents[2] / "shared" / "data" / "text" / "banking_data"
ENGINES = ("torch", "int8")
_WHY = ("dead on arrival", "wrng itm shipped", "crushed by carrier", "cust changed mind",
        "seam coming apart", "parts missing", "label wrong", "stock rotation")  # fmt: skip
_WHAT = ("does not power on", "seal intact", "pkg torn, unit ok", "scratched", "NFF, tested ok",
         "incomplete set", "signs of use", "cannot judge, qrtn till checked")  # fmt: skip
_TAIL = ("", "on cart {n}", "bin {n}", "per lead, photo taken", "GRN {n}, qty ok",
         "customer wants credit before end of month, see mail of sales rep {n}")  # fmt: skip


def main() -> None:
    arguments = _arguments()
    if arguments.engine:
        print(json.dumps(_measure(arguments.engine, arguments.texts)))
        return
    rounds = [
        {engine: _child(engine, arguments.texts) for engine in ENGINES}
        for _ in range(arguments.rounds)
    ]
    print(_table(rounds))
    if BANKING.is_dir():
        print(_accuracy())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    return parser.parse_args()


def notes(size: int) -> list[str]:
    """Distinct inspection notes of 10 to 110 characters."""
    rng = np.random.default_rng(0)
    made = [
        f"{rng.choice(_WHY)}, {rng.choice(_WHAT)} {rng.choice(_TAIL)}".replace("{n}", str(n))
        for n in range(size)
    ]
    return [f"{note} {n % 97}".strip() for n, note in enumerate(made)]


def _child(engine: str, texts: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--engine", engine, "--texts", str(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def _measure(engine: str, texts: int) -> dict[str, float]:
    started = time.perf_counter()
    encode = _encode_of(engine)
    encode(["warm up"])
    loaded = time.perf_counter() - started
    some = notes(texts)
    before, cpu = time.perf_counter(), time.process_time()
    encode(some)
    spent, cpu = time.perf_counter() - before, time.process_time() - cpu
    single = []
    for note in some[:100]:
        begun = time.perf_counter()
        encode([note])
        single.append(time.perf_counter() - begun)
    return {
        "load_s": loaded,
        "texts_per_s": texts / spent,
        "cpu_ms_per_text": 1000 * cpu / texts,
        "single_ms": 1000 * statistics.median(single),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _encode_of(engine: str) -> Any:
    from models.encoder_export import encoder_folder, weights_folder

    if engine == "int8":
        from models.encoder import Encoder

        return Encoder.load(encoder_folder()).encode
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(weights_folder()), device="cpu", local_files_only=True)
    return lambda some: model.encode(some, normalize_embeddings=True, show_progress_bar=False)


def _table(rounds: list[dict[str, dict[str, float]]]) -> str:
    lines = ["| | torch | int8 | ratio |", "|---|---:|---:|---:|"]
    for name in rounds[0]["int8"]:
        torch, int8 = (statistics.median(r[engine][name] for r in rounds) for engine in ENGINES)
        ratio = int8 / torch if name == "texts_per_s" else torch / int8
        lines.append(f"| {name} | {torch:.2f} | {int8:.2f} | {ratio:.1f}x |")
    return "\n".join(lines)


def _accuracy() -> str:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    parts = {name: _read(BANKING / f"{name}.csv") for name in ("train", "test")}
    lines = ["", "| Banking77, logistic regression C=30 | accuracy |", "|---|---:|"]
    for engine in ENGINES:
        encode = _encode_of(engine)
        train, test = (np.asarray(encode(parts[name][0])) for name in ("train", "test"))
        with threadpool_limits(1):
            head = LogisticRegression(C=30, max_iter=200).fit(train, parts["train"][1])
        lines.append(f"| {engine} | {100 * head.score(test, parts['test'][1]):.2f} % |")
    return "\n".join(lines)


def _read(path: Path) -> tuple[list[str], list[str]]:
    with path.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    return [row["text"] for row in rows], [row["category"] for row in rows]


if __name__ == "__main__":
    main()
