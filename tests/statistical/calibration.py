"""Simulation-based calibration: over parameters drawn from their priors and data drawn given these, the truth's rank among draws is uniform.

Truths, data and log likelihoods come from NumPy and SciPy alone (Talts et al. 2018). Whether ranks are uniform is asked of their whole
distribution function, by simultaneous bands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np
from scipy import stats
from scipy.special import logsumexp

import inference
from mixtures import Mixture, Observations

THINNED = 31
"""Draws among which a truth is ranked."""

ROWS = 12
GROUP = np.arange(ROWS) // 3
COVARIATES = np.random.default_rng(5).normal(size=(ROWS, 1))

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Component:
    """A family, and what SciPy knows of it.

    Args:
        family: the family with its priors.
        truth: sites of two components, drawn from these priors.
        row: (sites, covariates) -> the distribution of a row's cells.
    """

    family: Any
    truth: Callable[[np.random.Generator], Values]
    row: Callable[[Values, np.ndarray], Any]

    def draw(self, truth: Values, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows, each of the component that `z` says."""
        own = {site: value[z] if np.ndim(value) else value for site, value in truth.items()}
        return np.asarray(self.row(own, COVARIATES).rvs(random_state=rng), dtype=float)

    def table(self, x: np.ndarray, draws: Values) -> np.ndarray:
        """log p(x_i | component k) under each draw, (draws, rows, components)."""
        own = {site: np.expand_dims(value, 1 if value.ndim > 1 else (1, 2)) for site, value in draws.items()}
        row = self.row(own, COVARIATES[:, None])
        cells = row.logpmf(x[:, None]) if hasattr(row, "logpmf") else row.logpdf(x[:, None])
        return cells.reshape(*cells.shape[:3], -1).sum(axis=3)


class Law(Protocol):
    """A law of the assignment, `law`, with its priors, and what NumPy knows of it."""

    law: Any
    truth: Callable[[np.random.Generator], Values]

    def assign(self, truth: Values, rng: np.random.Generator) -> np.ndarray:
        """The rows' components."""

    def log_likelihood(self, table: np.ndarray, draws: Values) -> np.ndarray:
        """log p(x | draw), (draws,)."""


@dataclass(frozen=True)
class Units:
    """Units, rows or groups of rows, each of which has a component for itself; `log_weights` are (draws, units, components)."""

    law: Any
    truth: Callable[[np.random.Generator], Values]
    log_weights: Callable[[Values], np.ndarray]
    unit: np.ndarray

    def assign(self, truth: Values, rng: np.random.Generator) -> np.ndarray:
        logs = np.broadcast_to(self.log_weights(_one(truth))[0], (self.unit.max() + 1, 2))
        return np.array([rng.choice(2, p=weights) for weights in np.exp(logs)])[self.unit]

    def log_likelihood(self, table: np.ndarray, draws: Values) -> np.ndarray:
        own = np.stack([table[:, self.unit == unit].sum(axis=1) for unit in range(self.unit.max() + 1)], axis=1)
        return logsumexp(own + self.log_weights(draws), axis=2).sum(axis=1)


@dataclass(frozen=True)
class Classes:
    """Groups of two classes, and what a class says is in which shares its groups' rows are of the components."""

    law: Any
    truth: Callable[[np.random.Generator], Values]

    def assign(self, truth: Values, rng: np.random.Generator) -> np.ndarray:
        of_rows = rng.choice(2, p=truth["class_probs"], size=GROUP.max() + 1)[GROUP]
        return np.array([rng.choice(2, p=weights) for weights in truth["class_weights"][of_rows]])

    def log_likelihood(self, table: np.ndarray, draws: Values) -> np.ndarray:
        # given its class c, log p of a row is logsumexp_k log pi_ck + log p(x_i | k): (draws, rows, classes)
        rows = logsumexp(np.log(draws["class_weights"])[:, None] + table[:, :, None], axis=3)
        groups = np.stack([rows[:, group == GROUP].sum(axis=1) for group in range(GROUP.max() + 1)], axis=1)
        return logsumexp(np.log(draws["class_probs"])[:, None] + groups, axis=2).sum(axis=1)


@dataclass(frozen=True)
class Path:
    """One series; `moves` are the probabilities of the moves to each row, (draws, rows, from, to)."""

    law: Any
    truth: Callable[[np.random.Generator], Values]
    moves: Callable[[Values], np.ndarray]

    def assign(self, truth: Values, rng: np.random.Generator) -> np.ndarray:
        z = [rng.choice(2, p=truth["initial"])]
        for move in self.moves(_one(truth))[0][1:]:
            z.append(rng.choice(2, p=move[z[-1]]))
        return np.array(z)

    def log_likelihood(self, table: np.ndarray, draws: Values) -> np.ndarray:
        # the forward algorithm (Rabiner 1989, equations 19 to 21)
        ahead = np.log(draws["initial"]) + table[:, 0]
        logs = np.log(self.moves(draws))
        for i in range(1, ROWS):
            ahead = logsumexp(ahead[:, :, None] + logs[:, i], axis=1) + table[:, i]
        return logsumexp(ahead, axis=1)


def _one(truth: Values) -> Values:
    """The truth as the only draw."""
    return {site: np.asarray(value)[None] for site, value in truth.items()}


@dataclass(frozen=True)
class Pair:
    """A family under a law, and which of `SAMPLERS` is asked."""

    component: Component
    law: Law
    sampler: str

    def ranks(self, seed: int, believed: Mixture | None = None, **options: Any) -> np.ndarray:
        """The ranks of one replication's truth, (quantities,).

        Args:
            seed: of the truth and of the sampler.
            believed: the declaration that is sampled; None: that of the truth.
            options: of the sampler, beside those of every replication.
        """
        rng = np.random.default_rng(seed)
        own, of_law = self.component.truth(rng), self.law.truth(rng)
        truth, x = {**own, **of_law}, self.component.draw(own, self.law.assign(of_law, rng), rng)
        data = Observations(x, covariates=COVARIATES, group=GROUP)
        tree = SAMPLERS[self.sampler](believed or self.model, data, seed=seed, progress=False, **options)
        chain = tree["posterior"].to_dataset().isel(chain=0)
        every = chain.sizes["draw"] // THINNED
        draws = {site: chain[site].values[::every][:THINNED] for site in truth}
        return ranks(self.invariant(x, _one(truth)), self.invariant(x, draws), rng)

    @property
    def model(self) -> Mixture:
        return Mixture(2, self.component.family, self.law.law)

    def invariant(self, x: np.ndarray, draws: Values) -> np.ndarray:
        """What does not change with the names of components, (quantities, draws): the log likelihood, and two symmetric functions a site."""
        found = [self.law.log_likelihood(self.component.table(x, draws), draws)]
        for value in draws.values():
            cells = value.reshape(len(value), -1)
            found += [cells.max(axis=1)] if cells.shape[1] == 1 else [cells.max(axis=1), (cells**2).sum(axis=1)]
        return np.stack(found)


_NUTS = partial(inference.sample_nuts, draws=5 * THINNED, tune=200, chains=1, log_likelihood=False)

SAMPLERS: dict[str, Callable[..., Any]] = {
    "sample_nuts, nutpie": partial(_NUTS, sampler="nutpie"),
    "sample_nuts, numpyro": partial(_NUTS, sampler="numpyro"),
    # a hundredth of a second a step: fewer of them
    "sample_nuts, pyro": partial(_NUTS, backend="pyro", draws=2 * THINNED, tune=60),
    "sample_smc": partial(inference.sample_smc, particles=10 * THINNED, runs=1),
}
"""In every replication; some of the draws, evenly spaced, are kept."""


def ranks(truth: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many draws (quantities, draws) are below the truth (quantities, 1), each place among equal ones as good as another."""
    return (draws < truth).sum(axis=1) + rng.integers(1 + (draws == truth).sum(axis=1))


def p_value(found: np.ndarray, most: int = THINNED) -> float:
    """The probability that uniform ranks 0, ..., most have a distribution function as far from its expectation anywhere as these have.

    How far is the probability of the binomial tail there: all places together make the simultaneous bands of Sailynoja, Burkner & Vehtari
    (2022), section 2.2; their coverage is exact, by recursion over the places.
    """
    counts, places = np.arange(len(found) + 1), np.arange(1, most + 1)
    below = (found[:, None] < places).sum(axis=0)
    expected = stats.binom(len(found), places[:, None] / (most + 1))
    tails = np.minimum(expected.cdf(counts), expected.sf(counts - 1))
    # tails that are equal are so up to rounding
    is_within = tails > 1.000001 * tails[np.arange(most), below].min()
    held = np.where(counts == 0, 1.0, 0.0)
    for moves, within in zip(_moves(len(found), most), is_within, strict=True):
        held = (held @ moves) * within
    return max(0.0, float(1 - held.sum()))


@lru_cache(1)
def _moves(replications: int, most: int) -> np.ndarray:
    """How probable a count of ranks below a place is, given that below the place before, (places, from, to)."""
    counts = np.arange(replications + 1)
    share = 1 / (most + 1 - np.arange(most))[:, None, None]
    return stats.binom.pmf(counts - counts[:, None], replications - counts[:, None], share)
