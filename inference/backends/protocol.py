"""What may be asked of a program, per backend: the Engine, and the plain values that it takes and gives.

Arrays are converted here and nowhere else: engines take NumPy and give NumPy, in float64 unless told otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from inference.backends.sites import Sites
from inference.backends.target import Target
from mixtures import Observations, Program

Parameters = Mapping[str, np.ndarray]
"""Constrained values by site."""


GUIDE_BETAS = (0.5, 0.5)
"""Adam's decay rates for assignment probabilities: their gradient dies off exponentially, so a long memory of it stops the fit early.
On the five points of Pyro's tutorial, 200 steps end 2e-6 from the optimum with these, 2.3 with (0.8, 0.99)."""


FINAL_LEARNING_RATE = 1e-3
"""The last step's length as a share of the first one's: steps decay along a cosine, so that fits end at rest."""


@dataclass(frozen=True, eq=False)
class Ascent:
    """What gradient steps from many starts gave; the leading axis of everything is the restart.

    Args:
        parameters: final constrained values by site, (restarts, ...).
        losses: negative log posterior density before each step, and after the last, (restarts, steps + 1).
        gradient_norms: of every site's unconstrained coordinates, before each step, (restarts, steps), and perhaps at the end.
        steps: how many each start took, (restarts,), its last loss and norms repeated after them; None: all.
    """

    parameters: dict[str, np.ndarray]
    losses: np.ndarray
    gradient_norms: dict[str, np.ndarray]
    steps: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class LogDensity:
    """A program's collapsed log density as a function of one unconstrained vector.

    Args:
        size: length of the vector.
        value_and_gradient: vector (size,) -> log density, gradient (size,).
        values_and_gradients: the same of many vectors, (points, size) -> (points,), (points, size); of all rows, or of those at an index
            that is given beside them.
        hessian: vector -> second derivatives of the log density, (size, size).
        places: which coordinates are a site's, indices by site in the vector's order. Of real-valued sites coordinates are their values, but
            for those of linear predictors: see `inference.backends.predictors`.
        is_real: which coordinates belong to real-valued sites, (size,); the others are on a log or logit scale.
        constrain: vector -> constrained values by site.
        unconstrain: constrained values by site -> vector.
    """

    size: int
    places: Mapping[str, np.ndarray]
    is_real: np.ndarray
    value_and_gradient: Callable[[np.ndarray], tuple[float, np.ndarray]]
    values_and_gradients: Callable[..., tuple[np.ndarray, np.ndarray]]
    hessian: Callable[[np.ndarray], np.ndarray]
    constrain: Callable[[np.ndarray], dict[str, np.ndarray]]
    unconstrain: Callable[[Parameters], np.ndarray]

    def units(self, scales: Parameters) -> np.ndarray:
        """The vector of units, given those of some sites: a number, or one for each of a real-valued site's coordinates; 1 for the others."""
        vector = np.ones(self.size)
        for name, scale in scales.items():
            vector[self.places[name]] = np.ravel(scale)
        return vector


@dataclass(frozen=True, eq=False)
class GuideAscent:
    """What enumeration in the guide gave.

    Args:
        probs: probabilities by assignment site, (rows, components).
        losses: negative ELBO before each step and at the end, (steps + 1,).
        gradient_norms: by assignment site, (steps,).
    """

    probs: dict[str, np.ndarray]
    losses: np.ndarray
    gradient_norms: dict[str, np.ndarray]


@runtime_checkable
class Engine(Protocol):
    """What may be asked of a program. `parameters` are constrained values by site; `x` are checked observations."""

    name: str

    @property
    def is_on_cpu(self) -> bool:
        """Whether it computes on a CPU."""
        ...

    def sites(self, program: Program, x: Observations) -> Sites:
        """The program's random variables."""
        ...

    def log_joint(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(x_i, assignment_i = k | parameters), shape (rows, components): the hub.

        With several assignments a row, k runs over `Sites.combinations`.
        """
        ...

    def log_joint_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """The hub for many parameter values at once: (draws, ...) by site -> (draws, rows, components)."""
        ...

    def log_likelihood_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(x_i | parameters) of programs with a hub, for many parameter values at once, (draws, rows)."""
        ...

    def log_prior_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(parameters) for many parameter values at once, shape (draws,)."""
        ...

    def marginal_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(x | parameters), all assignments summed out, for many parameter values, shape (draws,); any program."""
        ...

    def deterministic_draws(self, program: Program, parameters: Parameters, x: Observations) -> dict[str, np.ndarray]:
        """What the program keeps under `ppl.deterministic`, for many parameter values at once, (draws, ...); what depends on assignments, and
        so is no function of the parameters, is left out."""
        ...

    def prior_draw(self, program: Program, x: Observations, seed: int) -> dict[str, np.ndarray]:
        """One draw of every parameter from its prior."""
        ...

    def forward_draws(
        self, program: Program, parameters: Parameters, x: Observations, *, draws: int, seed: int
    ) -> dict[str, np.ndarray]:
        """Parameters and data of the shape of `x` drawn by the program itself, (draws, ...) by site.

        Given parameters, (draws, ...), are held: then the data are posterior predictive; with none they are prior predictive.
        """
        ...

    def log_density(
        self, program: Program, x: Observations, *, prior: bool = True, jacobian: bool = False
    ) -> LogDensity:
        """The collapsed log density of one unconstrained vector; with the Jacobian it is what a sampler needs."""
        ...

    def elbo(self, program: Program, x: Observations) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """The ELBO of the backend's own AutoDelta, assignments enumerated: unconstrained vectors (points, size) -> values (points,) and
        gradients. For a delta guide it is the log posterior density in the constrained space; programs that the backend's enumeration
        does not take have that."""
        ...

    def expected(
        self, program: Program, x: Observations, *, prior: bool
    ) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """EM's expected log joint density: (vectors (points, size), responsibilities (points, rows, components), fixed parameters by site)
        -> values (points,), gradients."""
        ...

    def classify(
        self, program: Program, parameters: Parameters, x: Observations, *, temperature: int, seed: int
    ) -> dict[str, np.ndarray]:
        """Assignments by site, from the backend's infer_discrete at temperature 0 (joint mode) or 1 (a draw)."""
        ...

    def enumerate_guide(
        self, program: Program, parameters: Parameters, x: Observations, *, steps: int, learning_rate: float, seed: int
    ) -> GuideAscent:
        """Fit assignment probabilities in a guide that is enumerated, the parameters held fixed."""
        ...

    def target(self, program: Program, x: Observations) -> Target:
        """The collapsed posterior density of one unconstrained vector: what samplers are given."""
        ...
