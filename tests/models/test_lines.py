"""Return lines arrive as CSV, JSON Lines, a JSON array or a batch body."""

import json

import pytest

from ingestion.errors import UnreadableFile
from models.lines import read_lines

LINES = [
    {"return_line_id": "R1:1", "site": "DC1", "note": "ok, 2 restk"},
    {"return_line_id": "R2:1"},
]


@pytest.mark.parametrize(
    "text",
    [
        'return_line_id,site,note\nR1:1,DC1,"ok, 2 restk"\nR2:1,,\n',
        "\n".join(json.dumps(line) for line in LINES) + "\n",
        json.dumps(LINES),
        json.dumps({"lines": LINES}, indent=1),
    ],
    ids=["csv", "jsonl", "array", "batch"],
)
def test_every_format_gives_the_same_lines(tmp_path, text):
    (tmp_path / "lines").write_text(text)
    assert read_lines(tmp_path / "lines") == LINES


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"site": "DC1"}', '{"return_line_id": ', "[1]"])
def test_what_is_no_list_of_lines_is_a_clear_error(tmp_path, text):
    (tmp_path / "lines").write_text(text)
    with pytest.raises(UnreadableFile, match="lines: "):
        read_lines(tmp_path / "lines")


def test_an_absent_file_is_a_clear_error(tmp_path):
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_lines(tmp_path / "nowhere.csv")
