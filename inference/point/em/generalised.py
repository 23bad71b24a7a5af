"""EM for families and objectives without closed-form M-steps: the M-step climbs by gradient.

Each M-step takes a few quasi-Newton steps on the expected log joint density, and keeps them only if it has risen: a generalised EM, whose
objective never falls (Dempster, Laird & Rubin 1977). EM is sure far from an optimum and slow near one: where its gains have become small,
quasi-Newton steps on the objective itself take over, whose gradient is the expected log joint density's at the current responsibilities
(Jamshidian & Jennrich 1997, Journal of the Royal Statistical Society B 59). A restart is at rest when neither gains anything any more
and the objective is flat.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy import optimize
from scipy.special import logsumexp

from inference.backends.protocol import Ascent, LogDensity
from inference.bound import Bound
from inference.point.em.initial_partitions import Partition, Partitions, matched
from inference.point.em.problem import Outcome
from inference.point.em.runs import Runs
from inference.point.em.settings import Settings
from inference.point.judgement import Judge
from inference.point.polish import polish
from inference.point.restarts import best_restart, judged, optima
from inference.point.runaway import runs_off
from inference.point.starts import draw_starts, step_scales
from inference.status import Status
from mixtures import Mixture, Observations
from mixtures.mixture import completed
from mixtures.seeds import generator, restart_seeds

STEPS = 10
"""Quasi-Newton steps of one M-step at most."""

SMALL_GAIN = 1e-4
"""Gain of an M-step, in log density for each row, below which quasi-Newton steps on the objective take over."""

Table = Float[np.ndarray, "rows components"]


def generalised_em(bound: Bound, mixture: Mixture, settings: Settings, is_posterior: bool) -> Runs:
    """All restarts, one after the other, from the family's own starts."""
    seeds = restart_seeds(settings.seed, settings.restarts)
    starts = draw_starts(bound, seeds, "fit_em", settings.starts or None)
    one = ObjectiveByGradient(bound, settings, is_posterior)
    begins = [{name: value[run] for name, value in starts.items()} | settings.fixed for run in range(settings.restarts)]
    rules = ["given"] * len(settings.starts) + ["rows"] * (settings.restarts - len(settings.starts))
    if settings.fixed:
        drawn = _partitions(mixture, bound.x, settings)
        begins[len(settings.starts) :] = [
            one.from_partition(begin, partition)
            for begin, partition in zip(begins[len(settings.starts) :], drawn, strict=True)
        ]
        rules[len(settings.starts) :] = [partition.rule for partition in drawn]
    ends = [one.run(begin) for begin in begins]
    parameters = {name: np.stack([end[0][name] for end in ends]) for name in starts}
    longest = max(len(end[1]) for end in ends)
    losses = np.array([end[1] + end[1][-1:] * (longest - len(end[1])) for end in ends])
    norms = {site.name: np.zeros((len(ends), 1)) for site in bound.sites.parameters}
    ascent = Ascent(parameters, losses, norms)
    judge = Judge(mixture, bound.x, bound.sites, is_bounded=is_posterior)
    table = judged(judge, bound, ascent, seeds)
    table["steps"] = [len(end[1]) - 1 for end in ends]
    table["status"] = [
        Status.CONVERGED if status is Status.MAX_STEPS and end[2] is Outcome.AT_REST else status
        for status, end in zip(table["status"], ends, strict=True)
    ]
    table["rule"] = rules
    while table.at[best := best_restart(table), "status"].is_sound and table.at[best, "status"] is not Status.LIMIT:
        end = one.runs_off(ends[best][0])
        if end is None:
            break
        table.at[best, "status"] = end
    table["optimum"] = optima(table)

    def likelihoods(restart: int) -> tuple[float, float]:
        joint = one.log_joint({name: value[restart] for name, value in parameters.items()})
        return one.total(logsumexp(joint, axis=1)), one.total(joint.max(axis=1))

    return Runs(
        lambda restart: {name: value[restart] for name, value in parameters.items()},
        likelihoods,
        [np.array(end[1]) for end in ends],
        table,
    )


def _partitions(mixture: Mixture, x: Observations, settings: Settings) -> list[Partition]:
    """Where EM begins if some parameters are known: starts at rows may differ in those alone, and then end at components that are one."""
    values = completed(x, generator(settings.seed, "fit_em", "missing cells"))
    count = settings.restarts - len(settings.starts)
    drawn = Partitions(values.reshape(len(values), -1), settings.seed, "fit_em").draw(mixture.components, count)
    return drawn if x.labels is None else [matched(partition, x.labels, mixture.components) for partition in drawn]


class ObjectiveByGradient:
    """EM of one restart, and what it needs of the program."""

    def __init__(self, bound: Bound, settings: Settings, is_posterior: bool):
        self._settings = settings
        self._weights = np.ones(len(bound.x)) if settings.row_weights is None else settings.row_weights
        self._density: LogDensity = bound.density()
        self._objective = replace(self._density, value_and_gradient=self._value_and_gradient)
        self._expected = bound.engine.expected(bound.program, bound.x, prior=is_posterior)
        self._is_posterior = is_posterior
        self._sites = bound.sites
        scales = step_scales(bound, settings.seed, "fit_em")
        self._real = {site.name: scales[site.name] for site in bound.sites.parameters if site.is_real}
        self._unit = self._density.units(self._real)
        self.log_joint: Callable[[dict[str, np.ndarray]], Table] = bound.log_joint
        self._log_prior = lambda values: float(
            bound.log_priors({name: value[None] for name, value in values.items()})[0]
        )

    def total(self, rows: np.ndarray) -> float:
        """A sum over rows, each as often as it counts."""
        with np.errstate(invalid="ignore"):  # of a component that is collapsing: no number, which ends the restart
            return float(self._weights @ rows)

    def from_partition(self, start: dict[str, np.ndarray], partition: Partition) -> dict[str, np.ndarray]:
        """The M-step's answer to a partition, of which every component also has a share in all rows."""
        components = len(start["weights"]) if "weights" in start else int(partition.labels.max()) + 1
        shares = np.full((len(self._weights), components), 1 / components)
        shares[partition.rows] = 0.1 / components + 0.9 * (partition.labels[:, None] == np.arange(components))
        return self._m_step(start, shares * self._weights[:, None])

    def run(self, start: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[float], Outcome]:
        values = start
        losses: list[float] = []
        size = self._weights.sum()
        while True:
            table, objective = self._evaluated(values)
            gain = np.inf if not losses else objective + losses[-1]
            small = self._settings.tolerance * max(abs(objective), size)
            losses.append(-objective)
            if not np.isfinite(objective):
                return values, losses, Outcome.BROKEN
            if len(losses) > self._settings.max_steps:
                return values, losses, Outcome.OUT_OF_STEPS
            if self._settings.is_hard and gain <= small:
                return values, losses, Outcome.AT_REST
            left = self._settings.max_steps - len(losses)
            if gain <= SMALL_GAIN * size and left > 0 and not self._settings.is_hard:
                values, is_flat = self.leap(values, losses, left)
                table, ahead = self._evaluated(values)
                if gain <= small and ahead - objective <= small:
                    return values, losses, Outcome.AT_REST if is_flat else Outcome.OUT_OF_STEPS
            values = self._m_step(values, self._shares(table))

    def runs_off(self, values: dict[str, np.ndarray]) -> Status | None:
        """What is wrong with an end that is no maximum, see `inference.point.runaway`."""
        return runs_off(self._objective, self._sites, values, self._real)

    def _evaluated(self, values: dict[str, np.ndarray]) -> tuple[Table, float]:
        """log p(x_i, assignment_i = k), and the objective."""
        table = self.log_joint(values)
        rows = table.max(axis=1) if self._settings.is_hard else logsumexp(table, axis=1)
        return table, self.total(rows) + (self._log_prior(values) if self._is_posterior else 0.0)

    def _value_and_gradient(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective of one unconstrained vector; its gradient by Fisher's identity."""
        table, objective = self._evaluated(self._density.constrain(u) | self._settings.fixed)
        if not np.isfinite(objective):
            return -np.inf, np.zeros_like(u)
        return objective, self._expected(u, self._shares(table), self._settings.fixed)[1]

    def leap(self, values: dict[str, np.ndarray], losses: list[float], most: int) -> tuple[dict[str, np.ndarray], bool]:
        """Quasi-Newton steps on the objective until it rises no more, and whether it is flat there; each adds to the losses."""
        ahead, is_flat = polish(
            self._objective,
            values,
            self._real,
            max_steps=most,
            on_step=lambda objective: losses.append(min(losses[-1], -objective)),
        )
        return ahead | self._settings.fixed, is_flat

    def _shares(self, table: Table) -> Table:
        """Responsibilities, row weights multiplied in."""
        if self._settings.is_hard:
            shares = (table.argmax(axis=1)[:, None] == np.arange(table.shape[1])).astype(np.float64)
        else:
            shares = np.exp(table - logsumexp(table, axis=1, keepdims=True))
        return shares * self._weights[:, None]

    def _m_step(self, values: dict[str, np.ndarray], shares: Table) -> dict[str, np.ndarray]:
        begin = self._density.unconstrain(values)
        fixed = self._settings.fixed
        first, _ = self._expected(begin, shares, fixed)
        unit = self._unit

        def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = self._expected(begin + unit * v, shares, fixed)
            return -value, -slope * unit

        result = optimize.minimize(
            objective, np.zeros(len(begin)), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
        )
        if not np.isfinite(result.fun) or -result.fun < first:
            return values
        return self._density.constrain(begin + unit * result.x) | fixed
