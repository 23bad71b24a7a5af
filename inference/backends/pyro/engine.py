"""The engine in Pyro."""

from inference.backends.protocol import Engine
from inference.backends.pyro.bound import PyroBound
from mixtures import Observations, Program


class PyroEngine(Engine):
    """torch's, on the CPU."""

    name = "pyro"
    is_on_cpu = True

    def bind(self, program: Program, x: Observations) -> PyroBound:
        return PyroBound(program, x)


ENGINE = PyroEngine()
