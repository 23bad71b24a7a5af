"""A run gets a folder of its own, whatever else is there."""

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from inference.desk.run_folder import RunFolder
from mixtures import Observations
from mixtures.errors import StoredFileError


def test_folders_are_numbered_after_the_last(tmp_path):
    for taken in ("faithful-002", "faithful-10", "faithful-x", "other-050"):
        (tmp_path / taken).mkdir()
    assert [RunFolder.new(tmp_path, "faithful").path.name for _ in range(2)] == ["faithful-011", "faithful-012"]


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "run-001").mkdir()
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda self: iter(()))  # the other run came after we looked
    assert RunFolder.new(tmp_path, "run").path.name == "run-002"


def test_pictures_are_drawn_without_pyplot(tmp_path):
    before = plt.get_fignums()
    with RunFolder(tmp_path).picture("line", (2.0, 1.0)) as ax:
        ax.plot([0, 1])
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")
    assert plt.get_fignums() == before


def test_assignments_keep_the_names_of_rows(tmp_path):
    x = Observations(pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"]))
    path = RunFolder(tmp_path).write_assignments(x, np.array([1, 0]), {"p": np.array([[0.25, 0.75], [1.0, 0.0]])})
    assert path.read_text() == "row,component,p_0,p_1\nx,1,0.25,0.75\ny,0,1,0\n"


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(StoredFileError, match="no folder run-... can be made"):
        RunFolder.new(tmp_path / "file", "run")
    folder = RunFolder.new(tmp_path, "run")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoredFileError, match="assignments.csv: .*No space left"):
        folder.write_assignments(Observations([1.0, 2.0]), np.array([1, 0]), {})
    with pytest.raises(StoredFileError, match="line.png: .*No space left"), folder.picture("line", (2.0, 1.0)) as ax:
        ax.plot([0, 1])
    assert not list(folder.path.iterdir())
