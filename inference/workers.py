"""Who computes in the place of this process: Dask's workers, passes over a source and pieces of work, or the devices of a mesh of JAX's."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pickle import PicklingError
from typing import Any

from mixtures.errors import BackendError, ModelError, in_words

_WORKING: ContextVar[Any] = ContextVar("client", default=None)

_MESH: ContextVar[Any] = ContextVar("mesh", default=None)

CHAINS = "chains"
"""The axis of a mesh along which chains are shared out, and not rows."""

SECONDS = 30.0
"""How long a scheduler, and its first worker, are waited for."""


@contextmanager
def cluster(where: Any = None) -> Iterator[Any]:
    """A scope in which Dask's workers compute; results are the same as without.

    Passes over a source they compute where they read: EM's, with those before and after it, and answers about rows: `responsibilities`,
    `classify`, `log_likelihood`. Workers read the source themselves: files by their paths, which must be the same there, Dask's
    collections by their partitions. Rows in lists of arrays are sent to them, unless these are mapped from files.

    Of rows in memory they are given pieces of work that do not depend on each other: structures and families of `select_components`,
    replicates of `bootstrap` and `bootstrap_test`, numbers of components of `number_of_components`, `sample_nuts`'s chains unless they go to
    a store, and `fit_em`'s restarts where rows are so many that one alone fills a machine. `fit_map`'s restarts climb side by side in one
    program, here.

    A worker that is lost costs its blocks of rows, or pieces, again. A script that starts workers does so below
    `if __name__ == "__main__":`, as Python's processes want it.

    With a mesh, rows in memory are sharded over its devices, by NumPyro's backend where rows are independent: for EM with closed M-steps,
    for the density and gradient that `fit_map` and `fit_mle` climb by all rows, and for those that nutpie is told, which `sample_nuts` then
    uses unless another sampler, a store or single precision is asked for. On CPU devices rows of factor analysers are not: their matrices
    are factored by threads that can wait for those of the mesh. Where devices are of several processes (`jax.distributed.initialize`), each
    makes the same call with all rows, and comes to the same fit; what is not sharded it computes for itself.

    A mesh whose axis is called "chains" shards no rows: `sample_nuts` shares its chains out among the processes of `jax.distributed`, unless
    they go to a store, and each is told all draws, which are those that one process makes. Among the accelerators of a process NumPyro's
    sampler shares out chains always.

    Args:
        where: the address of a scheduler, `"tcp://..."`; a `distributed.Client`, which stays open; None: workers of one thread each on this
            machine, as many as it has cores, for as long as the scope lasts; a `jax.sharding.Mesh`, such as `jax.make_mesh((4,), ("rows",))`
            or `jax.make_mesh((4,), ("chains",))`.

    Yields:
        The client, whose `dashboard_link` shows what workers do; or the mesh.

    Raises:
        ModelError: something else; a mesh with an axis "chains" and others.
        BackendError: `distributed` is not installed; there is no scheduler, or no worker; the scheduler is lost within the scope.

    Example:
        >>> import numpy as np
        >>> from distributed import Client
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture, source
        >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client, cluster(client):
        ...     fit = fit_em(gaussian_mixture(1), source(np.array([0.0, 1.0, 2.0])), restarts=1, seed=0)
        >>> fit.parameters["loc"].tolist()
        [1.0]
    """
    if hasattr(where, "axis_names") and hasattr(where, "devices"):
        _check_axes(where)
        with _set(_MESH, where):
            yield where
        return
    try:
        import distributed
    except ImportError as error:
        raise BackendError(
            "cluster", got="no distributed", expected="Dask's scheduler", advice='pip install "bayes-mixtures[cluster]"'
        ) from error
    if isinstance(where, distributed.Client):
        with _at_work(where):
            yield where
        return
    if not (where is None or isinstance(where, str)):
        raise ModelError(
            "cluster", got=in_words(where), expected='"tcp://...", a distributed.Client, a jax.sharding.Mesh, or None'
        )
    with _opened(distributed, where) as client, _at_work(client):
        yield client


def meshed() -> Any:
    """The mesh over whose devices rows are sharded here, or None."""
    return None if chained() else _MESH.get()


def chained() -> bool:
    """Whether chains are shared out here among the processes of a mesh."""
    mesh = _MESH.get()
    return mesh is not None and CHAINS in mesh.axis_names


def _check_axes(mesh: Any) -> None:
    """Check that a mesh is for chains or for rows.

    Raises:
        ModelError: it is for both.
    """
    if CHAINS in mesh.axis_names and len(mesh.axis_names) > 1:
        raise ModelError(
            "cluster",
            got=f"a mesh with axes {mesh.axis_names}",
            expected='one axis, "chains"; or axes of other names, for rows',
            advice="Shard what there is more of: rows of large data, chains of small.",
        )


def working() -> Any:
    """The client whose workers compute here; None: this process does."""
    return _WORKING.get()


def threads_of(client: Any) -> int:
    """Of all workers; 1 where there is none just now."""
    return max(1, sum(client.nthreads().values()))


def held_by(client: Any, *what: Any) -> Any:
    """What tasks hold, as a task and no data of this process: made again where the worker that has it is lost.

    Raises:
        BackendError: what cannot be sent, such as chunks of a function that holds a lock or an open file.
    """
    import dask

    # Dask warns of what is large, and advises to read it by Dask: but it is sent once, and not with each task
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PB"}):
        try:
            return client.submit(_themselves, *what, pure=False)
        except (TypeError, PicklingError) as error:  # Dask's, of the first that says why
            raise BackendError(
                "cluster",
                got=f"data, or a function of theirs, that cannot be sent to workers ({error.__cause__ or error})",
                expected="what Python can pickle",
                advice="Name files by their paths, and open within the function what it reads.",
            ) from error


def _themselves(*held: Any) -> tuple[Any, ...]:
    """Given one by one: Dask before 2024.12 calls the first of a tuple where it can be called, as a declaration can."""
    return held


@contextmanager
def at_home() -> Iterator[None]:
    """A scope without workers: what a task calls is computed where the task is, whoever shares the process with it."""
    with _set(_WORKING, None):
        yield


@contextmanager
def in_words_of_cluster() -> Iterator[None]:
    """A scope in which workers and schedulers that are lost are errors of ours.

    Raises:
        BackendError: the scheduler is lost, or a task's worker again and again.
    """
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except KilledWorker as error:
        got = f"a task that ended {error.allowed_failures + 1} workers, one after the other"
        advice = "Look at the workers' logs: memory is the usual reason. The same call goes on from its checkpoint, where it has one."
        raise BackendError("cluster", got=got, expected="workers that last for a task", advice=advice) from error
    except (CancelledError, CommClosedError, TimeoutError) as error:
        raise BackendError(
            "cluster",
            got=f"a scheduler that was lost ({type(error).__name__})",
            expected="one that lasts as long as the verb",
            advice="Start it again, with workers; the same call goes on from its checkpoint, where it has one.",
        ) from error


@contextmanager
def _opened(distributed: Any, address: str | None) -> Iterator[Any]:
    """A client of a scheduler, or of workers that end with it."""
    options: dict[str, Any] = {"set_as_default": False, "timeout": SECONDS}
    if address is None:
        options |= {"threads_per_worker": 1, "dashboard_address": ":0"}
    try:
        client = distributed.Client(address, **options)
    except (OSError, ValueError) as error:
        raise BackendError(
            "cluster",
            got=f"no scheduler at {address!r} ({error})",
            expected='the address that `dask scheduler` prints, "tcp://..."',
        ) from error
    with client:
        yield client


@contextmanager
def _at_work(client: Any) -> Iterator[None]:
    """The client is that of the verbs called within."""
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError as error:
        raise BackendError(
            "cluster",
            got="a scheduler without workers",
            expected="at least one",
            advice=f"Start some: dask worker {client.scheduler.address}",
        ) from error
    with _set(_WORKING, client):
        yield


@contextmanager
def _set(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
