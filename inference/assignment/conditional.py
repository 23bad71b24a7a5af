"""What the observed cells of a row say of those that are missing, given the row's component.

Columns that are independent within a component say nothing of each other: whether they are is looked at, on the data's own densities. Those
of a Gaussian move along its regression of the missing cells on the observed ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from inference.backends import Bound
from mixtures import Mixture
from mixtures.assignments import Dirichlet
from mixtures.errors import ModelError
from mixtures.families import Gaussian
from mixtures.families.by_column import families_by_column
from mixtures.families.members import parts_of

Parameters = Mapping[str, np.ndarray]

SAME = 1e-8
"""Log densities that differ by no more, of their size, are equal."""

LOOKED_AT = 50
"""Rows on which is looked whether columns are independent."""


@dataclass(frozen=True, eq=False)
class Conditional:
    """A mixture's components, asked about missing cells.

    Args:
        bound: a mixture and its data.
        parameters: one value of each, by site: those at which columns are looked at.
    """

    bound: Bound
    parameters: Parameters

    @property
    def mixture(self) -> Mixture:
        """The declaration."""
        mixture = self.bound.program.mixture
        assert isinstance(mixture, Mixture)  # the caller has checked
        return mixture

    @cached_property
    def alone(self) -> Bound:
        """The components without what brings rows to them: any component can be made every row's."""
        program = replace(self.mixture, assignment=Dirichlet())
        return type(self.bound)(program, self.bound.x.with_labels(None).with_row_weights(None))

    @cached_property
    def whole(self) -> Bound:
        """The same with a legal value in the place of missing cells, which programs without them describe and draw."""
        x = self.alone.x
        families = families_by_column(self.mixture.family, 1 if x.x.ndim == 1 else x.x.shape[1])
        legal = np.array([parts_of(family).support.example for family in families])
        return self.alone.on(x.with_values(np.where(np.isnan(x.x), legal[0] if x.x.ndim == 1 else legal, x.x)))

    @cached_property
    def is_normal(self) -> bool:
        """Whether cells are given the others by a Gaussian's covariances; else columns are independent.

        Raises:
            ModelError: columns that hang together otherwise.
        """
        x, family = self.bound.x, self.mixture.family
        if x.features in (None, 1):
            return False
        if isinstance(family, Gaussian) and x.errors is None:
            return True
        if not self._are_apart():
            raise ModelError(
                "program",
                got="columns that hang together within a component, and are not normal",
                expected="a Gaussian, or columns that are independent given the component",
                advice="Draw rows from the fit instead, and keep those like yours: simulate(fit, ...).",
            )
        return False

    def _are_apart(self) -> bool:
        """Whether log p(row | k) is the sum over cells."""
        x = self.alone.x.x
        rows = np.flatnonzero((~np.isnan(x)).sum(axis=1) > 1)[:LOOKED_AT]
        if not len(rows):
            return True
        together = self._log_density(rows, x[rows])
        single = [np.where(np.arange(x.shape[1]) == column, x[rows], np.nan) for column in range(x.shape[1])]
        apart = sum(self._log_density(rows, cells) for cells in single)
        is_there = np.isfinite(together)
        return bool(np.allclose(together[is_there], np.asarray(apart)[is_there], rtol=SAME, atol=SAME))

    def _log_density(self, rows: np.ndarray, cells: np.ndarray) -> np.ndarray:
        return self._of(rows, cells).emissions_at(self._of_components(self.parameters))

    def _of(self, rows: np.ndarray, cells: np.ndarray) -> Bound:
        """Some rows, with other cells."""
        return self.alone.on(self.alone.x.take(rows).with_values(cells))

    def _of_components(self, parameters: Parameters, component: int = 0) -> dict[str, np.ndarray]:
        """The family's parameters, and weights by which every row is of one component."""
        law = set(self.mixture.assignment.sites)
        weights = np.eye(self.mixture.components)[component]
        return {"weights": weights} | {name: value for name, value in parameters.items() if name not in law}

    def means(self, parameters: Parameters) -> Float[np.ndarray, "rows components ..."]:
        """E[x_i | observed cells of row i, assignment_i = k]."""
        x = self.alone.x
        if self.is_normal:
            every = np.broadcast_to(parameters["loc"], (len(x), *parameters["loc"].shape))
            return self._given(every, parameters)
        return self._as_rows(self.whole.means(self._of_components(parameters)))

    def draws(self, parameters: Parameters, seed: int) -> Float[np.ndarray, "rows components ..."]:
        """One draw of all rows from each component, given their observed cells."""
        every = []
        for component in range(self.mixture.components):
            held = {name: value[None] for name, value in self._of_components(parameters, component).items()}
            drawn = self.whole.forward(held, draws=1, seed=seed + component)
            every.append({name: drawn[name][0] for name in self._observed})
        stacked = self._as_rows({name: np.stack([one[name] for one in every], axis=1) for name in self._observed})
        return self._given(stacked, parameters) if self.is_normal else stacked

    def probabilities(
        self, parameters: Parameters, column: int | None, rows: np.ndarray, categories: int
    ) -> np.ndarray:
        """P(x_ij = c | assignment_i = k) of some rows' cells in a column, (rows, components, categories)."""
        found = []
        for category in range(categories):
            cells = np.full((len(rows), *self.alone.x.x.shape[1:]), np.nan)
            cells[(..., column) if column is not None else ...] = category
            found.append(np.exp(self._of(rows, cells).emissions_at(self._of_components(parameters))))
        return np.stack(found, axis=-1)

    @property
    def _observed(self) -> list[str]:
        return [site.name for site in self.alone.sites.all if site.kind == "observed"]

    def _as_rows(self, by_site: Mapping[str, np.ndarray]) -> np.ndarray:
        """Columns of several kinds are sites of their own."""
        parts = [by_site[name] for name in self._observed]
        shape = (len(self.alone.x), self.mixture.components, *self.alone.x.x.shape[1:])
        return (parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)).reshape(shape).astype(float)

    def _given(self, y: np.ndarray, parameters: Parameters) -> np.ndarray:
        """Rows of each component, means or draws, with what the observed cells say of the others added.

        y_m + S_mo S_oo^-1 (x_o - y_o): the conditional mean from the mean, and a draw of the conditional distribution from one of the joint
        (Hoffman & Ribak 1991).
        """
        family, x, found = self.mixture.family, self.alone.x.x, np.array(y, dtype=float)
        assert isinstance(family, Gaussian)  # as was looked at
        covariances, is_seen = family.covariances(parameters, x.shape[1]), ~np.isnan(x)
        for pattern in np.unique(is_seen, axis=0):
            rows, seen, missing = np.flatnonzero((is_seen == pattern).all(axis=1)), pattern, ~pattern
            if not seen.any() or not missing.any():
                continue
            for k, covariance in enumerate(covariances):
                slope = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[np.ix_(seen, missing)])
                apart = x[np.ix_(rows, seen)] - y[rows, k][:, seen]
                found[np.ix_(rows, np.array([k]), missing)] += (apart @ slope)[:, None]
        return found
