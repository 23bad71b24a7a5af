"""Categories: one in each cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixtures.checks import check_count
from mixtures.families.columns import Columns
from mixtures.families.family import Draw
from mixtures.families.support import Support, whole_up_to
from mixtures.families.whole_rows import PROBS, near_shares
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Prior


@dataclass(frozen=True)
class InCategories(Columns):
    """Cells that are one of some categories, numbered from 0; a class says which numbers of the categories are its parameters."""

    categories: int

    has_tails: ClassVar[bool] = True
    site: ClassVar[str]
    """Of the parameters."""
    axis: ClassVar[str]
    """Along which a cell's parameters lie."""

    def __post_init__(self):
        super().__post_init__()
        check_count("categories", self.categories, least=2)

    @property
    def support(self) -> Support:  # type: ignore[override]  # depends on categories
        return whole_up_to(self.categories - 1)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        shape, dims = ((), ()) if features is None else ((features,), ("features",))
        # the prior has a number for each category
        return {self.site: draw(self.site, shape=shape, dims=(*dims, self.axis), event=(self.categories,))}


@dataclass(frozen=True)
class Categorical(InCategories):
    """One of `categories` categories, numbered from 0; with several columns a latent class model.

    The site `probs` has shape (components[, features], categories).

    Args:
        categories: the number of categories, the same in every column (else use `Product`, or `latent_class`).
        priors: `{site: prior}` in place of the defaults; a Dirichlet of one number has that number for each category.

    Raises:
        ModelError: `categories` is not an int >= 2.
    """

    site, axis = "probs", "categories"
    default_priors: ClassVar[Mapping[str, Prior]] = {"probs": PROBS}

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Categorical(probs=parameters["probs"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        one_hot = np.eye(self.categories)[x.astype(int)]
        return {"probs": near_shares(one_hot, rows)}
