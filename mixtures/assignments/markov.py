"""A hidden Markov chain: a row's component depends on that of the row before it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mixtures.assignments import chains
from mixtures.assignments.chain import TO, Chain, begins
from mixtures.assignments.law import Values
from mixtures.assignments.logarithms import log_of
from mixtures.errors import ModelError, in_words
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import Prior
from mixtures.rows import Rows

Concentration = float | tuple[float, ...] | tuple[tuple[float, ...], ...]

STAYS = 0.8
"""How probable it is where optimisation starts that a chain stays where it is: components that last are what a chain is fitted for."""


@dataclass(frozen=True)
class Markov(Chain):
    """The components of a series' rows are a Markov chain (hidden Markov model; Baum & Petrie 1966).

    Rows are in the order of time. `Observations(x, sequence=...)` says which series each belongs to, all rows of a series side by side;
    without it all rows are one series. A row with nothing observed is a step in time about which nothing is known.

    Sites: `transition` (components, components), whose row i has the probabilities of the component after i; `initial` (components,),
    those of a series' first row, where they have a prior.

    Args:
        transition: the Dirichlet concentration of each row of the transition matrix: a positive number, or a matrix (components, components);
            large numbers on its diagonal make persistent states. Below 1 the posterior density grows without bound as a probability falls to
            0, and has no maximum.
        initial: the Dirichlet concentration of the initial probabilities, a positive number or one for each component; `"uniform"`: they are
            equal; `"stationary"`: they are the stationary distribution of the transition matrix.

    Raises:
        ModelError: an invalid concentration, or another word.

    Example:
        >>> Markov().unit
        'sequence'
        >>> sorted(Markov(initial="stationary").priors_by_site)
        ['transition']
    """

    transition: Concentration = 1.0
    initial: Concentration | Literal["uniform", "stationary"] = 1.0

    def __post_init__(self):
        object.__setattr__(self, "transition", concentration("transition", self.transition))
        if not isinstance(self.initial, str):
            object.__setattr__(self, "initial", concentration("initial", self.initial))
        elif self.initial not in ("uniform", "stationary"):
            raise ModelError(
                "initial", got=in_words(self.initial), expected="a number, numbers, 'uniform' or 'stationary'"
            )

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        own = {"transition": DirichletPrior(self.transition)}
        return own if isinstance(self.initial, str) else {**own, "initial": DirichletPrior(self.initial)}

    @property
    def structure(self) -> "Markov":
        return replace(self, transition=1.0, initial=self.initial if isinstance(self.initial, str) else 1.0)

    def check(self, components: int) -> None:
        given = {"transition": self.transition}
        if not isinstance(self.initial, str):
            given["initial"] = self.initial
        for name, value in given.items():
            shapes = {"transition": ((), (components, components)), "initial": ((), (components,))}[name]
            if np.shape(value) not in shapes:
                expected = f"one number, or {' x '.join(map(str, shapes[1]))} of them"
                raise ModelError(name, got=f"numbers of shape {np.shape(value)}", expected=expected)

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        own = {}
        if not isinstance(self.initial, str):
            own["initial"] = draw("initial", dims=("components",), event=(components,))
        rows_of_matrix = {"shape": (components,), "event": (components,), "dims": ("components", TO)}
        return {**own, "transition": draw("transition", **rows_of_matrix)}

    def run(self, ppl: PPL, values: Values, rows: Rows, size: int, observe: Callable[..., Array], data: Any) -> Array:
        # written down, a function of parameters is its name
        written = {"uniform": "uniform", "stationary": "stationary(transition)"}.get(str(self.initial), "initial")
        initial = written if ppl.name == "notation" else self.initial_probs(ppl.xp, values)
        return ppl.chain("assignment", initial, values["transition"], begins(ppl.xp, rows, size), observe, data)

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        own = {"transition": staying(components)}
        return own if isinstance(self.initial, str) else {**own, "initial": np.full(components, 1 / components)}

    def favours_empty(self) -> bool:
        own = [self.transition] if isinstance(self.initial, str) else [self.transition, self.initial]
        return bool(min(np.min(value) for value in own) < 1)

    def shares(self, values: Values) -> np.ndarray:
        return chains.stationary(np, np.asarray(values["transition"]))

    def initial_probs(self, xp: Any, values: Values) -> Array:
        if self.initial == "stationary":
            return chains.stationary(xp, values["transition"])
        if self.initial == "uniform":
            one = xp.ones_like(values["transition"][0])
            return one / one.shape[0]
        return values["initial"]

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        own = {"transition": values["transition"][permutation][:, permutation]}
        return own | ({"initial": values["initial"][permutation]} if "initial" in values else {})

    def log_transition(self, xp: Any, values: Values, rows: Rows) -> Array:
        return log_of(xp, values["transition"])


def staying(components: int) -> np.ndarray:
    """The transition matrix of a chain that stays where it is with probability `STAYS`, and else goes anywhere."""
    moves = (1 - STAYS) / max(1, components - 1)
    return (
        np.full((components, components), moves) + (STAYS - moves) * np.eye(components)
        if components > 1
        else np.ones((1, 1))
    )


def concentration(name: str, value: Any) -> Any:
    """A Dirichlet's concentration, of the site `name`.

    Raises:
        ModelError: no positive numbers.
    """
    try:
        return DirichletPrior(value).parameters[0][1]
    except ModelError as error:
        raise ModelError(name, got=in_words(value), expected="positive numbers, the Dirichlet concentration") from error
