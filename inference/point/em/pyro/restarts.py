"""EM on torch tensors: the same array code as the compiled EM of NumPyro's engine, one restart after the other."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from array_api_compat import torch as torch_namespace

from inference.backends.pyro.programs import as_torch
from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import Block, e_step
from inference.point.em.loop import run_by_numpy, run_each
from inference.point.em.m_steps.chain import OverPaths
from inference.point.em.paths import numpy_pass
from inference.point.em.problem import EMProblem, EMResult
from inference.point.em.streamed import blocks_of, em_blocks
from inference.spread import Groups, Numbered, on_workers
from inference.workers import working
from mixtures.sources.tree import summed

BLOCK_CELLS = 400_000
"""Numbers of whitened data in one block of rows: about 3 MB, a core's cache."""


def run_restarts(problem: EMProblem, states: State) -> EMResult:
    """EM from every state, (restarts, ...) by name."""
    closed, components = problem.closed_form, problem.closed_form.components_of(states)
    if isinstance(
        closed.law, OverPaths
    ):  # row by row through stretches, in small operations of which torch's take longer
        return run_by_numpy(problem, states, numpy_pass(problem, components))
    held = None if problem.source is not None else _blocks(problem, components, _whole(problem))

    def of_all(state: State, groups: Groups | None) -> Statistics:
        if held is not None:
            return _of_parts(problem, state, held)
        if groups is None:
            return _of_blocks(problem, blocks_of(problem), state, components)
        return summed(groups.all(_of_group, state, components))

    with torch.no_grad(), _workers(problem) as groups:

        def one_pass(state: State) -> tuple[float, Statistics]:
            statistics = of_all(state, groups)
            return float(statistics.pop("objective")), statistics

        return run_each(
            torch_namespace,
            problem,
            as_torch(states),
            one_pass,
            pseudo=None if problem.pseudo is None else as_torch(dict(problem.pseudo)),
            fixed={name: torch.tensor(value) for name, value in problem.fixed.items()},
            singular=torch.linalg.LinAlgError,
            as_array=torch.tensor,
        )


def run_each_on_its_own(problems: Sequence[EMProblem], states: State) -> None:
    """Nothing: torch has no lanes."""
    return


def _workers(problem: EMProblem) -> AbstractContextManager[Groups | None]:
    """What those that are at work here do, for a source."""
    client, source = working(), problem.source
    if client is None or source is None:
        return nullcontext()
    return on_workers(client, source, replace(problem, checkpoint=None))


def _of_parts(problem: EMProblem, state: State, blocks: list[Block]) -> Statistics:
    is_source = problem.source is not None
    parts = [e_step(torch_namespace, problem.closed_form, state, block, problem.is_hard, is_source) for block in blocks]
    return {
        "objective": sum(part[0] for part in parts),
        **{name: sum(part[1][name] for part in parts) for name in parts[0][1]},
    }


def _of_group(problem: EMProblem, blocks: Iterable[Numbered], state: State, components: int) -> Statistics:
    """Of a group of them, by a worker."""
    return _of_blocks(problem, em_blocks(problem, blocks), state, components)


def _of_blocks(problem: EMProblem, blocks: Iterable[Block], state: State, components: int) -> Statistics:
    """Of a source's blocks, each in parts."""
    with torch.no_grad():
        return summed(_of_parts(problem, state, _blocks(problem, components, block)) for block in blocks)


def _whole(problem: EMProblem) -> Block:
    """All rows in memory, (rows, columns) in the data's units."""
    return Block(problem.x, problem.row_weights, problem.labels)


def _blocks(problem: EMProblem, components: int, whole: Block) -> list[Block]:
    """Rows in blocks, features first, in EM's coordinates."""
    x = as_torch((whole.x - problem.frame.centre) / problem.frame.unit).T
    features, rows = x.shape
    # the rows of groups are summed all at once
    size = rows if problem.closed_form.law.follows else max(256, BLOCK_CELLS // (components * features))
    weights = None if whole.row_weights is None else as_torch(whole.row_weights)
    labels = None if whole.labels is None else torch.tensor(whole.labels)
    return [
        Block(
            x[:, begin : begin + size].contiguous(),
            None if weights is None else weights[begin : begin + size],
            None if labels is None else labels[begin : begin + size],
        )
        for begin in range(0, rows, size)
    ]
