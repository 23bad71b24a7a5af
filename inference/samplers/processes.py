"""Chains shared out among the processes of `jax.distributed`: each draws some of them, and is told all."""

from collections.abc import Callable

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather

from inference.samplers.protocol import Draws, Starts
from mixtures.errors import FitError


def by_processes(sample: Callable[[Starts], Draws], starts: Starts) -> Draws:
    """Draws of every parameter, one chain from each start, the same in each process; every process makes this call.

    Where a process was stopped, and has fewer draws or fewer of its chains, all have as few.

    Raises:
        FitError: some chain of another process could not be drawn.
    """
    shares = shares_of(len(starts.vectors), jax.process_count())
    drawn, error = None, None
    try:
        drawn = sample(starts.some(shares[jax.process_index()]))
    except BaseException as own:  # the others wait for this process
        error = own
    shape = (0, 0) if drawn is None else drawn.stats["lp"].shape
    chains, draws = process_allgather(np.array(shape)).min(axis=0)  # arrays that are gathered must be of one shape
    if error is not None:
        raise error
    if drawn is None or draws == 0:
        raise FitError(
            "cluster",
            got="a process of the mesh that drew none of its chains",
            expected="draws of every process",
            advice="That process says why.",
        )

    def joined(own: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        with jax.enable_x64(True):
            every = process_allgather({name: value[:chains, :draws] for name, value in own.items()})
        return {name: _in_order(value, [share[:chains] for share in shares]) for name, value in every.items()}

    return Draws(joined(drawn.parameters), joined(drawn.stats))


def shares_of(chains: int, processes: int) -> list[range]:
    """The chains of each process, as many for each, as arrays that are gathered must be: of some chains two processes draw the same."""
    size = -(-chains // processes)
    begins = (min(size * process, chains - size) for process in range(processes))
    return [range(begin, begin + size) for begin in begins]


def _in_order(values: np.ndarray, shares: list[range]) -> np.ndarray:
    """(processes, chains of each, ...) -> (chains, ...)."""
    of_chain = {
        chain: one for share, own in zip(shares, values, strict=True) for chain, one in zip(share, own, strict=True)
    }
    return np.stack([of_chain[chain] for chain in sorted(of_chain)])
