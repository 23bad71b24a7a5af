"""A source has the rows of the same data in memory, whatever it is made of and however it is cut; errors name their place."""

import hashlib
import pickle
import warnings

import cloudpickle
import dask.array
import dask.dataframe
import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.dataset as datasets
import pyarrow.parquet as parquet
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mixtures import Observations, families, gaussian_mixture, lognormal_mixture, poisson_mixture, source
from mixtures.blocks import digests_of, reduced
from mixtures.errors import ChoiceError, DataError, ModelError
from mixtures.sources.summary import centre_of, moments_of
from tests.stored_rows import in_npy, in_zarr, written

ROWS = 1000


@pytest.fixture(scope="module")
def x():
    return np.exp(np.random.default_rng(0).normal(size=(ROWS, 3)))


@pytest.fixture(scope="module")
def frame(x):
    return pd.DataFrame(x, columns=["a", "b", "c"])


ARRAYS = {
    "array": lambda x, folder: x,
    "file": in_npy,
    "memmap": lambda x, folder: np.load(in_npy(x, folder), mmap_mode="r"),
    "chunks": lambda x, folder: [x[:1], x[1:1], x[1:999], x[999:]],
    "function": lambda x, folder: lambda: iter(np.array_split(x, 7)),
    "zarr": in_zarr,
    "dask": lambda x, folder: dask.array.from_array(x, chunks=(130, 3)),
    "dask of unknown lengths": lambda x, folder: dask.dataframe.from_pandas(pd.DataFrame(x), npartitions=4).values,
}
TABLES = {
    "folder": lambda frame, folder: written(frame, folder),
    "files": lambda frame, folder: sorted(written(frame, folder).iterdir()),
    "arrow files": lambda frame, folder: in_arrow(frame, folder),
    "filtered": lambda frame, folder: with_index(frame, folder),
    "dask's files": lambda frame, folder: by_dask(frame, folder),
    "dataset": lambda frame, folder: datasets.dataset(written(frame, folder)),
    "dask": lambda frame, folder: dask.dataframe.from_pandas(frame, npartitions=4),
    "frames": lambda frame, folder: [frame.iloc[:10], frame.iloc[10:]],
    "frame": lambda frame, folder: frame,
    "arrow": lambda frame, folder: arrow.Table.from_pandas(frame, preserve_index=False),
}


def in_arrow(frame, folder):
    frame.iloc[:400].to_feather(folder / "1.feather")
    frame.iloc[400:].to_feather(folder / "2.feather")
    return folder


def with_index(frame, folder):
    """As pandas writes what is left of a frame: its rows' old numbers in a column beside the others."""
    frame.set_axis(np.arange(0, 2 * len(frame), 2)).to_parquet(folder / "x.parquet")
    assert len(parquet.read_schema(folder / "x.parquet").names) == 4
    return folder / "x.parquet"


def by_dask(frame, folder):
    with warnings.catch_warnings(action="ignore"):  # Dask's of pandas
        dask.dataframe.from_pandas(frame, npartitions=3).to_parquet(str(folder / "written"))
    return folder / "written"


@pytest.mark.parametrize("make", ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_every_kind_are_the_same_rows(make, x, tmp_path):
    same_rows(source(make(x, tmp_path)), Observations(x))


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_tables_of_every_kind_are_the_same_rows_with_names(make, frame, tmp_path):
    rows = source(make(frame, tmp_path))
    same_rows(rows, Observations(frame))
    chosen = source(make(frame, tmp_path), columns=["c", "a"])
    same_rows(chosen, Observations(frame[["c", "a"]]))
    same_rows(source(make(frame, tmp_path), columns=["b"]), Observations(frame[["b"]]))
    with pytest.raises(DataError, match="'d'"):
        next(source(make(frame, tmp_path), columns=["d"]).blocks())


def same_rows(rows, whole):
    assert (rows.shape, rows.features, rows.feature_names, len(rows)) == (
        whole.shape,
        whole.features,
        whole.feature_names,
        len(whole),
    )
    assert rows.fingerprint == whole.fingerprint
    blocks = list(rows.blocks(300))
    assert [len(block) for block in blocks] == [300, 300, 300, 100]
    assert_array_equal(np.concatenate([block.x for block in blocks]), whole.x)
    for begin in (1, 299, 650, 999):
        assert_array_equal(np.concatenate([block.x for block in rows.blocks(300, begin)]), whole.x[begin:])
    some = np.array([0, 5, 299, 300, 301, 999])
    assert_array_equal(rows.take(some).x, whole.x[some])


def test_data_of_one_variable():
    values = np.arange(10.0)
    for rows in (source(values), source([values[:3], values[3:]])):
        assert rows.shape == (10,) and rows.features is None
        assert rows.fingerprint == Observations(values).fingerprint
        assert float(rows.summary.mean) == 4.5


@pytest.mark.parametrize("model", [gaussian_mixture(2), gaussian_mixture(2, "EII"), lognormal_mixture(2)])
def test_default_priors_have_the_numbers_of_the_same_rows_in_memory(model, x):
    for rows in (source(x), source(np.array_split(x, 9))):
        scaled, whole = model.scaled_to(rows), model.scaled_to(Observations(x))
        for site, prior in whole.priors.items():
            for (_, mine), (_, theirs) in zip(scaled.priors[site].parameters, prior.parameters, strict=True):
                assert_allclose(mine, theirs, rtol=1e-12)


def test_priors_of_counts_with_missing_cells(x):
    counts = np.where(x > 3, np.nan, np.floor(10 * x))
    rows, whole = source(counts, missing="allow"), Observations(counts, missing="allow")
    for model in (poisson_mixture(2),):
        ours, theirs = (dict(model.scaled_to(one).priors["rate"].parameters) for one in (rows, whole))
        assert_allclose(ours["rate"], theirs["rate"], rtol=1e-12)


def test_moments_keep_their_digits_far_from_zero():
    values = 1e9 + np.random.default_rng(1).normal(size=(5000, 2))
    total = moments_of(np.array_split(values, 13), centre_of(values[:9]))
    assert_allclose(total.variance, (values - 1e9).var(axis=0), rtol=1e-12)
    assert_array_equal(total.max, values.max(axis=0))


def test_moments_of_blocks_are_those_of_the_cells_that_are_there():
    values = np.random.default_rng(1).normal(size=(40, 3)) * [1.0, 10.0, 0.1] + [0.0, -5.0, 2.0]
    values[:12, 0] = values[5:9, 1] = values[39, 2] = np.nan  # of the first column's first block nothing is known
    total = moments_of(np.split(values, [12, 13, 30]), np.array([0.5, 0.0, -1.0]))
    assert total.count.tolist() == [28, 36, 39]
    for found, expected in (
        (total.mean, np.nanmean(values, axis=0)),
        (total.variance, np.nanvar(values, axis=0)),
        (total.min, np.nanmin(values, axis=0)),
        (total.max, np.nanmax(values, axis=0)),
        (total.cut(1).variance, np.nanvar(values[:, 1])),
    ):
        assert_allclose(found, expected, rtol=1e-12)


def test_the_mean_of_a_lone_known_cell_is_that_cell():
    values = np.full((4, 2), np.nan)
    values[3, 0], values[0, 1] = 7.0, 5.0
    total = moments_of(np.split(values, [2]), np.zeros(2))
    assert (total.mean.tolist(), total.variance.tolist(), total.count.tolist()) == ([7.0, 5.0], [0.0, 0.0], [1, 1])


def test_a_bad_cell_is_named_with_its_file_and_row(frame, tmp_path):
    frame = frame.copy()
    frame.loc[ROWS - 2, "b"] = np.nan
    with pytest.raises(DataError, match=r"nan at row 697 of part-2.parquet, column 'b'"):
        source(written(frame, tmp_path)).fingerprint  # noqa: B018
    with pytest.raises(DataError, match=r"nan at row 98 of chunk 1, column 'b'"):
        source([frame.iloc[:900], frame.iloc[900:]]).summary  # noqa: B018
    with pytest.raises(DataError, match=r"nan at row 998, column 1"):
        source(frame.to_numpy()).summary  # noqa: B018
    *_, last = source([np.ones((4, 1)), -np.arange(-5.0, 5.0)[:, None]]).blocks(7)
    with pytest.raises(DataError, match=r"-1.0 at row 6 of chunk 1, column 0"):
        families.Poisson().check(last)


def test_a_chunk_with_other_columns_is_named(frame, tmp_path):
    with pytest.raises(DataError, match=r"^chunk 1: got rows of shape \(2,\); expected \(3,\)"):
        source([frame.to_numpy(), frame.to_numpy()[:, :2]]).summary  # noqa: B018
    with pytest.raises(DataError, match=r"^chunk 1: got columns \('a', 'b', 'd'\); expected \('a', 'b', 'c'\)"):
        source([frame, frame.rename(columns={"c": "d"})]).summary  # noqa: B018
    written(frame, tmp_path)
    frame.drop(columns="c").to_parquet(tmp_path / "part-3.parquet")
    with pytest.raises(DataError, match=r"^part-3.parquet: got columns \['a', 'b'\]; expected 'c' among them"):
        source(tmp_path).summary  # noqa: B018


FIRST_AND_OTHERS = {
    "truth values, counts": (bool, np.int64),
    "bytes, counts": (np.int8, np.int64),
    "counts, measurements": (np.int64, float),
    "single precision, double": (np.float32, float),
    "measurements, truth values": (float, bool),
    "nothing, measurements": (None, float),
}


@pytest.mark.parametrize(("first", "others"), FIRST_AND_OTHERS.values(), ids=FIRST_AND_OTHERS)
def test_each_file_has_its_own_types(first, others, frame, tmp_path):
    table = 200 * frame
    one, other = table[:400].copy(), table[400:].copy()
    one["b"] = None if first is None else (one["b"] % 100).astype(first)
    other["b"] = other["b"].astype(others)
    for number, part in enumerate((one, other)):
        part.to_parquet(tmp_path / f"part-{number}.parquet", index=False)
    whole = np.concatenate([one.to_numpy(float), other.to_numpy(float)])
    rows = source(tmp_path, missing="raise" if first else "allow")
    assert_array_equal(rows.take(np.arange(ROWS)).x, whole)


@pytest.mark.parametrize("other", ["7.5", pd.Timestamp("2024-02-29")], ids=["text", "times"])
def test_a_later_file_whose_column_is_no_number_is_named(other, frame, tmp_path):
    frame[:400].to_parquet(tmp_path / "part-0.parquet")
    frame[400:].assign(b=other).to_parquet(tmp_path / "part-1.parquet")
    with pytest.raises(DataError, match=r"^part-1.parquet: got columns \['b'\] that are not numbers"):
        source(tmp_path).summary  # noqa: B018


def test_a_bad_row_has_its_place_wherever_reading_began(frame, tmp_path):
    bad = frame.copy()
    bad.iloc[777, 1] = np.inf
    written(bad, tmp_path)
    for begin in (0, 250, 300, 640, 777):
        with pytest.raises(DataError, match=r"inf at row 476 of part-2.parquet, column 'b'"):
            list(source(tmp_path).blocks(300, begin))


def test_files_of_one_name_are_told_apart_by_their_folders(frame, tmp_path):
    bad = frame.copy()
    bad.iloc[450, 1] = np.nan
    for year, some in {2020: bad.iloc[:400], 2021: bad.iloc[400:]}.items():
        (tmp_path / f"year={year}").mkdir()
        some.to_parquet(tmp_path / f"year={year}" / "part-0.parquet")
    with pytest.raises(DataError, match="nan at row 50 of year=2021/part-0.parquet, column 'b'"):
        source(tmp_path).summary  # noqa: B018
    same = tmp_path / "year=2021" / "part-0.parquet"
    with pytest.raises(DataError, match="nan at row 50 of part-0.parquet"):
        list(source([same, same]).blocks(400, 600))  # the second time that it is read


def test_a_column_that_folders_say_is_read_as_the_others(frame, tmp_path):
    for year, some in {2020: frame[:400], 2021: frame[400:]}.items():
        (tmp_path / f"year={year}").mkdir()
        some.to_parquet(tmp_path / f"year={year}" / "part-0.parquet")
    rows = source(datasets.dataset(tmp_path, partitioning="hive"), columns=["a", "year"])
    assert_array_equal(rows.take([399, 400]).x, [[frame["a"][399], 2020], [frame["a"][400], 2021]])


def test_an_index_is_a_column_where_it_is_asked_for(frame, tmp_path):
    rows = source(with_index(frame, tmp_path), columns=["a", "__index_level_0__"])
    assert_array_equal(rows.take([0, 999]).x[:, 1], [0, 1998])


def test_files_are_found_from_another_folder(frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame.to_parquet("x.parquet")
    np.save("x.npy", frame.to_numpy())
    names = "x.parquet", ["x.parquet"], "x.npy"
    sent = [pickle.dumps(source(name)) for name in names]
    monkeypatch.chdir("/")
    for stored in sent:
        assert_array_equal(pickle.loads(stored).take([3]).x, frame.to_numpy()[[3]])


CUTS = {
    "all": np.s_[:],
    "rows": np.s_[5:-5:3],
    "columns": np.s_[:, 1:],
    "backwards": np.s_[::-1, ::2],
    "one variable": np.s_[:, 2],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_mapped_rows_are_read_again_by_other_processes_and_not_sent(cut, order, x, tmp_path):
    np.save(tmp_path / "x.npy", np.asarray(x, order=order))
    raw = np.memmap(tmp_path / "x.raw", mode="w+", dtype=">f8", shape=x.shape, order=order, offset=24)
    raw[:] = x
    for memory in (np.load(tmp_path / "x.npy", mmap_mode="r"), np.asarray(raw)):
        sent = pickle.dumps(source(memory[cut]))
        assert len(sent) < 1000
        read = pickle.loads(sent)
        assert_array_equal(read.take(np.arange(read.rows)).x, x[cut])


def test_mapped_chunks_are_not_sent_either(x, tmp_path):
    memory = np.load(in_npy(x, tmp_path), mmap_mode="r")
    sent = cloudpickle.dumps(source([memory[:700], memory[700:]]))
    assert len(sent) < 4000 < x.nbytes
    same_rows(pickle.loads(sent), Observations(x))


def test_rows_of_a_file_that_was_deleted_are_sent(x, tmp_path):
    memory = np.load(in_npy(x, tmp_path), mmap_mode="r")
    (tmp_path / "x.npy").unlink()
    assert_array_equal(pickle.loads(pickle.dumps(source(memory))).take([3]).x, x[[3]])


def test_what_is_changed_in_memory_alone_is_sent(x, tmp_path):
    changed = np.load(in_npy(x, tmp_path), mmap_mode="c")
    changed[0] = 7.0
    assert_array_equal(pickle.loads(pickle.dumps(source(changed))).take([0, 1]).x, [[7.0] * 3, x[1]])


@pytest.mark.parametrize("left", [None, 900])
def test_a_mapped_file_that_is_not_there_is_said_by_who_reads_it(left, x, tmp_path):
    path = in_npy(x, tmp_path)
    sent = pickle.dumps(source(path))
    whole = path.read_bytes()
    path.unlink()
    if left:
        path.write_bytes(whole[:left])
    received = pickle.loads(sent)  # as the scheduler does, which need not see the disk
    with pytest.raises(DataError, match=r"^x.npy: got no such numbers at .*Put it on a disk that all workers see"):
        received.fingerprint  # noqa: B018


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.zarr", r"source\(zarr.open_array\(path\)\)"),
        ("x.h5", r"source\(h5py.File\(path\)\[\"name\"\]\)"),
        ("x.npz", "Load one of its arrays"),
    ],
)
def test_what_has_to_be_opened_first_is_said(name, text, tmp_path):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=text):
        source(tmp_path / name)


def test_a_folder_of_arrays_or_of_nothing_is_said(x, tmp_path):
    with pytest.raises(DataError, match="no files"):
        source(tmp_path)
    in_npy(x, tmp_path)
    with pytest.raises(DataError, match=r'source\(\[numpy.load\(path, mmap_mode="r"\) for path in paths\]\)'):
        source(tmp_path)


def test_a_truncated_file_is_named(frame, tmp_path):
    written(frame, tmp_path)
    last = tmp_path / "part-2.parquet"
    last.write_bytes(last.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"^part-2.parquet: got a file that cannot be read.*Restore it from a copy"):
        source(tmp_path).summary  # noqa: B018


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (iter([np.ones(3)]), "can be read only once"),
        ([], "no chunks"),
        ([1.0, 2.0], "an array or a table of rows"),
        ("no such file.parquet", "no file or folder"),
        (np.ones((2, 2, 2)), "shape"),
        (np.ones((0, 2)), "shape"),
        (3.0, "a path, an array, or chunks of rows"),
        ({"a": [1.0]}, "a path, an array, or chunks of rows"),
        ([np.ones((0, 2))], "no rows"),
        ([np.array(["a", "b"])], "real numbers"),
        (lambda: np.ones((3, 2)), "a function that returns a ndarray; expected one that returns an iterator"),
    ],
)
def test_what_is_no_source_is_said(bad, text):
    with pytest.raises(DataError, match=text):
        list(source(bad).blocks())


def test_columns_that_are_not_numbers(frame, tmp_path):
    frame.assign(city="Rome").to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"columns \['city'\] that are not numbers"):
        source(tmp_path / "x.parquet")
    assert source(tmp_path / "x.parquet", columns=["a", "b"]).shape == (ROWS, 2)
    with pytest.raises(ModelError, match="an array's columns have no names"):
        source(np.ones((3, 2)), columns=["a"])
    with pytest.raises(ChoiceError, match="missing"):
        source(np.ones(3), missing="drop")


@pytest.mark.parametrize("rows", [[2, 5], np.array([2, 5]), np.isin(np.arange(10), [2, 5])])
def test_some_rows_are_taken_by_number_or_mask(rows):
    assert_array_equal(source([np.arange(3.0), np.arange(3.0, 10.0)]).take(rows).x, [2.0, 5.0])


@pytest.mark.parametrize("rows", [[5, 2], [-1], [10], [], [1.5], [True, False], 3, "all"])
def test_what_are_no_rows_is_said(rows):
    with pytest.raises(DataError, match="increasing numbers of 10 rows, 0 to 9, or a mask of all"):
        source(np.arange(10.0)).take(rows)


def test_columns_that_are_no_list_are_called_columns(frame):
    with pytest.raises(DataError, match="columns: got 'a'"):
        source(frame, columns="a")


def test_verbs_that_need_all_rows_say_so(x):
    with pytest.raises(ModelError, match="rows in memory, for this verb"):
        Observations(source(x))


def test_chunks_may_come_in_the_same_memory():
    def chunks():
        memory = np.empty((5, 2))
        for number in range(4):
            memory[:] = number
            yield memory

    found = np.concatenate([block.x for block in source(chunks).blocks(3)])
    assert_array_equal(found, np.repeat(np.arange(4.0), 5)[:, None] * [1, 1])


def test_moments_of_wide_rows_and_of_some_cells_are_those_of_numpy(monkeypatch):
    """Of pieces, of lines of several rows in these, and of what is left over."""
    monkeypatch.setattr("mixtures.sources.summary.IN_CACHE", 4096)
    for shape in ((700,), (21_000,), (1300, 3), (7200, 3), (9, 4000)):
        values = np.random.default_rng(2).normal(3.0, size=shape)
        for missing in (False, True):
            values[(slice(None, None, 4), *[0] * (len(shape) - 1))] = np.nan if missing else 1.0
            total = moments_of(np.array_split(values, 3), centre_of(values[:5]))
            columns = values.reshape(len(values), -1)
            for name, expected in {
                "mean": np.nanmean,
                "variance": np.nanvar,
                "min": np.nanmin,
                "max": np.nanmax,
            }.items():
                assert_allclose(getattr(total, name), expected(columns, axis=0), rtol=1e-12)


@pytest.mark.parametrize("shape", [(2060,), (1030, 2), (7, 2, 3), (9, 4000)])
def test_rows_are_reduced_as_numpy_does_whatever_is_left_of_a_line(shape):
    for seed in range(3):
        values = np.random.default_rng(seed).normal(size=shape)
        assert_array_equal(reduced(np.minimum, values), values.min(axis=0))
        assert_array_equal(reduced(np.maximum, values[:-1]), values[:-1].max(axis=0))


@pytest.mark.parametrize(("cells", "shape", "size"), [(6, (5, 3), 2), (6, (13,), 6), (2, (3, 3), 1)])
def test_a_fingerprint_is_made_of_blocks_of_so_many_numbers(monkeypatch, cells, shape, size):
    monkeypatch.setattr("mixtures.blocks.CELLS", cells)
    values = np.random.default_rng(0).normal(size=shape)
    blocks = [values[begin : begin + size] for begin in range(0, len(values), size)]
    assert list(digests_of(values)) == [hashlib.sha256(block.tobytes()).digest() for block in blocks]
