"""Ordered categories: answers on a scale, grades, stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mixtures.families.categorical import InCategories
from mixtures.families.whole_rows import near_shares
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import InducedDirichlet, Prior

# Probabilities of the categories as for unordered ones, by half an observation of each (Galindo-Garre & Vermunt 2006, Behaviormetrika 33).
CUTPOINTS = InducedDirichlet(1.5)


@dataclass(frozen=True)
class Ordinal(InCategories):
    """One of `categories` ordered categories, numbered from 0: P(x <= c) = 1 / (1 + exp(-cutpoints[c])) within a component.

    The site `cutpoints`, in their order, has shape (components[, features], categories - 1). Any probabilities of the categories have
    cutpoints, so that this is `Categorical` in other coordinates; where rows have covariates, these shift all cutpoints together in
    `Regression("ordinal", categories)`.

    Args:
        categories: the number of categories, the same in every column (else use `Product`).
        priors: `{site: prior}` in place of the defaults; `InducedDirichlet` of one number has that number for each category.

    Raises:
        ModelError: `categories` is not an int >= 2.

    Example:
        >>> from mixtures import Mixture
        >>> print(Mixture(2, Ordinal(4)))
        A mixture of 2 components
        <BLANKLINE>
            weights       ~ Dirichlet(1)
            cutpoints[k]  ~ InducedDirichlet(1.5)
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ OrderedLogistic(0.0, cutpoints[assignment[i]])
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
    """

    site, axis = "cutpoints", "cuts"
    default_priors: ClassVar[Mapping[str, Prior]] = {"cutpoints": CUTPOINTS}

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.OrderedLogistic(ppl.array(0.0), parameters["cutpoints"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"cutpoints": cutpoints_of(near_shares(np.eye(self.categories)[x.astype(int)], rows))}


def cutpoints_of(probs: np.ndarray) -> np.ndarray:
    """The cutpoints by which categories have these probabilities, (..., categories) -> (..., categories - 1).

    Example:
        >>> cutpoints_of(np.array([0.5, 0.25, 0.25])).round(3).tolist()
        [0.0, 1.099]
    """
    below, above = np.cumsum(probs, axis=-1), np.cumsum(probs[..., ::-1], axis=-1)[..., ::-1]
    return np.log(below[..., :-1]) - np.log(above[..., 1:])
