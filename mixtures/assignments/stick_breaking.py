"""Weights of infinitely many components, cut off after as many as the mixture has: Dirichlet and Pitman-Yor processes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from mixtures.assignments.clustering import CONCENTRATION, InfiniteClusters
from mixtures.assignments.common_weights import CommonWeights
from mixtures.assignments.law import Values
from mixtures.checks import frozen_numbers
from mixtures.errors import ModelError, in_words
from mixtures.ppl.notation import Symbol
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Prior, check_positive_prior
from mixtures.rows import Rows


@dataclass(frozen=True)
class StickBreaking(CommonWeights):
    """Weights broken off a stick one after the other: w_k = v_k (1 - v_1) ... (1 - v_(k-1)), v_k ~ Beta(1 - d, a + k d), k = 1, 2, ...

    With discount d = 0 a Dirichlet process mixture, else a Pitman-Yor process mixture, whose number of clusters grows with the rows as
    log(rows) and as rows^d. The mixture's last component gets what is left of the stick: see `truncation_bound` for what is lost by it
    (Ishwaran & James 2001, sections 2.1 and 3.2). `sample_telescope` draws partitions of the process itself, cut off alike.

    Sites: `sticks` (components - 1,), the shares broken off what is left, and `weight_concentration` where it is learned; `weights`
    (components,) follows from them. Components have an order under this law, so that they are not exchangeable: draws are summed up by
    partitions.

    Args:
        concentration: a, a positive number or the prior of `weight_concentration`.
        discount: d, 0 <= d < 1.

    Raises:
        ModelError: another concentration or discount.

    Example:
        >>> from mixtures import Mixture, families
        >>> print(Mixture(20, families.Poisson(), StickBreaking(1.0)))
        A mixture of 20 components
        <BLANKLINE>
            sticks        ~ Beta(1.0, 1.0)
            weights       = stick_breaking(sticks)
            rate[k]       ~ Gamma(2, 1/mean(x))
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ Poisson(rate[assignment[i]])
        <BLANKLINE>
            k = 1, ..., 20; i = 1, ..., n
    """

    expects_empty: ClassVar[bool] = True
    hyper_sites: ClassVar[frozenset[str]] = frozenset({CONCENTRATION})

    concentration: float | Prior = 1.0
    discount: float = 0.0

    def __post_init__(self):
        if isinstance(self.concentration, Prior):
            check_positive_prior("concentration", self.concentration)
        else:
            number = frozen_numbers("concentration", self.concentration)
            if not isinstance(number, float) or not number > 0:
                raise ModelError("concentration", got=in_words(self.concentration), expected="a number > 0, or a prior")
            object.__setattr__(self, "concentration", number)
        discount = frozen_numbers("discount", self.discount)
        if not isinstance(discount, float) or not 0 <= discount < 1:
            raise ModelError("discount", got=in_words(self.discount), expected="a number, 0 <= discount < 1")
        object.__setattr__(self, "discount", discount)

    @property
    def _prior(self) -> Prior | None:
        return self.concentration if isinstance(self.concentration, Prior) else None

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return {} if self._prior is None else {CONCENTRATION: self._prior}

    def check(self, components: int) -> None:
        if components < 2:
            raise ModelError("components", got=f"{components}", expected="2 or more: a stick is broken once at least")

    @property
    def sites(self) -> tuple[str, ...]:
        return (*self.priors_by_site, "sticks")

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        learned = {} if self._prior is None else {CONCENTRATION: draw(CONCENTRATION)}
        total = learned.get(CONCENTRATION, self.concentration)
        each = total * ppl.xp.ones((components - 1,))
        if self.discount:
            each = total + self.discount * ppl.xp.arange(1, components)
        law = ppl.dist.Beta(1 - self.discount, each)
        sticks = ppl.sample("sticks", law.to_event(1), dims=("sticks",))
        weights = ppl.deterministic("weights", broken(ppl.xp, sticks), dims=("components",))
        return {**learned, "sticks": sticks, "weights": weights}

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        learned = {} if self._prior is None else {CONCENTRATION: np.array(self._prior.centre)}
        return {**learned, "sticks": self.weighted(np.full(components, 1 / components), None)["sticks"]}

    def weights_of(self, xp: Any, values: Values) -> Array:
        return broken(xp, values["sticks"])

    def kinds(self, components: int) -> list[int]:
        return list(range(components))

    def truncation_bound(self, components: int, rows: int, concentration: float | None = None) -> float:
        """A bound on the probability that any of so many rows belongs to a component beyond those of the mixture.

        rows E[(1 - v_1) ... (1 - v_(K-1))] = rows prod_k (a + k d) / (1 + a + (k - 1) d), which for d = 0 falls with K as (a / (1 + a))^(K-1).

        Args:
            components: of the mixture, K.
            rows: how many.
            concentration: a; None: the declaration's number. Where it is learned, the bound is for the centre of its prior.

        Example:
            >>> StickBreaking(1.0).truncation_bound(components=21, rows=100)
            9.5367431640625e-05
        """
        given = self.concentration if concentration is None else concentration
        total = given.centre if isinstance(given, Prior) else given
        number = np.arange(1, components)
        left = (total + self.discount * number) / (1 + total + self.discount * (number - 1))
        return min(1.0, float(rows * np.exp(np.sum(np.log(left)))))

    @property
    def clusters(self) -> InfiniteClusters:
        known = None if isinstance(self.concentration, Prior) else self.concentration
        return InfiniteClusters(known, self.discount)

    def weighted(self, weights: Array, concentration: Array) -> Values:
        # v_k = w_k / (w_k + w_(k+1) + ...)
        left = np.cumsum(weights[..., ::-1], axis=-1)[..., ::-1][..., :-1]
        sticks = np.where(left > 0, weights[..., :-1] / np.where(left > 0, left, 1.0), 0.5)
        return ({} if self._prior is None else {CONCENTRATION: concentration}) | {"sticks": sticks}

    def scaled_to(self, x: np.ndarray, covariates: np.ndarray | None) -> "StickBreaking":
        return self if self._prior is None else replace(self, concentration=self._prior.scaled_to(x, covariates))

    @property
    def structure(self) -> "StickBreaking":
        return self if self._prior is None else replace(self, concentration=Prior(self._prior.name, ()))

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        moved = self.weighted(self.shares(values)[permutation], values.get(CONCENTRATION))
        return {**values, **moved}


def broken(xp: Any, sticks: Array) -> Array:
    """The weights of a stick broken at these shares of what is left, (..., components)."""
    if isinstance(sticks, Symbol):
        return Symbol(f"stick_breaking({sticks})")
    one = xp.ones_like(sticks[..., :1])
    left = xp.cumprod(1 - sticks, axis=-1)
    return xp.concatenate([sticks, one], axis=-1) * xp.concatenate([one, left], axis=-1)
