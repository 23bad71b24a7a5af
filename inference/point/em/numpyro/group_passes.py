"""One pass of EM over groups of rows that hang together: groups of one length are rows in blocks of whole groups, as other rows are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import cast

import numpy as np

from inference.point.em.closed_form import State, Statistics
from inference.point.em.loop import Pass
from inference.point.em.m_steps.grouped import GroupedEM
from inference.point.em.numpyro.passes import in_shares
from inference.point.em.problem import EMProblem


@contextmanager
def over_groups(problem: EMProblem, block: int, threads: int) -> Iterator[Pass]:
    """The pass over the groups of every length, one length after the other; arguments as of `in_shares`."""
    with ExitStack() as stack:
        passes = []
        for part, length in _by_length(problem, block, threads):
            rows = cast(GroupedEM, part.closed_form.law).spans[0][0] * length
            passes.append(stack.enter_context(in_shares(part, rows, threads, length)))

        def one_pass(state: State) -> tuple[float, Statistics]:
            parts = [each(state) for each in passes]
            return sum(part[0] for part in parts), {name: sum(part[1][name] for part in parts) for name in parts[0][1]}

        yield one_pass


def _by_length(problem: EMProblem, block: int, threads: int) -> Iterator[tuple[EMProblem, int]]:
    """What is to be done with the groups of each length, knowing how many of them make up a block, and that length."""
    closed = problem.closed_form
    law, begin = cast(GroupedEM, closed.law), 0
    for groups, length in law.spans:
        rows = slice(begin, begin + groups * length)
        begin = rows.stop
        of_block = min(-(-groups // threads), max(1, block // length))
        own = replace(closed, law=law.spanning((of_block, length)))

        def cut(values: np.ndarray | None, rows: slice = rows) -> np.ndarray | None:
            return None if values is None else values[rows]

        yield (
            replace(
                problem,
                closed_forms=(own,),
                which=0,
                x=problem.x[rows],
                row_weights=cut(problem.row_weights),
                labels=cut(problem.labels),
            ),
            length,
        )
