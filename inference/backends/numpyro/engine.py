"""The engine in NumPyro."""

import jax

from inference.backends.numpyro.bound import NumPyroBound
from inference.backends.protocol import Engine
from mixtures import Observations, Program


class NumPyroEngine(Engine):
    """JAX's, on whatever device JAX has."""

    name = "numpyro"

    @property
    def is_on_cpu(self) -> bool:
        return jax.default_backend() == "cpu"

    def bind(self, program: Program, x: Observations) -> NumPyroBound:
        return NumPyroBound(program, x)


ENGINE = NumPyroEngine()
