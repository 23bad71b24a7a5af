"""Mixture: THE program.

A frozen dataclass whose call is the program, so that a declaration can be compared, hashed (compiled programs are cached by it), printed
and saved. The numbers of the priors may come in as data (`hyper`): other numbers, or data of another scale, need no new compilation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixtures.errors import ModelError
from mixtures.families.family import Family
from mixtures.observations import Observations
from mixtures.ppl.notation import Extent, Notation, Symbol
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Prior, Statistic, format_number
from mixtures.program import Program
from mixtures.weights import Dirichlet

Hyper = Mapping[str, Mapping[str, Array]]
"""The numbers of the priors: site -> argument -> array."""


@dataclass(frozen=True)
class Mixture(Program):
    """A finite mixture: every row comes from one of K components, which one is not observed.

    weights ~ Dirichlet; each component's parameters ~ their priors; assignment_i ~ Categorical(weights);
    obs_i ~ family(parameters of component assignment_i).

    Args:
        components: the number K of components.
        family: what a component looks like.
        weights: how the mixing weights are drawn.

    Raises:
        ModelError: `components` is not an int >= 1.

    Example:
        >>> from mixtures import families
        >>> model = Mixture(2, families.Gaussian())
        >>> model.numpyro  # doctest: +ELLIPSIS
        NativeModel(program=Mixture(components=2, ...), backend='numpyro')
    """

    components: int
    family: Family
    weights: Dirichlet = field(default_factory=Dirichlet)

    def __post_init__(self):
        is_count = isinstance(self.components, int | np.integer) and not isinstance(self.components, bool)
        if not is_count or self.components < 1:
            raise ModelError(
                "components",
                got=f"{self.components!r} ({type(self.components).__name__})",
                expected="an int >= 1",
                advice="Say how many components the mixture has.",
            )
        object.__setattr__(self, "components", int(self.components))

    @property
    def priors(self) -> dict[str, Prior]:
        """The prior of every site."""
        return {"weights": self.weights.prior, **self.family.priors_by_site}

    def __call__(  # type: ignore[override]  # a mixture names its run arguments
        self,
        ppl: PPL,
        x: Array | None = None,
        *,
        size: int | tuple[int, ...] | None = None,
        hyper: Hyper | None = None,
        labels: Array | None = None,
    ) -> Array:
        """The program.

        Args:
            ppl: the words of a backend.
            x: data, shape (rows,) or (rows, features); None draws them from the prior predictive.
            size: with `x=None`, the shape of the data to draw: rows, or (rows, features).
            hyper: numbers of the priors, in place of the declaration's.
            labels: known components of the rows, -1 where unknown.

        Returns:
            The observations: `x`, or the draws.
        """
        rows, features = _shape(x, size)
        numbers = hyper if hyper is not None else {site: prior.numbers(ppl, x) for site, prior in self.priors.items()}
        table = self.family.priors_by_site

        def draw(site: str, **structure: Any) -> Array:
            return table[site].sample(ppl, site, numbers[site], **structure)

        weights = self.weights.sample(ppl, self.components, dict(numbers["weights"]))
        shared = self.family.shared(ppl, draw, features)
        relative = jointly(ppl, draw, self.components, features) if (jointly := _jointly(self.family)) else {}
        with ppl.plate("components", self.components):
            own = self.family.per_component(ppl, draw, features)
        own = relative | own
        with ppl.plate("rows", rows):
            z = ppl.assign("assignment", weights)
            if labels is not None:
                is_excluded = (labels >= 0) & (labels != z)
                ppl.factor("labels", ppl.xp.where(is_excluded, ppl.array(-np.inf), ppl.array(0.0)))
            chosen = {name: value[z] for name, value in own.items()}
            return ppl.sample("obs", self.family.emission(ppl, {**shared, **chosen}, features), obs=x)

    def scaled_to(self, x: Any) -> "Mixture":
        """This declaration with the priors that are scaled to the data written out as numbers."""
        values = Observations.of(x).x
        table = {site: prior.scaled_to(values) for site, prior in self.family.priors_by_site.items()}
        return replace(self, family=replace(self.family, priors=tuple(table.items())))  # type: ignore[type-var]

    @property
    def structure(self) -> "Mixture":
        """The declaration without its numbers: what a compiled program depends on once the numbers come in as `hyper`."""
        table = tuple((site, Prior(prior.name, ())) for site, prior in self.family.priors_by_site.items())
        weights = replace(self.weights, concentration=1.0)
        return replace(self, family=replace(self.family, priors=table), weights=weights)  # type: ignore[type-var]

    def hyper(self, x: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """The numbers of the priors, to be passed beside `structure`."""
        return {
            site: {key: np.asarray(value, dtype=np.float64) for key, value in prior.scaled_to(x).parameters}
            for site, prior in self.priors.items()
        }

    def start(self, x: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Where one optimisation starts: equal weights, and the family's rule at randomly drawn rows."""
        rows = rng.choice(len(x), self.components, replace=len(x) < self.components)
        return {"weights": self.weights.start(self.components), **self.family.start(x, rows, self.components)}

    def __str__(self) -> str:
        numbers = [value for prior in self.family.priors_by_site.values() for _, value in prior.parameters]
        is_open = any(isinstance(value, Statistic | tuple) for value in numbers)
        hyper = {
            site: {key: Symbol(format_number(value)) for key, value in prior.parameters}
            for site, prior in self.priors.items()
        }
        notation = Notation()
        self(notation, size=("n", Extent(2)) if is_open else "n", hyper=hyper)  # type: ignore[arg-type]
        return notation.text(f"A mixture of {self.components} component{'s' if self.components > 1 else ''}")


def _jointly(family: Family) -> Callable[..., dict[str, Array]] | None:
    """How a family draws what its components have relative to each other, if they do: leading axis components, outside the plate."""
    return getattr(family, "jointly", None)


def _shape(x: Array | None, size: Any) -> tuple[int, int | None]:
    """(rows, features) of the data, or of the data to draw."""
    if x is None and size is None:
        raise ModelError(
            "x", got="None", expected="data, or size=", advice="Pass size=n to draw n rows from the prior predictive."
        )
    shape = tuple(x.shape) if x is not None else size if isinstance(size, tuple) else (size,)
    return shape[0], shape[1] if len(shape) > 1 else None
