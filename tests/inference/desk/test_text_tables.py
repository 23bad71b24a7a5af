"""A table is read as it is meant, whatever wrote it, or refused with what was found: no file gives other numbers without a word."""

import gzip

import pandas as pd
import pytest

from inference.cli import main
from inference.desk.data import observations_of
from inference.desk.settings import DataSettings
from inference.desk.table_files import read_table
from inference.desk.text_tables import TextOptions, frame_of, read_frame
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
        (
            ";height;weight;;\na;168,1;77,8;;\nb;171,5;80,25;;\nc;160;61;;\n",
            "separator ';'",
        ),  # columns without a name or cells
        ("height;weight\n1,681e2;7,78e1\n171,5;80,25\n+160;61\n", "decimal mark ','"),
    ],
)
def test_a_table_is_read_as_it_is_meant(tmp_path, text, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    table, read = read_frame(path)
    pd.testing.assert_frame_equal(table.astype(float).reset_index(drop=True), VALUES)
    assert said in read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "table.csv"
    path.write_bytes("größe;zürich\n1,5;2\n2,5;3\n".encode(encoding))
    table, _ = read_frame(path)
    assert table.to_dict("list") == {"größe": [1.5, 2.5], "zürich": [2, 3]}


def test_three_decimals_are_decimals_where_one_number_says_so_or_the_user():
    assert frame_of(b"a;b\n17,340;31\n0,500;47\n", "x")[0]["a"].tolist() == [17.34, 0.5]
    assert frame_of(b"a;b\n17,340;31\n21,500;47\n", "x", TextOptions(decimal=","))[0]["a"].tolist() == [17.34, 21.5]
    assert frame_of(b"a,b\n17.340,31\n21.500,47\n", "x")[0]["a"].tolist() == [17.34, 21.5]
    with pytest.raises(DataError, match="decimal points"):
        frame_of(b"a;b\n1.234;31\n2,5;47\n", "x", TextOptions(decimal=","))


def test_a_blank_line_in_one_column_is_an_empty_cell():
    table, _ = frame_of(b'\n"height"\n1.5\n\n2.5\n\n', "x")
    assert table.columns.tolist() == ["height"]
    assert table["height"].fillna(-1).tolist() == [1.5, -1, 2.5]


@pytest.mark.parametrize("separator", ["tab", "\t"])
def test_a_separator_that_is_given_goes_by_its_name(separator):
    table, read = frame_of(b"a b\tc\n1\t2\n3\t4\n", "x", TextOptions(separator))
    assert table.to_dict("list") == {"a b": [1, 3], "c": [2, 4]} and "a tab" in read


def test_cells_of_several_lines_stay_cells_and_marks_are_no_names():
    table, _ = frame_of('\ufeffa,note\n1,"x\ny, z"\n2,w\n'.encode(), "x", TextOptions(encoding="utf-8"))
    assert table.to_dict("list") == {"a": [1, 2], "note": ["x\ny, z", "w"]}


def test_a_broken_compressed_file_is_said_to_be_one(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n3,4\n" * 1000)[:-20])
    with pytest.raises(DataError, match="compressed file that is broken"):
        read_frame(path)


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
        (b"a,,b\n1,2,3\n4,5,6\n", ["no name above column 2"]),
        (b"5.1,3.5,setosa\n4.9,3.0,setosa\n", ["numbers in the first row", "--no-header"]),
        (b"income\n17,340\n21,500\n", ["line 2", "2 fields under a header of 1"]),
        (b"income;age\n17,340;31\n21,500;47\n", ["'17,340'", "three decimals, or be thousands", "--decimal ,"]),
        (b"income;age\n17.340;31\n21.500;47\n", ["'17.340'", "three decimals, or be thousands", "--decimal ."]),
        (b'income,age\n"17,340",31\n"21,500",47\n', ["'17,340'", "three decimals, or be thousands"]),
        (b"a,b\n1,2\n\n\n3,4,5\n", ["line 5 ('3,4,5')"]),
        (b'a,b\n1,"2\n' + b"3,4\n" * 40_000, ["quotation mark"]),
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
