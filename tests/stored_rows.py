"""Rows in files, as sources find them."""

from itertools import pairwise

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import zarr


def written(frame, folder, cuts=(0, 300, 301, 1000), row_group_size=100, **options):
    """Parquet files of a frame's rows between the cuts, in a folder."""
    for number, (begin, end) in enumerate(pairwise(cuts)):
        table = arrow.Table.from_pandas(frame.iloc[begin:end], preserve_index=False)
        parquet.write_table(table, folder / f"part-{number}.parquet", row_group_size=row_group_size, **options)
    return folder


def in_npy(x, folder):
    """A `.npy` file."""
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


def in_zarr(x, folder):
    """A Zarr array of 70 rows a chunk."""
    array = zarr.create_array(folder / "x.zarr", shape=x.shape, chunks=(70, x.shape[1]), dtype="float64")
    array[:] = x
    return array
