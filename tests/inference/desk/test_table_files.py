"""A table is read from any usual format, and how it was read is said; what cannot be read is said too."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from inference.desk.data import notes, observations_of
from inference.desk.settings import DataSettings
from inference.desk.table_files import Table, read_table
from inference.desk.text_tables import TextOptions
from mixtures import families, load_dataset
from mixtures.errors import BackendError, DataError

FRAME = pd.DataFrame({"height": [168.1, 171.5, 160.0], "visits": [1, 4, 0], "name": ["a", "b", "c"]})


@pytest.mark.parametrize(("suffix", "write"), [(".parquet", "to_parquet"), (".feather", "to_feather")])
def test_binary_formats(tmp_path, suffix, write):
    path = tmp_path / f"plants{suffix}"
    getattr(FRAME, write)(path)
    table = read_table(str(path))
    pd.testing.assert_frame_equal(table.frame, FRAME, check_dtype=False)
    assert table.name == "plants" and table.read.startswith("3 rows, 3 columns: ")


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".xlsx"])
def test_a_broken_file_is_said_to_be_one(tmp_path, suffix):
    path = tmp_path / f"plants{suffix}"
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises((DataError, BackendError), match=f"plants{suffix}"):
        read_table(str(path))


def test_a_workbook_without_its_package_names_the_pip_line(tmp_path, monkeypatch):
    (tmp_path / "plants.xlsx").write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(BackendError, match="pip install openpyxl"):
        read_table(str(tmp_path / "plants.xlsx"))


def test_the_standard_input_and_data_sets(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a;b\n1,5;2\n2,5;3\n")))
    table = read_table("-")
    assert table.frame.to_dict("list") == {"a": [1.5, 2.5], "b": [2, 3]} and "decimal mark ','" in table.read
    assert np.array_equal(read_table("faithful").frame.to_numpy(), load_dataset("faithful").x)


def test_what_is_said_of_a_text_is_believed(tmp_path):
    path = tmp_path / "odd.txt"
    path.write_bytes("1.5;?\n2,5;3\n".replace(".", ",").encode("utf-16-le"))
    table = read_table(str(path), TextOptions(";", ",", "utf-16-le", False, ("?",)))
    assert table.frame["x0"].tolist() == [1.5, 2.5]
    assert np.isnan(table.frame["x1"][0])


def test_columns_have_their_purposes():
    frame = FRAME.assign(known=[0.0, np.nan, 1.0], times=[1, 2, 1], series=["x", "x", "y"])
    settings = DataSettings("plants.csv", (" height",), ("visits",), "known", "times", "series", "name")
    x = observations_of(Table(frame, "plants", "by hand"), settings)
    assert x.x.tolist() == [168.1, 171.5, 160.0] and x.row_names.tolist() == ["a", "b", "c"]
    assert x.covariates.tolist() == [[1.0], [4.0], [0.0]] and x.covariate_names == ("visits",)
    assert x.labels.tolist() == [0, -1, 1] and x.row_weights.tolist() == [1, 2, 1] and x.sequence.tolist() == [0, 0, 1]
    rest = observations_of(
        Table(frame.drop(columns="name"), "plants", ""), DataSettings("", labels="known", sequence="series")
    )
    assert rest.feature_names == ("height", "visits", "times")


@pytest.mark.parametrize(
    ("frame", "settings", "words"),
    [
        (FRAME, {}, "--columns height,visits"),
        (FRAME, {"columns": ("Height",)}, "Did you mean 'height'"),
        (FRAME, {"columns": ("depth",)}, "'height', 'visits', 'name'"),
        (FRAME, {"columns": ("height",), "labels": "nmae"}, "--labels: .*Did you mean 'name'"),
        (FRAME.assign(visits=[1, np.nan, 2]), {"columns": ("visits",)}, "--missing allow"),
        (FRAME.assign(height=pd.to_datetime(["2020-01-01"] * 3)), {"columns": ("height",)}, "height"),
    ],
)
def test_what_cannot_be_is_said_in_the_words_of_the_command(frame, settings, words):
    with pytest.raises(DataError, match=words):
        observations_of(Table(frame, "plants", "3 rows"), DataSettings("plants.csv", **settings))


def test_columns_that_look_like_something_else_are_noted():
    frame = pd.DataFrame(
        {
            "id": np.arange(5),
            "visits": [0, 3, 1, 1, 2],
            "sick": [True, False, True, True, False],
            "height": np.linspace(1, 2, 5),
        }
    )
    table = Table(frame, "plants", "")
    found = list(notes(table, observations_of(table, DataSettings("")), families.Gaussian()))
    assert [note.split("'")[1] for note in found] == ["id", "visits", "sick"]
    assert "--family visits=Poisson" in found[1]
    counts = Table(frame[["visits"]], "plants", "")
    assert not list(notes(counts, observations_of(counts, DataSettings("")), families.Poisson()))
