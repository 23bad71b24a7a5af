"""Independent pieces of work, such as models to fit or replicates: one after the other, or as tasks of Dask's workers.

Nothing that a piece finds depends on the others, nor on where it is computed: results are the same with workers and without.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from inference.workers import at_home, held_by, in_words_of_cluster, threads_of, working
from mixtures.interrupts import held_interrupts

SHARES_EACH = 2
"""Shares of many pieces a thread of the workers, so that none waits long for the last one."""

Found = TypeVar("Found")


def each_of(function: Callable[..., Found], pieces: Iterable[Any], *held: Any) -> list[Found]:
    """What a function makes of each piece and of what it holds for all of them, in order.

    What it holds a worker is given once. The first error, or Ctrl-C, calls off what has not begun.

    Raises:
        BackendError: the scheduler is lost, or a piece's worker again and again.
    """
    if (client := working()) is None:
        return [function(piece, *held) for piece in pieces]
    with in_words_of_cluster():
        begun: list[Any] = []
        try:
            with held_interrupts():  # callbacks of Dask's would swallow one
                on_worker = held_by(client, *held)
                begun += (client.submit(_at_home, function, piece, on_worker, pure=False) for piece in pieces)
            return client.gather(begun)
        except BaseException:
            client.cancel(begun)
            raise


def shares_of(pieces: range) -> list[range]:
    """Pieces that are sooner done together, in as many shares as workers have a use for; all in one without workers."""
    if (client := working()) is None:
        return [pieces]
    size = max(1, -(-len(pieces) // (SHARES_EACH * threads_of(client))))
    return [pieces[begin : begin + size] for begin in range(0, len(pieces), size)]


def _at_home(function: Callable[..., Found], piece: Any, held: tuple[Any, ...]) -> Found:
    with at_home():
        return function(piece, *held)
