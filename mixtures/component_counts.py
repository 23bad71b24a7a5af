"""Priors on the number of components: distributions of K = 1, 2, ..., as those of `mixtures.priors` are of parameters.

Example:
    >>> from mixtures import component_counts
    >>> print(component_counts.BetaNegativeBinomial(1, 4, 3))
    K - 1 ~ BetaNegativeBinomial(1, 4, 3)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mixtures.checks import check_choice, frozen_numbers
from mixtures.errors import ModelError, in_words


@dataclass(frozen=True)
class ComponentCount:
    """A distribution of the number of components; use the functions of this module to make one.

    Args:
        name: of the distribution.
        parameters: its numbers.
    """

    name: str
    parameters: tuple[float, ...] = ()

    def log_probs(self, most: int) -> Float[np.ndarray, " most"]:
        """log P(K), K = 1, ..., most, given that there are no more than so many."""
        above = np.arange(most)  # K - 1
        found = _LOG_PROBS[self.name](above, *self.parameters)
        return found - np.logaddexp.reduce(found)

    def left_out(self, most: int) -> float:
        """P(K > most): how much of the prior has no room in a mixture of so many components.

        Example:
            >>> Geometric(0.5).left_out(10)
            0.0009765625
        """
        if self.name == "Uniform":
            return 0.0
        return max(0.0, 1.0 - float(np.exp(_LOG_PROBS[self.name](np.arange(most), *self.parameters)).sum()))

    def __str__(self) -> str:
        if self.name == "Uniform":
            return "K ~ Uniform"
        return f"K - 1 ~ {self.name}({', '.join(f'{number:g}' for number in self.parameters)})"


def _beta_negative_binomial(above: np.ndarray, r: float, a: float, b: float) -> np.ndarray:
    from scipy.special import betaln, gammaln  # here, since importing the package loads no SciPy

    # P(K - 1 = m) = Gamma(r + m) / (m! Gamma(r)) B(r + a, m + b) / B(a, b)
    return gammaln(r + above) - gammaln(above + 1) - gammaln(r) + betaln(r + a, above + b) - betaln(a, b)


def _poisson(above: np.ndarray, rate: float) -> np.ndarray:
    from scipy.special import gammaln

    return above * np.log(rate) - rate - gammaln(above + 1)


_LOG_PROBS: dict[str, Callable[..., np.ndarray]] = {
    "Uniform": lambda above: np.zeros(len(above)),
    "Geometric": lambda above, p: np.log(p) + above * np.log1p(-p),
    "Poisson": _poisson,
    "BetaNegativeBinomial": _beta_negative_binomial,
}


def Uniform() -> ComponentCount:  # noqa: N802 (a distribution's name, as in `priors`)
    """K uniform on 1, ..., the components of the mixture (Richardson & Green 1997, with 30)."""
    return ComponentCount("Uniform")


def Geometric(prob: float) -> ComponentCount:  # noqa: N802
    """K - 1 geometric: P(K) = prob (1 - prob)^(K - 1); 0 < prob < 1."""
    return ComponentCount("Geometric", (_number("prob", prob, below=1.0),))


def Poisson(rate: float) -> ComponentCount:  # noqa: N802
    """K - 1 ~ Poisson(rate); rate 1 is a common choice (Nobile 2004)."""
    return ComponentCount("Poisson", (_number("rate", rate),))


def BetaNegativeBinomial(r: float, a: float, b: float) -> ComponentCount:  # noqa: N802
    """K - 1 negative binomial of size r with a probability ~ Beta(a, b), all > 0: under (1, 4, 3) K has mean 2 and a heavy tail
    (Fruhwirth-Schnatter, Malsiner-Walli & Grun 2021, section 2.2)."""
    return ComponentCount("BetaNegativeBinomial", (_number("r", r), _number("a", a), _number("b", b)))


def named(name: str, *parameters: float) -> ComponentCount:
    """The distribution of a name, as `ComponentCount` keeps it.

    Raises:
        ChoiceError, ModelError: there is none of that name, or not with such numbers.
    """
    known: dict[str, Callable[..., ComponentCount]] = {
        make.__name__: make for make in (Uniform, Geometric, Poisson, BetaNegativeBinomial)
    }
    return known[check_choice("prior_on_components", name, tuple(known))](*parameters)


def _number(name: str, value: float, below: float = np.inf) -> float:
    number = frozen_numbers(name, value)
    if not isinstance(number, float) or not 0 < number < below:
        expected = "a number > 0" if below == np.inf else f"a number between 0 and {below:g}"
        raise ModelError(name, got=in_words(value), expected=expected)
    return number
