"""A hidden Markov chain: a row's component depends on that of the row before it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from mixtures.assignments import chains
from mixtures.assignments.law import Assignment, Values
from mixtures.errors import ModelError, in_words
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import Prior
from mixtures.rows import Rows

Concentration = float | tuple[float, ...] | tuple[tuple[float, ...], ...]

TO = "to"
"""The axis of a transition matrix over what follows: components too, which are numbered anew with them."""

STAYS = 0.8
"""How probable it is where optimisation starts that a chain stays where it is: components that last are what a chain is fitted for."""


@dataclass(frozen=True)
class Markov(Assignment):
    """The components of a series' rows are a Markov chain (hidden Markov model; Baum & Petrie 1966).

    Rows are in the order of time. `Observations(x, sequence=...)` says which series each belongs to, all rows of one side by side; without,
    all rows are one series. A row with nothing observed is a step in time about which nothing is known.

    Sites: `transition` (components, components), whose row i has the probabilities of what follows i; `initial` (components,), those of a
    series' first row, where they are free.

    Args:
        transition: the Dirichlet concentration of each row of the transition matrix: a positive number, or a matrix (components, components);
            large numbers on its diagonal make chains that stay.
        initial: the Dirichlet concentration of the initial probabilities, a positive number or one for each component; `"uniform"`: they are
            equal; `"stationary"`: they are those that the transition matrix leaves as they are.

    Raises:
        ModelError: a concentration that is none, or another word.

    Example:
        >>> Markov().unit
        'sequence'
        >>> sorted(Markov(initial="stationary").priors_by_site)
        ['transition']
    """

    transition: Concentration = 1.0
    initial: Concentration | Literal["uniform", "stationary"] = 1.0

    unit: ClassVar = "sequence"
    title: ClassVar = "A hidden Markov chain"

    def __post_init__(self):
        object.__setattr__(self, "transition", DirichletPrior(self.transition).parameters[0][1])
        if not isinstance(self.initial, str):
            object.__setattr__(self, "initial", DirichletPrior(self.initial).parameters[0][1])
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
        # written down, the initial probabilities are a word
        initial = self.initial_probs(ppl.xp, values) if ppl.name != "notation" else values.get("initial", self.initial)
        return ppl.chain("assignment", initial, values["transition"], _begins(ppl.xp, rows, size), observe, data)

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        moves = (1 - STAYS) / max(1, components - 1)
        transition = np.full((components, components), moves) + (STAYS - moves) * np.eye(components)
        own = {"transition": transition if components > 1 else np.ones((1, 1))}
        return own if isinstance(self.initial, str) else {**own, "initial": np.full(components, 1 / components)}

    def shares(self, values: Values) -> np.ndarray:
        return chains.stationary(np, np.asarray(values["transition"]))

    def initial_probs(self, xp: Any, values: Values) -> Array:
        """The probabilities of a series' first row, (components,)."""
        if self.initial == "stationary":
            return chains.stationary(xp, values["transition"])
        if self.initial == "uniform":
            one = xp.ones_like(values["transition"][0])
            return one / one.shape[0]
        return values["initial"]

    def log_marginal(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return chains.total(xp, chains.sum_tree(xp, self._steps(xp, values, table, rows)))[None]

    def joint(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        tree = chains.sum_tree(xp, self._steps(xp, values, table, rows))
        before, until = chains.forward(xp, tree, table.shape[0])
        both = until + chains.backward(xp, tree, table.shape[0])
        ahead = chains.logsumexp(xp, until, 1) - chains.logsumexp(xp, before, 1)
        return both + (ahead - chains.logsumexp(xp, both, 1))[:, None]

    def marginals(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        joint = self.joint(xp, values, table, rows)
        return xp.exp(joint - chains.logsumexp(xp, joint, 1)[:, None])

    def mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        tree = chains.max_tree(xp, self._steps(xp, values, table, rows))
        return chains.path(xp, tree, table.shape[0], lambda scores: xp.argmax(scores, axis=1))

    def sample(self, values: Values, table: np.ndarray, rows: Rows, rng: np.random.Generator) -> np.ndarray:
        tree = chains.sum_tree(np, self._steps(np, values, table, rows))
        # argmax of log p + Gumbel noise is a draw from p (Gumbel 1954)
        return chains.path(
            np, tree, table.shape[0], lambda scores: np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
        )

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        own = {"transition": values["transition"][permutation][:, permutation]}
        return own | ({"initial": values["initial"][permutation]} if "initial" in values else {})

    def _steps(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        initial, transition = self.initial_probs(xp, values), values["transition"]
        begins = _begins(xp, rows, table.shape[0])
        return chains.steps(xp, chains.log_of(xp, initial), chains.log_of(xp, transition), table, begins)


def _begins(xp: Any, rows: Rows, size: int) -> Array:
    """Which rows begin a series, (rows,)."""
    is_first = xp.arange(size) == 0
    if rows.sequence is None:
        return is_first
    return is_first | xp.concat([is_first[:1], rows.sequence[1:] != rows.sequence[:-1]])
