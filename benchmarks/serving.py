"""Serving against ``mlflow models serve``: the same model, over HTTP, in the same run.

    python benchmarks/serving.py --home HOME

Ours answers ``POST /v1/recommendations`` with API key, rate limit, stored recommendation, audit
chain (committed before the answer) and log on: features from raw fields, calibrated
probabilities, prediction set, expected values, reasons, policy. MLflow serves the same model twice:
as a pyfunc with a signature that takes the same fields and answers the same calibrated
probabilities ("the same model"), and as the bare trees on a finished feature row without a
signature, its fastest way ("trees alone"); neither knows keys, storage or audit. Each server is a
process of its own; the load comes from a third one over 127.0.0.1 on kept-alive connections,
bounded in count and time. Rounds alternate, medians are shown, ratios are against "the same
model": ours over theirs (requests), theirs over ours (p99).
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONNECTIONS = (1, 16, 64)
THEIRS = "mlflow, the same model"
MODEL = """
from pathlib import Path

import mlflow
import pandas as pd

from models.disposition import FIELDS, DispositionModel
from models.features import columns_of
from models.files import read_arrays
from models.items import Items


class Disposition(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        place = Path(context.artifacts["bundle"])
        self.model = DispositionModel.load(place / "disposition")
        self.items = Items.from_arrays(read_arrays(place / "items.npz"))

    def predict(self, context, model_input, params=None):
        rows = model_input.to_dict("records")
        inputs = self.model.inputs(columns_of(rows, FIELDS), self.items)
        return pd.DataFrame(self.model.probabilities(inputs), columns=list(self.model.classes))


mlflow.models.set_model(Disposition())
"""
SECONDS = 8.0
LINE = {
    "return_line_id": "RMA-1:1",
    "site": "DC1",
    "quantity": 2,
    "reason_declared": "QUALITY.DEFECTIVE",
    "condition": "FUNCTIONAL_DEFECT",
    "note": "does not power on, box torn, all accessories in place",
    "customer_note": "stopped working after two days",
    "unit_price": 129.9,
    "channel": "portal",
    "policy": "P1",
    "grade": "C",
}


def main() -> None:
    here = Path(__file__).resolve().parent  # its files must not hide the packages of their names
    sys.path[:] = [place for place in sys.path if Path(place).resolve() != here]
    arguments = _arguments()
    if arguments.load:
        print(json.dumps(asyncio.run(_load(json.loads(sys.stdin.read())))))
        return
    folder = Path(tempfile.mkdtemp(prefix="retrace-serving-"))
    try:
        home = arguments.home or _trained(folder / "trained", arguments.lines)
        line = {**LINE, "sku": _known_sku(home)}
        one, tasks = _one_model_home(home, folder / "one")
        fields, row = _export(one, folder, line)
        servers = {
            "ours, one model": (_ours(one), _request(one, line)),
            THEIRS: (_mlflow(folder / "model"), _http("/invocations", fields)),
            "mlflow, trees alone": (_mlflow(folder / "trees"), _http("/invocations", row)),
        }
        if len(tasks) > 1:
            whole = _copy_of(home, folder / "whole")
            servers[f"ours, {' and '.join(tasks)}"] = (_ours(whole), _request(whole, line))
        print(_table(_measure(servers, arguments.rounds)))
    finally:
        shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a trained home (default: make one)")
    parser.add_argument("--lines", type=int, default=4_000, help="return lines to train on")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _trained(home: Path, lines: int) -> Path:
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from ingestion.simulator import simulate
    from models import promote, train

    settings = Settings.load(home)
    print(f"simulate and train on {lines} lines ...", file=sys.stderr)
    simulate(home / "simulated", lines=lines, seed=1)
    ingest(settings, [home / "simulated" / "sources"])
    for report in train(settings):
        promote(settings, report.task)
    return home


def _known_sku(home: Path) -> str:
    from models.files import read_arrays

    return str(read_arrays(home / "models" / "champion" / "items.npz")["skus"][0])


def _one_model_home(home: Path, fresh: Path) -> tuple[Path, list[str]]:
    """A home that serves the disposition model alone, and the tasks the original serves."""
    from models.bundle import open_bundle, write_bundle

    bundle = open_bundle(home / "models" / "champion")
    parts = fresh / "parts"
    shutil.copytree(bundle.folder / "disposition", parts / "disposition")
    shutil.copy(bundle.folder / "items.npz", parts)
    write_bundle(
        fresh / "models", "champion", parts, {"disposition": bundle.entries["disposition"]}
    )
    return fresh, sorted(bundle.entries)


def _copy_of(home: Path, fresh: Path) -> Path:
    shutil.copytree((home / "models" / "champion").resolve(), fresh / "models" / "champion")
    return fresh


def _export(
    home: Path, folder: Path, line: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Save the model for MLflow in both forms; the requests that ask them for the line's fate."""
    import lightgbm
    import mlflow
    import numpy as np
    import pandas as pd

    from models.disposition import FIELDS
    from models.features import columns_of
    from models.scorer import Scorer

    bundle = home / "models" / "champion"
    scorer = Scorer.load(bundle)
    model = scorer._disposition
    inputs = model.inputs(columns_of([line], FIELDS), scorer.items)
    trees = lightgbm.Booster(model_str=model.trees.text)
    mlflow.lightgbm.save_model(trees, str(folder / "trees"))
    fields = pd.DataFrame([{name: line[name] for name in FIELDS if name in line}])
    answer = pd.DataFrame(model.probabilities(inputs), columns=list(model.classes))
    (folder / "model.py").write_text(MODEL)
    mlflow.pyfunc.save_model(
        str(folder / "model"),
        python_model=str(folder / "model.py"),
        artifacts={"bundle": str(bundle.resolve())},
        signature=mlflow.models.infer_signature(fields, answer),
        pip_requirements=[],
    )
    served = mlflow.pyfunc.load_model(str(folder / "model")).predict(fields)
    np.testing.assert_allclose(served.to_numpy(), answer.to_numpy())
    row = [float(value) for value in np.nan_to_num(inputs.rows[0], nan=-1.0)]
    return {"dataframe_records": fields.to_dict("records")}, {"inputs": [row]}


Command = list[str]


def _ours(home: Path) -> Command:
    code = (
        "import sys; from scoring_api.server import serve; from ingestion.settings import "
        "Settings; from scoring_api.config import Limits; serve(Settings.load(sys.argv[1]), "
        "'127.0.0.1', int(sys.argv[2]), limits=Limits(rate='1000000/second'))"
    )
    return [sys.executable, "-P", "-c", code, str(home)]


def _mlflow(folder: Path) -> Command:
    found = shutil.which("mlflow", path=str(Path(sys.executable).parent)) or "mlflow"
    serve = [found, "models", "serve", "--env-manager", "local", "--host", "127.0.0.1"]
    return [*serve, "--model-uri", str(folder), "--port"]


def _request(home: Path, line: dict[str, Any]) -> str:
    from ingestion.database import engine
    from ingestion.settings import Settings
    from scoring_api.keys import create_key

    database = engine(Settings.load(home))
    _, key = create_key(database, "benchmark")
    database.dispose()
    return _http("/v1/recommendations", line, f"Authorization: Bearer {key}\r\n")


def _http(path: str, content: object, headers: str = "") -> str:
    body = json.dumps(content)
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"{headers}Content-Length: {len(body.encode())}\r\n\r\n{body}"
    )


@contextmanager
def _serving(command: Command) -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # mlflow calls uvicorn
    process = subprocess.Popen(
        [*command, str(port)],
        start_new_session=True,
        env={**os.environ, "PATH": tools},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            if _answers(port):
                break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _answers(port: int) -> bool:
    for path in ("readyz", "ping"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            continue
    return False


def _measure(servers: dict[str, tuple[Command, str]], rounds: int) -> dict[str, dict[str, Any]]:
    """Medians over rounds; each round asks fresh servers, one after the other, warmed up."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
    for turn in range(rounds):
        for name, (command, request) in servers.items():
            print(f"round {turn + 1}: {name} ...", file=sys.stderr, flush=True)
            with _serving(command) as (port, pid):
                _run_load(port, request, 1, 200)
                laps = {c: _run_load(port, request, c, 20_000) for c in CONNECTIONS}
                runs[name].append({"laps": laps, "mb": _memory_mb(pid)})
    return {name: _median(found) for name, found in runs.items()}


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    figures = ("per_second", "p50_ms", "p99_ms", "failed")
    return {
        "mb": statistics.median(run["mb"] for run in runs),
        "laps": {
            c: {f: statistics.median(run["laps"][c][f] for run in runs) for f in figures}
            for c in CONNECTIONS
        },
    }


def _memory_mb(pid: int) -> float:
    import psutil

    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    return sum(process.memory_info().rss for process in family) / 2**20


def _run_load(port: int, request: str, connections: int, requests: int) -> dict[str, Any]:
    order = {"port": port, "request": request, "connections": connections, "requests": requests}
    done = subprocess.run(
        [sys.executable, "-P", __file__, "--load"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS * 4 + 30,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def _load(order: dict[str, Any]) -> dict[str, Any]:
    """Send requests until ``requests`` are answered or ``SECONDS`` have passed."""
    request, each = order["request"].encode(), order["requests"] // order["connections"]
    seconds: list[float] = []
    failed = 0
    begun = time.perf_counter()

    async def ask() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", order["port"])
        for _ in range(each):
            sent = time.perf_counter()
            if sent - begun > SECONDS:
                break
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            seconds.append(time.perf_counter() - sent)
            failed += not head.startswith(b"http/1.1 200")
        writer.close()

    await asyncio.gather(*(ask() for _ in range(order["connections"])))
    elapsed = time.perf_counter() - begun
    seconds.sort()
    return {
        "per_second": len(seconds) / elapsed,
        "p50_ms": 1000 * seconds[len(seconds) // 2],
        "p99_ms": 1000 * seconds[int(len(seconds) * 0.99)],
        "failed": failed,
    }


def _table(found: dict[str, dict[str, Any]]) -> str:
    theirs = found[THEIRS]
    lines = [
        "| server | connections | requests/s | times MLflow | p50 ms | p99 ms | p99 MLflow/ours "
        "| failed | memory MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, result in found.items():
        for c, lap in result["laps"].items():
            peer = theirs["laps"][c]
            lines.append(
                f"| {name} | {c} | {lap['per_second']:,.0f} "
                f"| {lap['per_second'] / peer['per_second']:.1f} | {lap['p50_ms']:.1f} "
                f"| {lap['p99_ms']:.1f} | {peer['p99_ms'] / lap['p99_ms']:.1f} "
                f"| {lap['failed']:.0f} | {result['mb']:.0f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
