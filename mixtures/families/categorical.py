"""Categories: one in each cell (categorical), or how many of each in a row (multinomial)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mixtures.checks import check_count
from mixtures.errors import DataError
from mixtures.families.columns import Columns, jitter
from mixtures.families.family import Draw
from mixtures.families.support import COUNTS, Support, whole_up_to
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Dirichlet, Prior

# Half an observation of each category: keeps the mode of the posterior inside (Galindo-Garre & Vermunt 2006, Behaviormetrika 33).
PROBS = Dirichlet(1.5)


@dataclass(frozen=True)
class Categorical(Columns):
    """One of `categories` categories, numbered from 0; with several columns a latent class model.

    The site `probs` has shape (components[, features], categories).

    Args:
        categories: the number of categories, the same in every column (else use `Product`, or `latent_class`).
        priors: `{site: prior}` in place of the defaults; a Dirichlet of one number has that number for each category.

    Raises:
        ModelError: `categories` is not an int >= 2.
    """

    categories: int

    has_tails: ClassVar[bool] = True
    default_priors: ClassVar[Mapping[str, Prior]] = {"probs": PROBS}

    def __post_init__(self):
        super().__post_init__()
        check_count("categories", self.categories, least=2)

    @property
    def support(self) -> Support:  # type: ignore[override]  # depends on categories
        return whole_up_to(self.categories - 1)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        shape, dims = ((), ()) if features is None else ((features,), ("features",))
        return {"probs": draw("probs", shape=shape, dims=(*dims, "categories"), event=(self.categories,))}

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Categorical(probs=parameters["probs"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        one_hot = np.eye(self.categories)[x.astype(int)]
        return {"probs": near_shares(one_hot, rows)}


@dataclass(frozen=True)
class Multinomial(Columns):
    """Rows of counts, one column a category, that add up to `total_count`; site `probs` (components, features).

    Args:
        total_count: the sum of every row.
        priors: `{site: prior}` in place of the defaults; a Dirichlet of one number has that number for each category.

    Raises:
        ModelError: `total_count` is not an int >= 1.
    """

    total_count: int

    default_priors: ClassVar[Mapping[str, Prior]] = {"probs": PROBS}
    support: ClassVar[Support] = replace(COUNTS, example=0.0)

    def __post_init__(self):
        super().__post_init__()
        check_count("total_count", self.total_count)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {"probs": draw("probs", dims=("features",), event=(features or 1,))}

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Multinomial(total_count=self.total_count, probs=parameters["probs"])

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        # a missing row is filled with zeros, whose density is 1 (and is missing as a whole: see `check`)
        return self.cell(ppl, parameters)

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"probs": near_shares(x / self.total_count, rows)}

    def check(self, x: Observations) -> None:
        if x.features is None:
            raise DataError(
                "x", got="one variable, shape (rows,)", expected="one column for each category, (rows, features)"
            )
        super().check(x)
        seen = ~np.isnan(x.x)
        advice = "Drop these rows, or blank them as a whole."
        x.refuse(seen.any(axis=1) & ~seen.all(axis=1), "rows that are observed as a whole or not at all", advice)
        x.refuse(
            seen.all(axis=1) & (x.x.sum(axis=1) != self.total_count),
            f"rows that add up to {self.total_count}",
            "Choose total_count, or drop these rows.",
        )


def near_shares(shares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Probabilities half way between the drawn rows' shares and everyone's, with some noise, positive and adding up to 1."""
    smooth = 0.9 * shares.mean(axis=0) + 0.1 / shares.shape[-1]
    noisy = (0.3 * shares[rows] + 0.7 * smooth) * np.exp(0.3 * jitter(rows, shares[rows].shape))
    return noisy / noisy.sum(axis=-1, keepdims=True)
