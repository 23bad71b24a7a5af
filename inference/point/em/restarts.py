"""Closed-form EM from many starts, by a backend's arrays; only the two files that this one chooses between import a backend."""

from inference.point.em.closed_form import State
from inference.point.em.problem import EMProblem, EMResult
from mixtures.ppl import backend_module


def run_restarts(backend: str, problem: EMProblem, states: State) -> EMResult:
    """EM from every state, (restarts, ...) by name.

    Raises:
        BackendError: the backend is not installed.
    """
    return backend_module(backend, f"inference.point.em.{backend}.restarts").run_restarts(problem, states)
