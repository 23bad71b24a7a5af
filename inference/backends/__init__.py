"""What may be asked of a program, per backend; an engine is imported when first asked for."""

from inference.backends.protocol import Engine
from mixtures.checks import check_choice
from mixtures.ppl import PIP, backend_module


def engine(backend: str) -> Engine:
    """The engine of `backend` ("numpyro" or "pyro").

    Raises:
        ChoiceError: no such backend.
        BackendError: the backend is not installed; the text has the pip line.
    """
    return backend_module(check_choice("backend", backend, PIP), f"inference.backends.{backend}.engine").ENGINE


__all__ = ["Engine", "engine"]
