"""Laws of tables in text files: whoever wrote the numbers, they are read as they were written, or refused in words."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.cli import main
from inference.desk.data import observations_of, reading_of
from inference.desk.settings import DataSettings
from inference.desk.table_files import read_table
from inference.desk.text_tables import frame_of
from mixtures import Observations
from mixtures.errors import DataError, MixturesError

SEPARATORS = ",;\t|"


def names(letters: str) -> st.SearchStrategy[list[str]]:
    text = st.text(letters, min_size=1, max_size=4).map(lambda name: f"c{name}c")
    return st.lists(text, min_size=1, max_size=4, unique=True)


NUMBERS = st.one_of(
    st.floats(-1e6, 1e6).map(lambda value: round(value, 4)), st.integers(-9999, 9999), st.floats(-1e300, 1e300)
)


@st.composite
def written(draw: st.DrawFn) -> tuple[pd.DataFrame, bytes]:
    """A table of numbers, and the file that pandas makes of it in one of the usual formats."""
    quoting, rows = draw(st.sampled_from([0, 1, 2])), draw(st.integers(1, 5))
    # another separator in a name that is not in quotation marks may be meant as one
    columns = draw(names("abcé '_-0" + (SEPARATORS + '"' if quoting else "")))
    frame = pd.DataFrame({name: draw(st.lists(NUMBERS, min_size=rows, max_size=rows)) for name in columns})
    text = frame.to_csv(
        index=False,
        sep=draw(st.sampled_from(SEPARATORS)),
        decimal=draw(st.sampled_from(".,")),
        quoting=quoting,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    return frame, text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


@given(written())
@settings(deadline=None, max_examples=100)
def test_numbers_are_read_as_they_were_written_or_refused(both):
    frame, content = both
    try:
        found, _ = frame_of(content, "table")
    except DataError:
        return
    assert [name.strip() for name in frame.columns] == list(found.columns)
    np.testing.assert_array_equal(found.to_numpy(dtype=float), frame.to_numpy(dtype=float))


LINES = st.lists(
    st.lists(st.text("0123456789.,;|\t\"' \u00e9\x00naNe-+xyz#%\\", max_size=6), max_size=4).flatmap(
        lambda cells: st.sampled_from(",;\t| ").map(lambda separator: separator.join(cells))
    ),
    max_size=6,
)
FILES = st.one_of(st.binary(max_size=60), LINES.map(lambda lines: "\n".join(lines).encode()))


@contextlib.contextmanager
def a_file(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content)
        yield path


@given(FILES)
@example(b",\n,")
@settings(deadline=None, max_examples=150)
def test_any_file_is_a_table_or_refused_in_words(content):
    with a_file(content) as path, contextlib.suppress(MixturesError):
        table = read_table(str(path))
        assert table.frame.size and table.frame.columns.is_unique
        found = observations_of(table, DataSettings(""), reading_of(table, DataSettings(""), lambda column: True))
        assert isinstance(found, Observations)


def is_no_table(content: bytes) -> bool:
    with a_file(content) as path:
        try:
            read_table(str(path))
        except DataError:
            return True
        return False


@given(FILES.filter(is_no_table))
@settings(deadline=None, max_examples=5)
def test_the_command_says_in_one_line_what_is_no_table(content):
    said = io.StringIO()
    with a_file(content) as path, contextlib.redirect_stderr(said):
        assert main(["fit", str(path), "--components", "2", "--out", str(path.parent)]) == 1
        assert list(path.parent.iterdir()) == [path]
    assert said.getvalue().count("\n") == 1 and said.getvalue().startswith("mixtures: error: table.csv: got ")
