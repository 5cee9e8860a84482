"""The command that discovers a process model and says how well cases follow it."""

from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ingestion.console import AsJson, AsOf, Home, out, print_json, progress_bar
from mining.options import From, Site, Source, To, read_log

app = typer.Typer()


@app.command("model")
def mine_model(
    algorithm: Annotated[
        Literal["inductive", "heuristics"], typer.Option(help="How to discover.")
    ] = "inductive",
    noise: Annotated[
        float, typer.Option(min=0.0, max=0.99, help="Share of rare behaviour to leave out.")
    ] = 0.2,
    bpmn: Annotated[Path | None, typer.Option(help="Write the model as BPMN 2.0.")] = None,
    check: Annotated[
        Literal["none", "replay", "align"],
        typer.Option(help="Check the cases against it by token replay or by alignments."),
    ] = "replay",
    limit: Annotated[float, typer.Option(min=0.0, help="Seconds alignments may take.")] = 60.0,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Discover a model of the process, and how well the cases fit it.

    Example: `retrace mine model --bpmn returns.bpmn --check align --limit 30`
    """
    from mining import directly_follows_graph, variants

    log = read_log(home, source, as_of, "duckdb")
    graph = directly_follows_graph(log, site=site, start=start, end=end)
    ways = variants(log, top=None, site=site, start=start, end=end)
    with progress_bar() as bar:
        bar.add_task("Discovering, then checking the variants", total=None)
        from mining import discovery

        model = discovery.discover(graph, algorithm=algorithm, noise_threshold=noise)
        if bpmn is not None:
            discovery.write_bpmn(model, bpmn)
        fitness = None
        if check == "replay":
            fitness = discovery.replay(ways, model)
        elif check == "align":
            fitness = discovery.align(ways, model, limit_s=limit)
        path = discovery.happy_path(ways)
    answer: dict[str, Any] = {
        "algorithm": model.algorithm,
        "noise_threshold": model.noise_threshold,
        "pm4py_version": model.pm4py_version,
        "places": len(model.net.places),
        "transitions": len(model.net.transitions),
        "happy_path": list(path),
        "bpmn": None if bpmn is None else str(bpmn),
        "fitness": None,
    }
    if fitness is not None:
        figures = asdict(fitness)
        del figures["variants"]
        # JSON has no NaN: nothing judged in time has no mean
        answer["fitness"] = {
            name: None if isinstance(value, float) and isnan(value) else value
            for name, value in figures.items()
        }
    if as_json:
        print_json(answer)
        return
    out.print(
        f"{model.algorithm} model of {graph.cases:,} cases: {answer['places']} places, "
        f"{answer['transitions']} transitions (pm4py {model.pm4py_version})"
    )
    out.print(f"Happy path: {' > '.join(path)}")
    if fitness is not None:
        out.print(
            f"By {fitness.method}: fitness {fitness.average_fitness:.3f}, "
            f"{fitness.fitting_share:.1%} of the cases fit exactly, "
            f"{fitness.judged_share:.1%} were judged"
        )
    if bpmn is not None:
        out.print(f"Wrote {bpmn}")
