"""Clients of Dask's workers, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import distributed


@contextmanager
def clients(workers: int, processes: bool = False) -> Iterator[Any]:
    """A client of so many workers of one thread each, in this process or each in its own."""
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=processes, dashboard_address=":0"
        ) as own,
        distributed.Client(own, set_as_default=False) as client,
    ):
        yield client
