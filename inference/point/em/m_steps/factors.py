"""EM for factor analysers, whose work is linear in the columns: no covariance is formed, neither in a pass nor in the M-step.

A row is x = mu + s (L f + e), f and e standard normal. With y = (x - mu) / s and G = I + L'L, of q factors,

    log p(x) = -(|y|^2 - y'L G^-1 L'y) / 2 - log |G| / 2 - sum log s + constant,    f | x ~ N(G^-1 L'y, G^-1),

and the M-step regresses y on f and 1, row by row of L.

Source: Ghahramani & Hinton (1996), Technical Report CRG-TR-96-1, Toronto, equations 14 and 15; McLachlan, Peel & Bean (2003), Computational
Statistics & Data Analysis 41.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.covariances import NO_ROWS
from inference.point.em.m_steps.gaussian import GaussianEM
from mixtures.ppl.loadings import loadings_of, lower_of

LEAST_VARIANCE = 1e-8
"""What factors leave over of a column at least, in EM's coordinates: in Heywood's case the likelihood is largest where it is 0."""


@dataclass(frozen=True)
class FactorEM(GaussianEM):
    """See `inference.point.em.closed_form.ClosedForm`.

    State: loc and deviation s (components, features), loading L (components, features, factors), relative to s.

    Args:
        factors: how many, q.
    """

    factors: int = 1

    per_component: ClassVar[tuple[str, ...]] = ("loc", "deviation", "loading")

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        deviation, loading = state["deviation"], state["loading"]
        y = (x - state["loc"][:, :, None]) / deviation[:, :, None]
        gram = _gram(xp, loading)
        pulled = xp.matrix_transpose(loading) @ y
        factors = xp.linalg.inv(gram) @ pulled
        distance = xp.sum(y * y, axis=1) - xp.sum(pulled * factors, axis=1)
        root = xp.linalg.cholesky(gram)
        log_det = xp.sum(xp.log(deviation), axis=-1) + xp.sum(xp.log(xp.linalg.diagonal(root)), axis=-1)
        constant = -log_det - 0.5 * deviation.shape[-1] * np.log(2 * np.pi)
        return constant[:, None] - 0.5 * distance, xp.concat([y, factors], axis=1)

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        # of the locations that `decode` gives
        told = {"loc": state["loc"] * frame.unit + frame.centre, "deviation": state["deviation"] * frame.unit}
        return self.log_density(np, state | told, x)[0]

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        y, factors = seen[:, : -self.factors], seen[:, -self.factors :]
        weighted, across = responsibilities[:, None, :] * y, xp.matrix_transpose(factors)
        return {
            "sum": xp.sum(weighted, axis=-1),
            "square": xp.sum(weighted * y, axis=-1),
            "cross": weighted @ across,
            "factor": xp.sum(responsibilities[:, None, :] * factors, axis=-1),
            "factors": (responsibilities[:, None, :] * factors) @ across,
        }

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        rows, deviation = statistics["rows"], state["deviation"]
        is_there = rows > NO_ROWS
        counted = xp.where(is_there, rows, 1.0)
        own = {name: statistics[name] / _like(xp, counted, statistics[name]) for name in STATISTICS}
        within = xp.linalg.inv(_gram(xp, state["loading"]))
        # means of f, f f', y f' and y^2 about the means of f and y
        is_free = xp.where(fixed["loc"], 0.0, 1.0)
        shift, mean = is_free * own["sum"], is_free * own["factor"]
        spread = own["factors"] + within - mean[:, :, None] * mean[:, None, :]
        cross = own["cross"] - shift[:, :, None] * mean[:, None, :]
        loading = cross @ xp.linalg.inv(spread)
        variance = own["square"] - shift**2 - xp.sum(loading * cross, axis=-1)
        new = xp.sqrt(xp.maximum(variance * deviation**2, LEAST_VARIANCE))
        # a component without rows stays as it is
        is_held = fixed["spread"] | ~is_there
        loading = xp.where(is_held[:, None, None], state["loading"], loading)
        new = xp.where(is_held[:, None], deviation, new)
        # y = shift + L (f - mean) + e: what is left for the location
        moved = xp.where(is_there[:, None], shift - xp.sum(loading * mean[:, None, :], axis=-1), 0.0)
        return {
            "loc": state["loc"] + deviation * moved,
            "deviation": new,
            "loading": loading * (deviation / new)[:, :, None],
        }

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        counts = statistics["rows"]
        means = {name: statistics[name] / np.maximum(counts, 1.0)[:, None] for name in ("sum", "factor")}
        pairs = {"square": ("sum", "sum"), "cross": ("sum", "factor"), "factors": ("factor", "factor")}
        found = {name: statistics[name] + rows * means[name] for name in means}
        for name, (left, right) in pairs.items():
            both = means[left] ** 2 if name == "square" else means[left][:, :, None] * means[right][:, None, :]
            within = statistics[name] - _like(np, counts, both) * both
            average = within.sum(axis=0) / counts.sum()
            found[name] = statistics[name] + rows * (average + both)
        # where each component is a single row there is no spread within
        found["square"] = found["square"] + rows * 1e-6
        return found

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        spread = sites & OF_SPREAD
        return {"loc": "loc" in sites, "spread": bool(spread)} if spread in (frozenset(), OF_SPREAD) else None

    def blank(self, components: int, columns: int) -> State:
        # loadings of 0 would stay there: any others will do, but none that are of one sign for all columns
        waves = np.cos(np.pi * np.outer(np.arange(columns) + 0.5, np.arange(1, self.factors + 1)) / columns)
        return {
            "loc": np.zeros((components, columns)),
            "deviation": np.ones((components, columns)),
            "loading": np.broadcast_to(waves, (components, *waves.shape)).copy(),
        }

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        loc, scale = (np.asarray(parameters[name], dtype=np.float64) for name in ("loc", "scale"))
        loading = loadings_of(np, np.asarray(parameters["loading"]), loc.shape[-1]) / scale[..., None]
        return {"loc": (loc - frame.centre) / frame.unit, "deviation": scale / frame.unit, "loading": loading}

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        loc = state["loc"] * frame.unit + frame.centre
        scale = state["deviation"] * frame.unit
        return {"loc": loc, "scale": scale, "loading": lower_of(scale[..., None] * state["loading"])}

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        if not all(np.isfinite(value).all() for value in state.values()):
            return 0.0
        inverses = np.linalg.inv(_gram(np, state["loading"]))

        def largest(root: np.ndarray, deviation: np.ndarray, loading: np.ndarray, inverse: np.ndarray) -> float:
            def product(v: np.ndarray) -> np.ndarray:
                # root' Sigma^-1 root v
                y = (root @ v.ravel()) / deviation
                return root.T @ ((y - loading @ (inverse @ (loading.T @ y))) / deviation)

            size = len(deviation)
            operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
            return float(eigsh(operator, 1, which="LA", tol=0.01, v0=np.ones(size), return_eigenvectors=False)[0])

        def narrowest_of(root: np.ndarray) -> float:
            each = zip(state["deviation"], state["loading"], inverses, strict=True)
            return 1 / max(largest(root, *one) for one in each)

        # one column with nothing left over is Heywood's case, and a maximum; a direction with no spread is none
        is_flat = (state["deviation"] ** 2 < 2 * LEAST_VARIANCE).any() and (
            narrowest_of(np.eye(spread.shape[0])) < 2 * LEAST_VARIANCE
        )
        return 0.0 if is_flat else narrowest_of(np.linalg.cholesky(spread))

    def covariances(self, state: State) -> np.ndarray:
        scaled = state["deviation"][:, :, None] * state["loading"]
        own = state["deviation"][:, :, None] ** 2 * np.eye(scaled.shape[1])
        return scaled @ scaled.swapaxes(1, 2) + own

    def apart(self, state: State) -> np.ndarray:
        loc, covariances = state["loc"], self.covariances(state)
        deviations = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        found = np.zeros((len(loc), len(loc)))
        for k, deviation in enumerate(deviations):
            across = deviation[:, None] * deviation
            for other in range(len(loc)):
                of_loc = np.abs((loc[k] - loc[other]) / deviation).max()
                found[k, other] = max(of_loc, np.abs((covariances[other] - covariances[k]) / across).max())
        return found


OF_SPREAD = frozenset({"scale", "loading"})

STATISTICS = ("sum", "square", "cross", "factor", "factors")


def _gram(xp: Any, loading: Array) -> Array:
    """I + L'L."""
    return xp.eye(loading.shape[-1], dtype=loading.dtype) + xp.matrix_transpose(loading) @ loading


def _like(xp: Any, counts: Array, array: Array) -> Array:
    """Counts with axes enough to divide an array by them."""
    return xp.reshape(counts, (-1,) + (1,) * (array.ndim - 1))
