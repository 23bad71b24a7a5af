"""The words that a program may use, and how a backend is found by its name; backends are imported when first asked for."""

import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np

from mixtures.checks import check_choice
from mixtures.errors import BackendError
from mixtures.interrupts import held_interrupts
from mixtures.ppl.protocol import PPL

PIP = {"numpyro": "pip install bayes-mixtures", "pyro": 'pip install "bayes-mixtures[pyro]"'}
"""The pip line that installs each backend."""


def backend_module(backend: str, module: str) -> ModuleType:
    """Import `module`, which belongs to `backend`, or say which pip line installs the backend.

    Raises:
        ChoiceError: no such backend.
        BackendError: the backend is not installed.
    """
    check_choice("backend", backend, PIP)
    is_new = module not in sys.modules
    random_state = np.random.get_state()  # noqa: NPY002  # libraries draw from it where they are imported
    try:
        with held_interrupts():  # half an import would stay
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in ("mixtures", "inference"):
            raise
        raise BackendError(
            f"backend {backend!r}",
            got=f"no module named {error.name!r}",
            expected="an installed backend",
            advice=f"Install it with: {PIP[backend]}",
        ) from error
    finally:
        if is_new:
            np.random.set_state(random_state)  # noqa: NPY002


def words(backend: str, *data: Any) -> PPL:
    """The words of `backend` ("numpyro" or "pyro"), in the precision of these data; without any, in that library's own."""
    return backend_module(backend, f"mixtures.ppl.{backend}_ppl").WORDS.following(data)


__all__ = ["PIP", "PPL", "backend_module", "words"]
