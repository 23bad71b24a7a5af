"""The bound problem: a program, its data and a backend, put together once a verb."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inference.backends import Engine, engine
from inference.backends.protocol import LogDensity, Parameters
from inference.backends.sites import Sites
from inference.backends.target import Target
from mixtures import Observations, Program


@dataclass(frozen=True, eq=False)
class Bound:
    """What a verb asks its questions of.

    Args:
        program: the declaration.
        x: the data, checked.
        engine: the backend.
    """

    program: Program
    x: Observations
    engine: Engine

    @classmethod
    def of(cls, program: Program, x: Observations, backend: str) -> "Bound":
        """The program and data, bound to the backend of that name.

        Raises:
            ChoiceError, BackendError: no such backend, or one that is not installed.
        """
        return cls(program, x, engine(backend))

    @cached_property
    def sites(self) -> Sites:
        """The program's random variables."""
        return self.engine.sites(self.program, self.x)

    @cached_property
    def numbered(self) -> Program:
        """The program with the numbers of its priors written out."""
        return self.program.scaled_to(self.x)

    def log_joint(self, parameters: Parameters) -> np.ndarray:
        """log p(x_i, assignment_i = k | parameters), (rows, components)."""
        return self.engine.log_joint(self.program, parameters, self.x)

    def log_likelihoods(self, draws: Parameters) -> np.ndarray:
        """log p(x | parameters), assignments summed out, for many parameter values, (draws,)."""
        return self.engine.marginal_draws(self.program, draws, self.x)

    def log_priors(self, draws: Parameters) -> np.ndarray:
        """log p(parameters) for many parameter values, (draws,)."""
        return self.engine.log_prior_draws(self.program, draws, self.x)

    def density(self, *, prior: bool = True, jacobian: bool = False) -> LogDensity:
        """The collapsed log density of one unconstrained vector."""
        return self.engine.log_density(self.program, self.x, prior=prior, jacobian=jacobian)

    def prior_draw(self, seed: int) -> dict[str, np.ndarray]:
        """One draw of every parameter from its prior."""
        return self.engine.prior_draw(self.program, self.x, seed)

    def target(self) -> Target:
        """What samplers are given."""
        return self.engine.target(self.program, self.x)
