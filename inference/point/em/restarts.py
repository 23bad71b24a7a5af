"""Closed-form EM from many starts, by a backend's arrays; only the two files that this one chooses between import a backend."""

from collections.abc import Sequence

from inference.point.em.closed_form import State
from inference.point.em.problem import EMProblem, EMResult, joined
from inference.tasks import each_of, shares_of
from mixtures.ppl import backend_module

SHARED_CELLS = 1_000_000
"""From so many numbers of whitened data on, components x features x rows, rows are shared out among the cores, and restarts, which no longer
run side by side there, among workers."""


def run_restarts(backend: str, problem: EMProblem, states: State) -> EMResult:
    """EM from every state, (restarts, ...) by name: here or, of many rows in memory, by workers.

    Raises:
        BackendError: the backend is not installed.
    """
    restarts = range(len(next(iter(states.values()))))
    cells = problem.x.size * problem.closed_form.components_of(states)
    if problem.source is not None or cells < SHARED_CELLS or len(shares := shares_of(restarts)) == 1:
        return _run(restarts, backend, problem, states)
    return joined(each_of(_run, shares, backend, problem, states))


def _run(share: range, backend: str, problem: EMProblem, states: State) -> EMResult:
    module = backend_module(backend, f"inference.point.em.{backend}.restarts")
    return module.run_restarts(problem, {name: value[share.start : share.stop] for name, value in states.items()})


def run_each_on_its_own(backend: str, problems: Sequence[EMProblem], states: State) -> EMResult:
    """EM from every state, restart i on problem i: the same closed form, number of rows and rules, other data or row weights.

    In lanes of one program where the backend has such; else one after the other.

    Raises:
        BackendError: the backend is not installed.
    """
    module = backend_module(backend, f"inference.point.em.{backend}.restarts")
    if (found := module.run_each_on_its_own(problems, states)) is not None:
        return found
    each = [_run(range(i, i + 1), backend, problem, states) for i, problem in enumerate(problems)]
    return joined(each)
