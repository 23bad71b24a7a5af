"""A table is read from any usual format, and how it was read is said; what cannot be read is said too."""

import io
import sys

import numpy as np
import openpyxl
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
    grouped = observations_of(Table(frame, "plants", ""), DataSettings("", ("height",), groups="series"))
    assert grouped.group.tolist() == [0, 0, 1] and grouped.group_names.tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("frame", "settings", "words"),
    [
        (FRAME, {}, "--columns height,visits"),
        (FRAME, {"columns": ("Height",)}, "Did you mean 'height'"),
        (FRAME, {"columns": ("depth",)}, "'height', 'visits', 'name'"),
        (FRAME, {"columns": ("height",), "labels": "namee"}, "--labels: .*Did you mean 'name'"),
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


@pytest.mark.parametrize(
    ("rows", "options", "meant"),
    [
        ([["a", "b"], [1, 2], [3.5, "?"]], TextOptions(missing=("?",)), {"a": [1.0, 3.5], "b": [2.0, None]}),
        ([[1, 2], [3.5, 4]], TextOptions(header=False), {"x0": [1.0, 3.5], "x1": [2, 4]}),
        ([["a", None], [1, None]], TextOptions(), {"a": [1]}),
        ([[None, "a"], ["r", 1]], TextOptions(), {"a": [1]}),
        ([["a", "a"], [1, 2]], TextOptions(), "several columns of one name"),
        ([["a", None], [1, 2]], TextOptions(), "no name above column 2"),
        ([[1, 2], [3, 4]], TextOptions(), "--no-header"),
        ([["a", "b"]], TextOptions(), "without rows"),
        ([["a"], [1]], TextOptions(separator=";"), "--separator"),
    ],
)
def test_a_workbook_is_read_by_the_same_rules(tmp_path, rows, options, meant):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "plants.xlsx")
    if isinstance(meant, str):
        with pytest.raises(DataError, match=meant):
            read_table(str(tmp_path / "plants.xlsx"), options)
    else:
        frame = read_table(str(tmp_path / "plants.xlsx"), options).frame
        assert frame.astype(object).where(frame.notna(), None).to_dict("list") == meant


@pytest.mark.parametrize(
    ("source", "options", "sheet", "words"),
    [
        ("plants.parquet", TextOptions(separator=";"), "", "--separator"),
        ("plants.parquet", TextOptions(header=False), "", "--header"),
        ("plants.parquet", TextOptions(missing=("?",)), "", "--na"),
        ("plants.csv", TextOptions(), "Sheet 1", "--sheet"),
        ("none.csv", TextOptions(), "", r"none.csv: got a file that cannot be read \(No such file"),
        (".", TextOptions(), "", "Is a directory"),
        ("faithfull", TextOptions(), "", "Did you mean the data set faithful?"),
    ],
)
def test_what_was_said_of_a_file_is_never_left_out_without_a_word(tmp_path, monkeypatch, source, options, sheet, words):
    monkeypatch.chdir(tmp_path)
    FRAME.to_parquet("plants.parquet")
    FRAME.to_csv("plants.csv")
    with pytest.raises(DataError, match=words):
        read_table(source, options, sheet)


def test_a_text_among_numbers_is_shown_and_may_stand_for_an_empty_cell():
    frame = pd.DataFrame({"height": ["1.5", "?", "2.5", "3.5"], "width": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(DataError, match=r"'\?' at row 1 of 'height'.*--na '\?' --missing allow"):
        observations_of(Table(frame, "plants", ""), DataSettings(""))
