"""What may be asked of a program, per backend; an engine is imported when first asked for."""

from inference.backends.protocol import Bound, Engine
from mixtures import Observations, Program
from mixtures.checks import check_choice
from mixtures.ppl import PIP, backend_module


def engine(backend: str) -> Engine:
    """The engine of `backend` ("numpyro" or "pyro").

    Raises:
        ChoiceError: no such backend.
        BackendError: the backend is not installed; the text has the pip line.
    """
    return backend_module(check_choice("backend", backend, PIP), f"inference.backends.{backend}.engine").ENGINE


def bind(program: Program, x: Observations, backend: str) -> Bound:
    """The program and its data, bound to the backend of that name.

    Raises:
        ChoiceError, BackendError: as for `engine`.
    """
    return engine(backend).bind(program, x)


__all__ = ["Bound", "Engine", "bind", "engine"]
