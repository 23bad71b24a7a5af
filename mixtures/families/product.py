"""Different families for different columns, independent given the component: data frames of mixed type."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.among import COVARIATES
from mixtures.errors import DataError, ModelError, in_words
from mixtures.families.bounds import check_bounds
from mixtures.families.family import Draw, Family
from mixtures.families.members import can_be, check_family, parts_of, started, with_covariates
from mixtures.families.parts import Parts, always, of_members
from mixtures.families.whole_rows import WholeRows
from mixtures.observations import CELLS, Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, Prior, freeze, override

RESERVED = ("weights", "assignment", "obs", "labels")
"""Sites of the mixture itself."""


@dataclass(frozen=True)
class Product(Family):
    """Each column has a family of its own; columns are independent within a component.

    A column's sites are named after it: `length_loc`, `length_scale`, `visits_rate`; what was observed is the site `length`, `visits`.

    Args:
        columns: `{column: family}`, in the order of the data's columns; families of one variable.
        priors: `{site: prior}` in place of the families' own, under the long names.

    Raises:
        ModelError: no columns, a name twice, or something that is not a family.
        ChoiceError: a prior of an unknown site.

    Example:
        >>> from mixtures import Mixture
        >>> from mixtures.families import Gaussian, Poisson
        >>> print(Mixture(2, Product({"length": Gaussian(), "visits": Poisson()})))
        A mixture of 2 components
        <BLANKLINE>
            weights         ~ Dirichlet(1)
            length_loc[k]   ~ Normal(midrange(length), range(length))
            length_scale[k] ~ LogNormal(log(sd(length)/2), 1)
            visits_rate[k]  ~ Gamma(2, 1/mean(visits))
            assignment[i]   ~ Categorical(weights)
            length[i]       ~ Normal(length_loc[assignment[i]], length_scale[assignment[i]])
            visits[i]       ~ Poisson(visits_rate[assignment[i]])
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
    """

    columns: Mapping[str, Family] | tuple[tuple[str, Family], ...]
    priors: GivenPriors = field(default=(), kw_only=True)

    def __post_init__(self):
        columns = _pairs(self.columns)
        for name, family in columns:
            check_family(f"columns[{name!r}]", family)
        sites = [site_of(name) for name, _ in columns]
        if not columns or len(set(sites)) < len(sites) or set(sites) & set(RESERVED):
            raise ModelError(
                "columns",
                got=f"columns {[name for name, _ in columns]}",
                expected="{column: family}, names all different and none of " + ", ".join(RESERVED),
            )
        tables = [name for name, family in columns if isinstance(family, Product | WholeRows)]
        numbers = (parts_of(family).components for _, family in columns)
        bound = {number for number in numbers if number is not None}
        if tables or len(bound) > 1:
            got = f"several columns for {tables}" if tables else f"families of {sorted(bound)} components"
            raise ModelError("columns", got=got, expected="families of one variable, and of one number of components")
        object.__setattr__(self, "columns", columns)
        if clash := set(sites) & set(self._defaults):
            raise ModelError(
                "columns",
                got=f"a column {min(clash)!r}, which is a site of another",
                expected="other names for columns",
            )
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self._defaults, self.priors)

    @property
    def pairs(self) -> tuple[tuple[str, Family], ...]:
        """The columns in the form that `__post_init__` gave them."""
        return self.columns  # type: ignore[return-value]

    @property
    def _defaults(self) -> dict[str, Prior]:
        return {
            f"{site_of(name)}_{site}": prior.of_column(index, name)
            for index, (name, family) in enumerate(self.pairs)
            for site, prior in family.priors_by_site.items()
        }

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(self._defaults, self.priors)

    def parts(self) -> Parts:
        each = [parts_of(family) for _, family in self.pairs]
        columns = [site_of(name) for name, _ in self.pairs]
        own = [parts.renamed(f"{column}_{{}}".format) for column, parts in zip(columns, each, strict=True)]
        return replace(
            of_members(own),
            effects=tuple(one._replace(column=index) for index, parts in enumerate(own) for one in parts.effects),
            components=next((parts.components for parts in each if parts.components is not None), None),
            distinct_components=frozenset().union(*(parts.distinct_components for parts in each)),
            parameter_free_components=frozenset.intersection(*(parts.parameter_free_components for parts in each)),
            with_covariates=self._with_covariates if any(parts.needs_covariates for parts in each) else None,
            observe=self._observe,
            has_distribution_function=always,  # where columns have bounds, these are asked: see `check`
            can_be=self._can_be,
        )

    def _with_covariates(self, count: int) -> "Product":
        return replace(self, columns=tuple((name, with_covariates(family, count)) for name, family in self.pairs))

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[Any, Array]:
        return self._each(lambda family, own: family.shared(ppl, own, None), draw)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[Any, Array]:
        return self._each(lambda family, own: family.per_component(ppl, own, None), draw)

    def _each(self, part: Any, draw: Draw) -> dict[Any, Array]:
        """Parameters by (column, name): what each family draws, under its column's name."""
        return {
            (name, key): value
            for name, family in self.pairs
            for key, value in part(family, _renamed(draw, site_of(name))).items()
        }

    def emission(self, ppl: PPL, parameters: Mapping[Any, Array], features: int | None) -> Distribution:
        raise NotImplementedError("the columns have distributions of their own: see `observe`")

    def _observe(self, ppl: PPL, parameters: Mapping[Any, Array], x: Array | None) -> Any:
        """Observe every column, inside the plate of rows."""
        drawn = {}
        for index, (name, family) in enumerate(self.pairs):
            own = {key[1]: value for key, value in parameters.items() if isinstance(key, tuple) and key[0] == name}
            own |= {key: value for key, value in parameters.items() if isinstance(key, str)}
            column = x if x is None or x.ndim == 1 else x[:, index]
            own |= {
                key: own[key] if own[key].ndim == 1 else own[key][:, index]
                for key in ("observed", *CELLS)
                if key in own
            }
            if "observed" in own:
                column = ppl.xp.where(own["observed"], column, parts_of(family).support.example)
            drawn[name] = ppl.sample(site_of(name), family.emission(ppl, own, None), obs=column)
        return drawn if x is None else x

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        table = x.reshape(len(x), -1)
        return {
            f"{site_of(name)}_{site}": value
            for index, (name, family) in enumerate(self.pairs)
            for site, value in started(family, table[:, index], rows, components, covariates).items()
        }

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """A row can be what each of its columns can be."""
        table = x.reshape(len(x), -1)
        each = [can_be(family, table[:, index], components) for index, (_, family) in enumerate(self.pairs)]
        return np.logical_and.reduce(each)

    def check(self, x: Observations) -> None:
        names = [name for name, _ in self.pairs]
        has_names = x.feature_names is not None
        if (x.features or 1) != len(names) or (has_names and list(x.feature_names or ()) != names):
            raise DataError(
                "x",
                got=f"columns {list(x.feature_names or ())}" if has_names else f"shape {x.x.shape}",
                expected=f"columns {names}, in that order",
                advice=f"Select them: x[{names}].",
            )
        for index, (_, family) in enumerate(self.pairs):
            column = x.column(index)
            family.check(column)
            check_bounds(family, column)


def _pairs(columns: Any) -> tuple[tuple[str, Any], ...]:
    """The columns as pairs of name and family.

    Raises:
        ModelError: neither a mapping nor pairs.
    """
    pairs = tuple(columns.items()) if isinstance(columns, Mapping) else columns
    is_listed = isinstance(pairs, tuple | list) and all(
        isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs
    )
    if not is_listed or not all(isinstance(name, str | int | np.integer) for name, _ in pairs):
        raise ModelError(
            "columns",
            got=in_words(columns),
            expected="{column: family}",
            advice="Product({'age': families.Gaussian()}), say.",
        )
    return tuple((str(name), family) for name, family in pairs)


def site_of(column: str) -> str:
    """A column's name as the name of a site: letters, digits and underscores."""
    return re.sub(r"\W", "_", column)


def _renamed(draw: Draw, column: str) -> Draw:
    def own(site: str, *, dims: tuple[str, ...] = (), **structure: Any) -> Array:
        # the axis of covariates is the same one for every column
        named = tuple(dim if dim.startswith(COVARIATES) else f"{column}_{dim}" for dim in dims)
        return draw(f"{column}_{site}", dims=named, **structure)

    return own
