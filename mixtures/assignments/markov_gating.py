"""A hidden Markov chain whose transitions depend on covariates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from mixtures.among import LinearPredictor
from mixtures.assignments.chain import TO, Chain, begins
from mixtures.assignments.gating import some_covariates
from mixtures.assignments.law import Values
from mixtures.assignments.logarithms import log_softmax
from mixtures.assignments.markov import concentration, staying
from mixtures.errors import ModelError, in_words
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import GivenPriors, Normal, Prior, freeze, override
from mixtures.rows import Rows
from mixtures.statistics import UNIT_OFFSET, UNIT_SLOPE

PRIORS = {
    # as those of `Gating`: the log odds of where a chain goes differ by a few units over a covariate's spread, not by dozens
    "transition_intercept": Normal(0.0, UNIT_OFFSET),
    "transition_slope": Normal(0.0, UNIT_SLOPE),
}


@dataclass(frozen=True)
class MarkovGating(Chain):
    """A hidden Markov chain whose transition probabilities depend on the covariates of the row that is gone to: log odds are linear in them
    (Hughes, Guttorp & Charles 1999).

    P(assignment_i = j | assignment_{i-1} = k) is proportional to exp(transition_intercept_kj + transition_slope_kj . covariates_i). As with
    `Gating`, all have coefficients, so that components are exchangeable; the priors identify the common part of each row, and information
    criteria do not count it.

    Sites: `transition_intercept` (components, components), `transition_slope` (components, components, covariates), from the row before
    to this one; `initial` (components,), the probabilities of a series' first row, where they have a prior.

    Args:
        initial: the Dirichlet concentration of the initial probabilities, a positive number or one for each component; or `"uniform"`:
            they are equal.
        priors: `{site: prior}` in place of the defaults.
        among: the covariates that transitions depend on, by their names or numbers; None: all.

    Raises:
        ModelError: an invalid concentration, or another word; no covariates, or one of them twice.
        ChoiceError: a prior of another site.

    Example:
        >>> sorted(MarkovGating().priors_by_site)
        ['initial', 'transition_intercept', 'transition_slope']
    """

    initial: float | tuple[float, ...] | Literal["uniform"] = 1.0
    priors: GivenPriors = ()
    among: Any = field(default=None, kw_only=True)

    needs_covariates: ClassVar[bool] = True
    redundant_sites: ClassVar[frozenset[str]] = frozenset(PRIORS)

    def __post_init__(self):
        object.__setattr__(self, "among", some_covariates(self.among))
        if not isinstance(self.initial, str):
            object.__setattr__(self, "initial", concentration("initial", self.initial))
        elif self.initial != "uniform":
            raise ModelError("initial", got=in_words(self.initial), expected="a number, numbers, or 'uniform'")
        object.__setattr__(self, "priors", freeze(self.priors))
        override(PRIORS, self.priors)

    @property
    def linear_predictors(self) -> tuple[LinearPredictor, ...]:  # type: ignore[override]  # of the chosen covariates
        return (LinearPredictor("transition_intercept", "transition_slope", self.among),)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        own = override({site: prior.of_covariates(self.among) for site, prior in PRIORS.items()}, self.priors)
        return own if isinstance(self.initial, str) else {**own, "initial": DirichletPrior(self.initial)}

    @property
    def structure(self) -> "MarkovGating":
        priors = {site: prior.structure for site, prior in override(PRIORS, self.priors).items()}
        return replace(self._with(priors), initial=self.initial if isinstance(self.initial, str) else 1.0)

    def _with(self, priors: Mapping[str, Prior]) -> "MarkovGating":
        # the initial probabilities' prior has a field of its own
        return replace(self, priors=tuple((site, prior) for site, prior in priors.items() if site in PRIORS))

    def check(self, components: int) -> None:
        if not isinstance(self.initial, str) and np.shape(self.initial) not in ((), (components,)):
            got = f"numbers of shape {np.shape(self.initial)}"
            raise ModelError("initial", got=got, expected=f"one number, or {components} of them")

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        assert rows.covariates is not None  # the mixture has checked
        own = {}
        if not isinstance(self.initial, str):
            own["initial"] = draw("initial", dims=("components",), event=(components,))
        count = rows.covariates.shape[1]
        shape, dims = (components, components, len(self.among.of(count))), ("components", TO, self.among.dim(count))
        return {
            **own,
            "transition_intercept": draw("transition_intercept", shape=shape[:2], dims=dims[:2]),
            "transition_slope": draw("transition_slope", shape=shape, dims=dims),
        }

    def run(self, ppl: PPL, values: Values, rows: Rows, size: int, observe: Callable[..., Array], data: Any) -> Array:
        if ppl.name == "notation":
            written = "softmax(transition_intercept + transition_slope . covariates[i])"
            initial = self.initial if isinstance(self.initial, str) else "initial"
            return ppl.chain("assignment", initial, written, begins(ppl.xp, rows, size), observe, data)
        probs = ppl.xp.exp(self.log_transition(ppl.xp, values, rows))
        first = begins(ppl.xp, rows, size)
        return ppl.chain("assignment", self.initial_probs(ppl.xp, values), probs, first, observe, data)

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        assert rows.covariates is not None
        own = {
            "transition_intercept": np.log(staying(components)),
            "transition_slope": np.zeros((components, components, len(self.among.of(rows.covariates.shape[1])))),
        }
        return own if isinstance(self.initial, str) else {**own, "initial": np.full(components, 1 / components)}

    def initial_probs(self, xp: Any, values: Values) -> Array:
        if isinstance(self.initial, str):
            one = xp.ones_like(values["transition_intercept"][0])
            return one / one.shape[0]
        return values["initial"]

    def log_transition(self, xp: Any, values: Values, rows: Rows) -> Array:
        assert rows.covariates is not None  # the mixture has checked
        # log odds_ikj = a_kj + b_kj . c_i
        moved = xp.sum(self.among.columns(rows.covariates)[:, None, None, :] * values["transition_slope"][None], axis=3)
        return log_softmax(xp, values["transition_intercept"] + moved)

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        own = {name: values[name][permutation][:, permutation] for name in PRIORS}
        return own | ({"initial": values["initial"][permutation]} if "initial" in values else {})
