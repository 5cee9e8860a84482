import shutil
import warnings
from pathlib import Path

import jupytext
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_ipynb_is_what_jupytext_makes_of_the_source(source):
    made = jupytext.read(source)
    kept = jupytext.read(source.with_suffix(".ipynb"))
    assert [cell.source for cell in kept.cells] == [cell.source for cell in made.cells]
    assert not any(cell.get("outputs") for cell in kept.cells)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_notebook_runs_on_a_small_home_and_ends_with_a_decision(source, trained_home, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nbclient import NotebookClient
    shutil.copytree(trained_home, tmp_path / "home", symlinks=True)
    notebook = jupytext.read(source)
    place = next(
        n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])
    )
    notebook.cells[place].source += f"\nhome = {str(tmp_path / 'home')!r}"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = notebook.cells[-1].outputs[-1]["text"]
    assert said.startswith(("promote, because", "hold, because"))
