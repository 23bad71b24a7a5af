"""A table is read as it is meant, whatever wrote it, or refused with what was found: no file gives other numbers without a word."""

import gzip

import pandas as pd
import pytest

from inference.cli import main
from inference.desk.data import observations_of
from inference.desk.settings import DataSettings
from inference.desk.table_files import read_table
from inference.desk.text_tables import read_frame
from mixtures.errors import DataError

VALUES = pd.DataFrame({"height": [168.1, 171.5, 160.0], "weight": [77.8, 80.25, 61.0]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("height,weight\n168.1,77.8\n171.5,80.25\n160,61\n", "separator ',', decimal mark '.'"),
        ("height;weight\n168,1;77,8\n171,5;80,25\n160;61\n", "separator ';', decimal mark ','"),
        ("height;weight\r\n168.1;77.8\r\n171.5;80.25\r\n160;61\r\n", "separator ';', decimal mark '.'"),
        ("height\tweight\n168,1\t77,8\n171,5\t80,25\n160\t61", "a tab, decimal mark ','"),
        ("height weight\n168.1  77.8\n171.5 80.25\n160   61\n", "blanks, decimal mark '.'"),
        ("height|weight\n168.1|77.8\n171.5|80.25\n160|61\n", "'|'"),
        ('"height", "weight"\n"168.1", "77.8"\n171.5, 80.25\n160, 61\n\n', "separator ','"),
        ("height,weight\n168.1,77.8,\n171.5,80.25,\n160,61,\n", "separator ','"),  # a separator at the end of each row
        ("height,weight,\n168.1,77.8,\n171.5,80.25,\n160,61,\n", "separator ','"),
        ("height;weight\n1,681e2;7,78e1\n171,5;80,25\n+160;61\n", "decimal mark ','"),
    ],
)
def test_a_table_is_read_as_it_is_meant(tmp_path, text, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    table, read = read_frame(path)
    pd.testing.assert_frame_equal(table.astype(float), VALUES)
    assert said in read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes("größe;zürich\n1,5;2\n2,5;3\n".encode(encoding))
    table, _ = read_frame(path)
    assert table.to_dict("list") == {"größe": [1.5, 2.5], "zürich": [2, 3]}


def test_compressed_files(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n3,4\n"))
    assert read_frame(path)[0]["b"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2,3\n4,5,6\n", ["line 2 ('1,2,3') of 3 fields under a header of 2", "','"]),
        (b"a,b\n1,2\n4,5,6\n", ["line 3", "3 fields"]),
        (b"a,b,c\n1,2,3\n4,5\n", ["line 3", "2 fields under a header of 3"]),
        (b"a,b\n1,5,2,5\n2,5,3,5\n", ["line 2", "4 fields", "decimal marks"]),
        (b"height\n168,1\n170,2\n", ["2 fields under a header of 1", "separator ','", "decimal marks"]),
        (b"a;b\n1,5;2.5\n", ["decimal points", "decimal commas", "';'"]),
        (b"168.1,77.8\n170.2,78.9\n", ["numbers in the first row", "names of the columns"]),
        (b"", ["an empty file"]),
        (b"\n \n", ["an empty file"]),
        (b"a,b\n", ["no other row"]),
        (b"PAR1\x00\x01\x02", ["no text"]),
        (b"\x89PNG\r\n\x1a\n\x00", ["no text"]),
        (b"\xff\xfe\x00\xd8", ["no text"]),
        (b"a b,c d\nu v,w x\n", ["','", "blanks"]),
        (b"a,b, a,c,c\n1,2,3,4,5\n", ["several columns of one name ('a', 'c')", "name of its own", "Rename them"]),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, content, words):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"table\.csv: got ") as caught:
        read_frame(path)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b\n1.234,5;2\n2.345,6;3\n", ["columns ['a'] that are not numbers", "';'"]),
        ('a,b\n"1,234,567",2\n3,4\n', ["columns ['a'] that are not numbers"]),
        ("a,b\n1,2\n,4\n", ["nan at row 1, column 'a'", "decimal mark", "empty cells"]),
        ("a,b\n1,2\ninf,4\n", ["inf at row 1, column 'a'"]),
        ("a,city\n1,Oslo\n2,Rome\n", ["columns ['city'] that are not numbers", "--columns"]),
    ],
)
def test_cells_that_are_no_numbers_are_named_with_how_the_file_was_read(tmp_path, text, words):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        observations_of(read_table(str(path)), DataSettings(str(path)))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_more_components_than_rows_are_refused_before_any_work(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n2,3\n3,5\n")
    assert main(["fit", str(path), "--components", "4", "--out", str(tmp_path / "runs")]) == 1
    assert "--components: got 4; expected at most the 3 rows" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_long_file_is_read_as_a_short_one(tmp_path):
    """Beyond the lines that tell separators apart: a line of other fields is still found, by its number."""
    lines = [f"{i},5;{i}" for i in range(3000)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["a;b", *lines]))
    assert read_frame(path)[0]["a"].sum() == sum(i + 0.5 for i in range(3000))
    lines[2500] += ";1"
    path.write_text("\n".join(["a;b", *lines]))
    with pytest.raises(DataError, match="line 2502 .* of 3 fields under a header of 2"):
        read_frame(path)
