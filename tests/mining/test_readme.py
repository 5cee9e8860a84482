"""The examples of mining's page run, one after the other, against a simulated home."""

import re
from pathlib import Path

import mining


def test_every_python_example_of_the_page_runs(small_home):
    text = (Path(mining.__file__).parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(block.replace('"my-home"', repr(str(small_home))), names)
    assert names["ways"]["coverage"].is_monotonic_increasing
    assert names["dear"]["money"].sum() > 0
    assert len(names["changed"]) >= len(names["quick"].edges)
    assert names["then"].as_of < names["log"].as_of


def test_every_question_of_the_page_has_its_function_and_command():
    text = (Path(mining.__file__).parent / "README.md").read_text(encoding="utf-8")
    table = text.split("## Questions and who answers them")[1].split("```")[0]
    functions = re.findall(r"`([a-z_]+)`", table)
    assert {"directly_follows_graph", "compare", "rework"} <= set(functions)
    assert [name for name in functions if not hasattr(mining, name)] == []
