"""What a backend gives: an Engine, which binds a program to its data, and the bound problem, which answers what may be asked of the two.

Arrays are converted here and nowhere else: problems take NumPy and give NumPy, in float64.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import numpy as np

from inference.backends.ascent import GuideAscent
from inference.backends.complete import CompleteTarget
from inference.backends.log_density import LogDensity, Parameters
from inference.backends.sites import Sites
from inference.backends.target import Target
from mixtures import Observations, Program

Evaluate = Callable[..., tuple[np.ndarray, np.ndarray]]
"""Of many unconstrained vectors, (points, size), and perhaps more: values (points,) and gradients (points, size)."""


class Bound(ABC):
    """A program, its data and a backend, put together once a verb: what verbs ask their questions of.

    `parameters` are constrained values by site; `draws` are many of them, (draws, ...) by site.

    Args:
        program: the declaration.
        x: the data, checked.
    """

    backend: str
    """The backend's name."""

    def __init__(self, program: Program, x: Observations):
        self.program, self.x = program, x

    @cached_property
    def numbered(self) -> Program:
        """The program with its hyperparameters written out."""
        return self.program.scaled_to(self.x)

    def on(self, x: Observations) -> "Bound":
        """The program, bound to other data."""
        return type(self)(self.program, x)

    @property
    @abstractmethod
    def sites(self) -> Sites:
        """The program's random variables."""

    # -- densities at given parameters --

    @abstractmethod
    def tables(self, draws: Parameters) -> np.ndarray:
        """log p(x_i, assignment_i = k | parameters), (draws, rows, components), see `mixtures.assignments.law.Assignment.joint`; with several
        assignments a row, k runs over `Sites.combinations`."""

    @abstractmethod
    def emissions(self, draws: Parameters) -> np.ndarray:
        """log p(x_i | assignment_i = k, parameters) of a mixture, in which its law has no part, (draws, rows, components)."""

    @abstractmethod
    def pointwise(self, draws: Parameters) -> np.ndarray:
        """log p(x_i | parameters) of programs with a hub, (draws, rows); given the rows before it, where rows follow one another; of groups
        that are independent, (draws, groups)."""

    @abstractmethod
    def log_densities(self, draws: Parameters) -> tuple[np.ndarray, np.ndarray]:
        """log p(x | parameters), all assignments summed out, and log p(parameters), both (draws,); any program."""

    def log_joint(self, parameters: Parameters) -> np.ndarray:
        """The same at one value of each parameter, (rows, components): the hub."""
        return self.tables({name: np.asarray(value)[None] for name, value in parameters.items()})[0]

    def emissions_at(self, parameters: Parameters) -> np.ndarray:
        """The emissions at one value of each parameter, (rows, components)."""
        return self.emissions({name: np.asarray(value)[None] for name, value in parameters.items()})[0]

    def log_likelihoods(self, draws: Parameters) -> np.ndarray:
        """log p(x | parameters), (draws,)."""
        return self.log_densities(draws)[0]

    def log_priors(self, draws: Parameters) -> np.ndarray:
        """log p(parameters), (draws,)."""
        return self.log_densities(draws)[1]

    # -- functions of an unconstrained vector --

    @abstractmethod
    def log_density(self, *, prior: bool = True, jacobian: bool = False) -> LogDensity:
        """The collapsed log density; with the Jacobian it is what a sampler needs."""

    @abstractmethod
    def scores(self, u: np.ndarray) -> np.ndarray:
        """The derivatives of what `pointwise` has at a vector, d log p(x_i | parameters) / du, (rows, size), or (groups, size); each row once,
        whatever its weight."""

    @abstractmethod
    def slopes(self, u: np.ndarray) -> dict[str, np.ndarray]:
        """The derivatives of constrained values, and of what the program keeps of its parameters, d value / du, (..., size) by name."""

    @abstractmethod
    def target(self) -> Target:
        """The collapsed posterior density in the backend's own arrays: what samplers are given."""

    def complete(self) -> CompleteTarget:
        """The density of a mixture whose assignments are given, in the backend's own arrays: what samplers of partitions are given.

        Raises:
            ModelError: components are not independent of each other before data are seen.
        """
        raise NotImplementedError(f"samplers of partitions are for backend='numpyro', not {self.backend!r}")

    @abstractmethod
    def elbo(self) -> Evaluate:
        """The ELBO of the backend's own AutoDelta, assignments enumerated. For a delta guide it is the log posterior density in the
        constrained space; programs that the backend's enumeration does not take have that."""

    @abstractmethod
    def expected(self, *, prior: bool) -> Evaluate:
        """EM's expected log joint density, a function of vectors, responsibilities (points, rows, components) and fixed parameters by site."""

    @abstractmethod
    def means(self, parameters: Parameters) -> dict[str, np.ndarray]:
        """E[x_i | assignment_i = k, parameters] of each site that a mixture's data are observed at, (rows, components, ...); whatever was
        observed.

        Raises:
            ModelError: a distribution that does not say its mean.
        """

    # -- runs of the program --

    @abstractmethod
    def prior_draw(self, seed: int) -> dict[str, np.ndarray]:
        """One draw of every parameter from its prior."""

    @abstractmethod
    def forward(self, parameters: Parameters, *, draws: int, seed: int) -> dict[str, np.ndarray]:
        """Parameters and data of the shape of `x` drawn by the program itself, (draws, ...) by site.

        Given parameters, (draws, ...), are held: then the data are posterior predictive; with none they are prior predictive.
        """

    @abstractmethod
    def deterministic(self, draws: Parameters) -> dict[str, np.ndarray]:
        """What the program keeps under `ppl.deterministic`, (draws, ...) by name; what depends on assignments, and so is no function of the
        parameters, is left out."""

    @abstractmethod
    def classify(self, parameters: Parameters, *, temperature: int, seed: int) -> dict[str, np.ndarray]:
        """Assignments by site, from the backend's infer_discrete at temperature 0 (joint mode) or 1 (a draw)."""

    @abstractmethod
    def enumerate_guide(self, parameters: Parameters, *, steps: int, learning_rate: float, seed: int) -> GuideAscent:
        """Fit assignment probabilities in a guide that is enumerated, the parameters held fixed."""


class Engine(ABC):
    """A backend."""

    name: str

    @property
    @abstractmethod
    def is_on_cpu(self) -> bool:
        """Whether it computes on a CPU."""

    @abstractmethod
    def bind(self, program: Program, x: Observations) -> Bound:
        """The program and its data, bound to this backend."""

    def sites(self, program: Program, x: Observations) -> Sites:
        """The program's random variables."""
        return self.bind(program, x).sites

    def log_joint(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(x_i, assignment_i = k | parameters), (rows, components): the hub."""
        return self.bind(program, x).log_joint(parameters)
