"""What EM climbs where there is no closed form, as a function of unconstrained vectors: the whole, and what an M-step sees of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from inference.backends import Bound
from inference.backends.log_density import LogDensity
from inference.point.assembly import path_log_joint
from inference.point.constraints import Constraint
from inference.point.em.initial_partitions import Partition
from inference.point.em.settings import Settings
from inference.point.objective import Objective
from inference.point.polish import AT_REST, polish
from inference.point.quasi_newton import Descents, quasi_newton
from inference.point.runaway import runs_off
from inference.status import Status

STEPS = 5
"""Quasi-Newton steps of one M-step at most."""

HARD_STEPS = 500
"""The same where assignments are hard: to the top."""

TOLERANCE = 1e-7
"""The largest derivative, relative to the objective, at which quasi-Newton steps end."""

MOST_STEPS = 500
"""Quasi-Newton steps on the objective at most: who is on the way for longer goes along a ridge, and is not the best for that."""

Points = Float[np.ndarray, "restarts size"]
Tables = Float[np.ndarray, "restarts rows components"]
Values = dict[str, np.ndarray]
Evaluate = Callable[[Points], tuple[np.ndarray, Points]]


class EMObjective:
    """The log likelihood or posterior density of many restarts, as EM sees it.

    Args:
        bound: program, data and backend.
        settings: what was asked of EM.
        is_posterior: whether the prior belongs to it.
    """

    def __init__(self, bound: Bound, settings: Settings, is_posterior: bool):
        self._bound, self._fixed, self._is_hard = bound, settings.fixed, settings.is_hard
        self._is_posterior = is_posterior
        # of a group the first row has all of its log likelihood, whether or not it says anything itself
        self._weights = np.ones(len(bound.x)) if bound.sites.is_of_groups else bound.x.times
        self._units = Objective(bound, "fit_em", settings.seed, is_posterior, fixed=settings.constraint)
        self._expected = self._units.obeying(bound.expected(prior=is_posterior))
        self.rows = float(self._weights.sum())

    @property
    def constraint(self) -> Constraint | None:
        """What of sites that are held in part is known."""
        return self._units.constraint

    @property
    def _density(self) -> LogDensity:
        return self._units.density

    def vectors(self, starts: Values) -> Points:
        """Unconstrained coordinates of values (restarts, ...) by site; those of fixed sites play no part."""
        found = self._units.vectors(starts)
        for name in self._fixed:
            found[:, self._density.places[name]] = 0.0
        return found

    def values(self, vectors: Points) -> Values:
        """Constrained values by site, (restarts, ...)."""
        held = {name: np.broadcast_to(value, (len(vectors), *value.shape)) for name, value in self._fixed.items()}
        return self._units.parameters(vectors) | held

    def likelihoods(self, values: Mapping[str, np.ndarray]) -> tuple[float, float]:
        """log p(x | parameters), and log p(x, z | parameters) at the most probable z, at one value of each site."""
        table = self._bound.log_joint(values)
        by_row = self._bound.sites.is_row_wise
        highest = float(self._total(table.max(axis=1))) if by_row else path_log_joint(self._bound, dict(values))
        return float(self._total(logsumexp(table, axis=1))), highest

    def _total(self, rows: np.ndarray) -> np.ndarray:
        """Sums over rows, the last axis, each as often as it counts."""
        with np.errstate(invalid="ignore"):  # of a component that is collapsing: no number, which ends the restart
            return np.asarray(np.where(self._weights > 0, rows, 0.0) @ self._weights)

    def evaluated(self, vectors: Points) -> tuple[Tables, np.ndarray]:
        """log p(x_i, assignment_i = k), and the objectives, (restarts,)."""
        values = self.values(vectors)
        tables = self._bound.tables(values)
        rows = tables.max(axis=-1) if self._is_hard else logsumexp(tables, axis=-1)
        return tables, self._total(rows) + (self._bound.log_priors(values) if self._is_posterior else 0.0)

    def responsibilities(self, tables: Tables) -> Tables:
        """Those of the E-step, row weights multiplied in."""
        if self._is_hard:
            shares = (tables.argmax(axis=-1)[..., None] == np.arange(tables.shape[-1])).astype(np.float64)
        else:
            with np.errstate(invalid="ignore"):  # see `_total`
                shares = np.exp(tables - logsumexp(tables, axis=-1, keepdims=True))
        return shares * self._weights[:, None]

    def m_step(self, vectors: Points, responsibilities: Tables) -> Points:
        """Vectors of higher expected log joint density; a restart for which none is found stays."""
        # hard assignments rest as soon as they repeat: then no later M-step climbs on
        steps = HARD_STEPS if self._is_hard else STEPS
        found = self._climbed(
            vectors, lambda points: self._expected(points, responsibilities, self._fixed), steps, takes_few=False
        )
        return np.where(np.isfinite(found.ends), self._units.unit * found.ends, vectors)

    def from_partitions(self, vectors: Points, drawn: Sequence[Partition], components: int) -> Points:
        """The M-step's answers to partitions, of which every component also has a share in all rows."""
        shares = np.full((len(drawn), len(self._weights), components), 1 / components)
        for own, partition in zip(shares, drawn, strict=True):
            own[partition.rows] *= 0.1
            own[partition.rows] += 0.9 * (partition.labels[:, None] == np.arange(components))
        return self.m_step(vectors, shares * self._weights[:, None])

    def climbed(self, vectors: Points, steps: int) -> tuple[Points, Descents]:
        """Where quasi-Newton steps on the objective itself lead, and the way there."""
        found = self._climbed(vectors, self._values_and_gradients, min(steps, MOST_STEPS), takes_few=True)
        return self._units.unit * found.ends, found

    def _climbed(self, begin: Points, evaluate: Evaluate, steps: int, *, takes_few: bool) -> Descents:
        return quasi_newton(
            self._units.loss(evaluate),
            begin / self._units.unit,
            steps=steps,
            tolerance=0.01 * TOLERANCE if self._is_hard else TOLERANCE,
            takes_few=takes_few,
        )

    def _values_and_gradients(self, vectors: Points) -> tuple[np.ndarray, Points]:
        """The objective, and its gradient: with fixed sites, by Fisher's identity, that of the expected log joint density."""
        if not self._fixed:
            return self._density.values_and_gradients(vectors)
        tables, objectives = self.evaluated(vectors)
        return objectives, self._expected(vectors, self.responsibilities(tables), self._fixed)[1]

    @property
    def _objective(self) -> LogDensity:
        """That of one vector."""
        if not self._fixed:
            return self._density

        def one(u: np.ndarray) -> tuple[float, np.ndarray]:
            values, gradients = self._values_and_gradients(u[None])
            return (float(values[0]), gradients[0]) if np.isfinite(values[0]) else (-np.inf, np.zeros_like(u))

        return replace(self._density, value_and_gradient=one)

    def leap(self, values: Values, losses: list[float], most: int) -> tuple[Values, bool]:
        """Steps from one restart's end to the last digit, and whether the objective is flat there; each adds to the losses."""
        top, is_flat = polish(
            self._objective,
            values,
            self._units.real_scales,
            max_steps=most,
            on_step=lambda objective: losses.append(min(losses[-1], -objective)),
        )
        return top | self._fixed, is_flat

    def runs_off(self, values: Values) -> Status | None:
        """What is wrong with an end that is no maximum, see `inference.point.runaway`."""
        return runs_off(self._objective, self._bound.sites, values, self._units.real_scales)

    def is_flat(self, found: Descents) -> np.ndarray:
        """Whether the objective is flat where descents ended, (restarts,)."""
        slopes = np.array([records[-1] for records in found.records])
        return slopes <= AT_REST * np.maximum(1.0, np.abs([values[-1] for values in found.values]))
