"""Closed-form EM from many starts, by a backend's arrays; only the two files that this one chooses between import a backend."""

from collections.abc import Sequence

from inference.point.em.closed_form import State
from inference.point.em.problem import EMProblem, EMResult, joined
from mixtures.ppl import backend_module


def run_restarts(backend: str, problem: EMProblem, states: State) -> EMResult:
    """EM from every state, (restarts, ...) by name.

    Raises:
        BackendError: the backend is not installed.
    """
    return backend_module(backend, f"inference.point.em.{backend}.restarts").run_restarts(problem, states)


def run_each_on_its_own(backend: str, problems: Sequence[EMProblem], states: State) -> EMResult:
    """EM from every state, restart i on problem i: the same closed form, number of rows and rules, other data or row weights.

    In lanes of one program where the backend has such; else one after the other.

    Raises:
        BackendError: the backend is not installed.
    """
    module = backend_module(backend, f"inference.point.em.{backend}.restarts")
    if (found := module.run_each_on_its_own(problems, states)) is not None:
        return found
    each = [
        module.run_restarts(problem, {name: value[restart : restart + 1] for name, value in states.items()})
        for restart, problem in enumerate(problems)
    ]
    return joined(each)
