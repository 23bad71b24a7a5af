"""Families whose columns make up one whole: counts of categories, or shares that add up to 1."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mixtures.checks import check_count
from mixtures.errors import DataError
from mixtures.families.columns import Columns, jitter
from mixtures.families.family import Draw
from mixtures.families.parts import Parts
from mixtures.families.support import COUNTS, UNIT_INTERVAL, Support
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import LogNormal, Prior

# Half an observation of each category: keeps the mode of the posterior inside (Galindo-Garre & Vermunt 2006, Behaviormetrika 33).
PROBS = DirichletPrior(1.5)
# As of a Beta: from 1/7 to 50 with probability 0.95, away from 0 and infinity, where densities become spikes.
CONCENTRATION = LogNormal(1.0, 1.5)


class WholeRows(Columns):
    """What such families share: one site with an axis of columns, and rows that are observed as a whole or not at all."""

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {site: draw(site, shape=(features or 1,), dims=("features",)) for site in self.priors_by_site}

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        # a missing row of counts is filled with zeros, whose density is 1 (and is missing as a whole: see `check`)
        return self.cell(ppl, parameters)

    def check(self, x: Observations) -> None:
        if x.features is None:
            raise DataError(
                "x", got="one variable, shape (rows,)", expected="one column for each category, (rows, features)"
            )
        super().check(x)
        seen = ~np.isnan(x.x)
        advice = "Drop these rows, or blank them as a whole."
        x.refuse(seen.any(axis=1) & ~seen.all(axis=1), "rows that are observed as a whole or not at all", advice)
        self._check_sums(x, seen.all(axis=1), x.x.sum(axis=1))

    def _check_sums(self, x: Observations, is_seen: np.ndarray, sums: np.ndarray) -> None:
        """Check what rows add up to."""


@dataclass(frozen=True)
class _Counts(WholeRows):
    """Counts of categories, of a known total.

    Args:
        total_count: the sum of every row; None: each row has its own.
    """

    total_count: int | None = None

    support: ClassVar[Support] = replace(COUNTS, example=0.0)

    def __post_init__(self):
        super().__post_init__()
        if self.total_count is not None:
            check_count("total_count", self.total_count)

    def parts(self) -> Parts:
        own = frozenset({"trials"}) if self.total_count is None else frozenset()
        return replace(super().parts(), takes=own, totals=self.total_count is None)

    def _total(self, ppl: PPL, parameters: Mapping[str, Array]) -> Array:
        """Of a row; where it is not said the counts have their density, and cannot be drawn."""
        if self.total_count is not None:
            return self.total_count
        return parameters["trials"][..., 0] if "trials" in parameters else ppl.array(np.nan)

    def _check_sums(self, x: Observations, is_seen: np.ndarray, sums: np.ndarray) -> None:
        advice = "Choose total_count, or None for totals of their own, or drop these rows."
        if self.total_count is not None:
            x.refuse(is_seen & (sums != self.total_count), f"rows that add up to {self.total_count}", advice)
        elif x.trials is not None:
            x.refuse(is_seen & (sums != x.trials[:, 0]), "rows that add up to their trials", "Mend these rows.")


@dataclass(frozen=True)
class Multinomial(_Counts):
    """Rows of counts, one column a category, that add up to a total; site `probs` (components, features).

    Args:
        total_count: the sum of every row; None: each row has its own, which is its sum (or `Observations(x, trials=...)`, where it must be).
        priors: `{site: prior}` in place of the defaults; a Dirichlet of one number has that number for each category.

    Raises:
        ModelError: `total_count` is neither None nor an int >= 1.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {"probs": PROBS}

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {"probs": draw("probs", dims=("features",), event=(features or 1,))}

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Multinomial(total_count=self._total(ppl, parameters), probs=parameters["probs"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"probs": near_shares(_shares(x), rows)}


@dataclass(frozen=True)
class DirichletMultinomial(_Counts):
    """Rows of counts that vary more than a multinomial's: their probabilities differ from row to row, by a Dirichlet (Mosimann 1962).

    The site `concentration` (components, features) is that of the Dirichlet: probabilities are concentration / sum(concentration) on average,
    and the larger the sum, the more alike they are.

    Args:
        total_count: as of `Multinomial`.
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ModelError: `total_count` is neither None nor an int >= 1.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {"concentration": CONCENTRATION}

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        total = self._total(ppl, parameters)
        return ppl.dist.DirichletMultinomial(concentration=parameters["concentration"], total_count=total)

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"concentration": 10.0 * near_shares(_shares(x), rows)}


@dataclass(frozen=True)
class Dirichlet(WholeRows):
    """Compositions: rows of shares, each between 0 and 1, that add up to 1; site `concentration` (components, features).

    Shares are concentration / sum(concentration) on average, and the larger the sum, the less they vary.

    Example:
        >>> from mixtures import Mixture
        >>> sorted(Mixture(2, Dirichlet()).priors)
        ['concentration', 'weights']
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {"concentration": CONCENTRATION}
    support: ClassVar[Support] = replace(
        UNIT_INTERVAL,
        advice="Divide counts or percentages by their row's sum, and put a small share in the place of exact 0.",
    )

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Composition(concentration=parameters["concentration"])

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        whole = super().emission(ppl, parameters, features)
        return whole.mask(ppl.xp.all(parameters["observed"], axis=-1)) if "observed" in parameters else whole

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        mean, variance = x.mean(axis=0), np.maximum(x.var(axis=0), 1e-9)
        # Var = mean (1 - mean) / (total + 1), each component having a share 1/K of the variance
        total = np.clip(np.mean(components * mean * (1 - mean) / variance - 1), 2.0, 1e3)
        return {"concentration": total * near_shares(x, rows)}

    def _check_sums(self, x: Observations, is_seen: np.ndarray, sums: np.ndarray) -> None:
        x.refuse(is_seen & (np.abs(sums - 1) > 1e-6), "rows that add up to 1", "Divide each row by its sum.")


def _shares(counts: np.ndarray) -> np.ndarray:
    """Each row's; alike where there is none."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.where(totals > 0, totals, 1.0), 1 / counts.shape[1])


def near_shares(shares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Probabilities half way between the drawn rows' shares and everyone's, with some noise, positive and adding up to 1."""
    smooth = 0.9 * shares.mean(axis=0) + 0.1 / shares.shape[-1]
    noisy = (0.3 * shares[rows] + 0.7 * smooth) * np.exp(0.3 * jitter(rows, shares[rows].shape))
    return noisy / noisy.sum(axis=-1, keepdims=True)
