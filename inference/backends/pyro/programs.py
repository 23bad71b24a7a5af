"""Programs as Pyro models, their data as tensors, and a scope that leaves the caller's torch and Pyro as they were."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyro
import torch

from inference.backends.pyro.terms import (
    Values,
)
from inference.backends.run_arguments import of_program, run_arguments
from mixtures import Observations, Program
from mixtures.ppl.pyro_ppl import ALONE, PyroAtOnce, PyroPPL, as_data

WORDS, AT_ONCE = PyroPPL(torch.float64), PyroAtOnce(torch.float64)


@contextmanager
def isolated(seed: int = 0) -> Iterator[None]:
    """A scope in float64 that leaves the caller's random state, parameter store, default dtype and validation flags as they were.

    One thread at a time has it.

    torch's default dtype decides what an int tensor plus a Python number is, so a program's own arithmetic would be float32 without
    it. Distributions check no arguments inside: the checks read numbers, which vmap cannot. The processor's generator alone is seeded:
    `torch.manual_seed` writes the stack out for other devices, half a millisecond each time.
    """
    with ALONE, torch.random.fork_rng(), pyro.get_param_store().scope(), pyro.validation_enabled(False):
        default = torch.get_default_dtype()
        try:
            torch.set_default_dtype(torch.float64)
            torch.default_generator.manual_seed(seed)
            yield
        finally:
            torch.set_default_dtype(default)


def as_torch(values: Any) -> Any:
    """Nested NumPy values as float64 tensors of their own."""
    if isinstance(values, dict):
        return {name: as_torch(value) for name, value in values.items()}
    return torch.tensor(np.asarray(values), dtype=torch.float64)


def as_run_arguments(data: Any) -> Any:
    """Nested run arguments as tensors: whole numbers and truth values stay what they are."""
    if isinstance(data, dict):
        return {name: as_run_arguments(value) for name, value in data.items()}
    return as_data(WORDS, np.asarray(data))


def as_numpy(values: Values) -> dict[str, np.ndarray]:
    """Tensors by site as arrays."""
    return {name: value.detach().numpy() for name, value in values.items()}


def tensors(program: Program, x: Observations) -> tuple[Callable[..., Any], Values]:
    """The program as a Pyro model that takes run arguments by name, and those arguments."""
    structure, data = run_arguments(program, x)

    words = AT_ONCE if program.mixture is not None else WORDS

    def model(**data: Any) -> Any:
        return structure(words, **of_program(data))

    return model, as_run_arguments(data)
