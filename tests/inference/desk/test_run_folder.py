"""A run gets a folder of its own, whatever else is there."""

import os

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from inference.desk.figures import Picture
from inference.desk.run_folder import RunFolder
from mixtures.errors import ChoiceError, StoredFileError


def test_folders_are_numbered_after_the_last(tmp_path):
    for taken in ("faithful-002", "faithful-10", "faithful-x", "other-050"):
        (tmp_path / taken).mkdir()
    assert [RunFolder.new(tmp_path, "faithful").path.name for _ in range(2)] == ["faithful-011", "faithful-012"]


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "run-001").mkdir()
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda self: iter(()))  # the other run came after we looked
    assert RunFolder.new(tmp_path, "run").path.name == "run-002"


def line() -> Figure:
    figure = Figure(figsize=(2.0, 1.0))
    figure.subplots().plot([0, 1])
    return figure


LINE = Picture("line", "A line.", "A line from 0 to 1.", line)


def test_pictures_are_drawn_in_every_format(tmp_path):
    before = plt.get_fignums()
    RunFolder(tmp_path).draw([LINE], ("svg", "png", "pdf"))
    assert (tmp_path / "figures" / "line.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "figures" / "line.svg").read_text().startswith("<?xml")
    assert (tmp_path / "figures" / "line.pdf").read_bytes().startswith(b"%PDF")
    assert plt.get_fignums() == before
    with pytest.raises(ChoiceError, match="gif"):
        RunFolder(tmp_path).draw([LINE], ["gif"])


def test_dollars_in_names_are_dollars(tmp_path):
    def priced() -> Figure:
        figure = line()
        figure.axes[0].set_xlabel("cost_$ in $_")
        return figure

    assert RunFolder(tmp_path).draw([Picture("price", "", "", priced)], ["svg"])
    assert plt.rcParams["text.parse_math"]


def test_a_picture_that_fails_is_left_out_and_costs_no_other(tmp_path, caplog):
    def broken() -> Figure:
        raise ValueError("no such column")

    with caplog.at_level("INFO", logger="inference.desk"):
        made = RunFolder(tmp_path).draw([Picture("broken", "", "", broken), LINE], ["png"])
    assert made == [LINE] and [path.name for path in (tmp_path / "figures").iterdir()] == ["line.png"]
    assert "the picture broken is left out: ValueError: no such column" in caplog.text


def test_tables_have_six_digits_and_no_index(tmp_path):
    path = RunFolder(tmp_path).write_table(pd.DataFrame({"row": ["x", "y"], "p": [0.25, 1 / 3]}), "table.csv")
    assert path.read_text() == "row,p\nx,0.25\ny,0.333333\n"


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(StoredFileError, match="no folder run-... can be made"):
        RunFolder.new(tmp_path / "file", "run")
    folder = RunFolder.new(tmp_path, "run")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoredFileError, match="table.csv: .*No space left"):
        folder.write_table(pd.DataFrame({"a": [1]}), "table.csv")
    with pytest.raises(StoredFileError, match="line.svg: .*No space left"):
        folder.draw([LINE])
    assert not [path for path in folder.path.rglob("*") if path.is_file()]
