"""EM for Gaussian components of every covariance structure.

Rows are whitened once a pass, y_ki = Sigma_k^(-1/2) (x_i - mu_k): the distances are |y|^2, and the scatter matrices come from the same y,
around the last iteration's mean, so that no large number is ever subtracted from another, however narrow a component is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.covariances import NO_ROWS, UPDATES
from inference.point.moments import moments
from mixtures.families import Gaussian
from mixtures.families.covariance import structure
from mixtures.observations import Observations
from mixtures.priors import Prior

EQUIVARIANT = frozenset({"EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVV", "VVV"})
"""Structures that keep their form when one feature is measured in another unit; the others need one unit for all features."""

DIAGONAL = frozenset({"EII", "VII", "EEI", "VEI", "EVI", "VVI"})
"""Structures whose axes are the features'."""

SPREAD_SITES = frozenset({"scale", "log_volume", "log_shape", "correlation_cholesky", "orientation"})


ROWS_FOR_CENTRE = 1000
"""Rows whose median is the origin of EM's coordinates, about."""

SINGULAR = 1e-14
"""A component whose correlation matrix has a smaller eigenvalue has collapsed onto a plane: of its log density no digits are left."""


@dataclass(frozen=True)
class GaussianEM:
    """See `inference.point.em.closed_form.ClosedForm`.

    State: loc (components, features), root and whiten (components, features, features) with
    Sigma_k = root root' and whiten = root^-1, log_det = log |root| (components,); and what some structures remember: volume
    (components,), axes (features, features).

    Args:
        code: mclust's code of the covariance structure.
        of_logarithm: whether it is the logarithm of the data that is Gaussian (the log-normal family).
    """

    code: str
    of_logarithm: bool = False

    fixable: ClassVar[tuple[str, ...]] = ("loc", "spread")
    takes_missing = False
    is_damped = False
    starts_at_rows = False
    per_component: ClassVar[tuple[str, ...]] = ("loc", "root", "whiten", "log_det", "volume")

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        components, features = state["loc"].shape
        whiten = state["whiten"]
        # y = root^-1 x - root^-1 mu, for all components in one matrix product
        shift = xp.reshape(xp.sum(whiten * state["loc"][:, None, :], axis=-1), (-1, 1))
        y = xp.reshape(xp.reshape(whiten, (-1, features)) @ x - shift, (components, features, -1))
        constant = -state["log_det"] - 0.5 * features * np.log(2 * np.pi)
        return constant[:, None] - 0.5 * xp.sum(y * y, axis=1), y

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        features = state["loc"].shape[-1]
        # of the locations that `decode` gives, and before whitening: no number here is larger than a distance
        loc = state["loc"] * frame.unit + frame.centre
        if self.code in DIAGONAL:
            squares = _squares(x, loc, np.diagonal(state["whiten"], axis1=1, axis2=2) / frame.unit)
        else:
            apart = (state["whiten"] / frame.unit) @ (x - loc[:, :, None])
            squares = np.einsum("kji,kji->ki", apart, apart)
        constant = -state["log_det"] - 0.5 * features * np.log(2 * np.pi)
        base = self.log_jacobian(frame, x.T) - (x.sum(axis=0) if self.of_logarithm else 0.0)
        return constant[:, None] - 0.5 * squares + base

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        weighted = responsibilities[:, None, :] * seen
        return {
            "sum": xp.sum(weighted, axis=-1),
            "square": weighted @ xp.matrix_transpose(seen),
        }

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        rows = statistics["rows"]
        is_there = rows > NO_ROWS
        counted = xp.where(is_there, rows, 1.0)
        # mean of y, and its scatter around that mean: W_k = root (sum r y y' - n_k ybar ybar') root'
        shift = xp.where(fixed["loc"], 0.0, statistics["sum"] / counted[:, None])
        root = state["root"]
        about_loc = statistics["square"] - rows[:, None, None] * shift[:, :, None] * shift[:, None, :]
        if_fixed = statistics["square"]
        scatter = root @ xp.where(fixed["loc"], if_fixed, about_loc) @ xp.matrix_transpose(root)
        scatter = 0.5 * (scatter + xp.matrix_transpose(scatter))
        # a component without rows is given next to no rows, of average scatter: all ratios exist and no sum feels it
        average = NO_ROWS * xp.sum(scatter, axis=0) / xp.sum(rows)
        scatter = xp.where(is_there[:, None, None], scatter, average)
        remembered = {name: state[name] for name in ("root", "whiten", "log_det", "volume", "axes")}
        spread = UPDATES[self.code](xp, scatter, xp.where(is_there, rows, NO_ROWS), remembered)
        return {
            "loc": state["loc"] + xp.sum(root * shift[:, None, :], axis=-1),
            **{name: xp.where(fixed["spread"], state[name], value) for name, value in spread.items()},
        }

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        raise NotImplementedError("no prior is conjugate: see `pseudo`")

    def columns(self, x: Observations) -> np.ndarray:
        values = x.x if x.x.ndim == 2 else x.x[:, None]
        return np.log(values) if self.of_logarithm else values

    def width(self, features: int) -> int:
        return features

    def log_base(self, x: Observations) -> np.ndarray:
        # p(x) = N(log x) / x for the log-normal
        return -self.columns(x).sum(axis=1) if self.of_logarithm else np.zeros(len(x))

    def pseudo(self, priors: Mapping[str, Prior], components: int, features: int | None) -> Statistics | None:
        return None  # the default priors of scales and correlations are not conjugate

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        counts, sums = statistics["rows"], statistics["sum"]
        means = sums / np.maximum(counts, 1.0)[:, None]
        # scatter within the components of the partition; of all rows around one mean where each component is a single row
        within = statistics["square"] - counts[:, None, None] * means[:, :, None] * means[:, None, :]
        average = within.sum(axis=0) / counts.sum()
        mean = sums.sum(axis=0) / counts.sum()
        overall = statistics["square"].sum(axis=0) / counts.sum() - np.outer(mean, mean)
        average = average + 1e-6 * overall + 1e-12 * (np.trace(overall) or 1.0) * np.eye(len(mean))
        return {
            "sum": sums + rows * means,
            "square": statistics["square"] + rows * (average + means[:, :, None] * means[:, None, :]),
        }

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        form = structure(self.code, features)
        has = {
            "scale": True,
            "log_volume": form.has_log_volume,
            "log_shape": form.has_log_shape,
            "correlation_cholesky": form.has_correlation,
            "orientation": form.has_orientation,
        }
        spread = {site for site, is_there in has.items() if is_there}
        if (sites & SPREAD_SITES) not in (frozenset(), spread):
            return None
        return {"loc": "loc" in sites, "spread": bool(sites & SPREAD_SITES)}

    def frame(self, x: np.ndarray) -> Frame:
        # a mean that one row draws away from all others would cost these their last digits
        centre, covariance = np.median(x[:: max(1, len(x) // ROWS_FOR_CENTRE)], axis=0), moments(x)[1]
        spread = np.sqrt(np.diagonal(covariance))
        spread = np.where(spread > 0, spread, 1.0)
        if self.code not in EQUIVARIANT:
            spread = np.full_like(spread, np.sqrt(np.mean(spread**2)))
        return Frame.around(centre, spread)

    def blank(self, components: int, columns: int) -> State:
        identity = np.broadcast_to(np.eye(columns), (components, columns, columns)).copy()
        return {
            "loc": np.zeros((components, columns)),
            "root": identity,
            "whiten": identity.copy(),
            "log_det": np.zeros(components),
            "volume": np.ones(components),
            "axes": np.eye(columns),
        }

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        family = Gaussian(self.code)
        loc = np.asarray(parameters["loc"], dtype=np.float64)
        covariances = family.covariances(parameters, features) / (frame.unit[:, None] * frame.unit)
        root = np.linalg.cholesky(covariances)
        log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        whiten = np.linalg.inv(root)
        return {
            "loc": ((loc if features is not None else loc[:, None]) - frame.centre) / frame.unit,
            "root": root,
            "whiten": whiten,
            "log_det": log_det,
            "volume": np.exp(2 * log_det / root.shape[-1]),
            "axes": np.linalg.eigh(covariances.sum(axis=0))[1],
        }

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        root = state["root"] * frame.unit[:, None]
        loc = state["loc"] * frame.unit + frame.centre
        is_lower = not np.triu(root, 1).any()
        sites = Gaussian(self.code).sites_of(root @ root.swapaxes(1, 2), features, root if is_lower else None)
        return {"loc": loc if features is not None else loc[:, 0], **sites}

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        return -float(np.log(frame.unit).sum())

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        if self._least_of_correlation(state) < SINGULAR:
            return 0.0
        # eigenvalues of C^(-1/2) Sigma_k C^(-1/2)' are the squared singular values of C^(-1/2) root_k
        roots = np.linalg.solve(np.linalg.cholesky(spread), state["root"])
        return float(np.linalg.svd(roots, compute_uv=False).min() ** 2)

    def _least_of_correlation(self, state: State) -> float:
        """The smallest eigenvalue of the components' correlation matrices."""
        directions = state["root"] / np.linalg.norm(state["root"], axis=-1, keepdims=True)
        return float(np.linalg.svd(directions, compute_uv=False).min() ** 2)

    def covariances(self, state: State) -> np.ndarray:
        return state["root"] @ state["root"].swapaxes(1, 2)

    def apart(self, state: State) -> np.ndarray:
        loc, root, whiten = state["loc"], state["root"], state["whiten"]
        distance = np.einsum("kij,klj->kli", whiten, loc[:, None] - loc[None])
        # Sigma_l seen from component k is the identity if the two are alike
        seen = np.einsum("kij,ljm->klim", whiten, root)
        covariance = seen @ seen.swapaxes(-1, -2) - np.eye(root.shape[-1])
        return np.maximum(np.abs(distance).max(-1), np.abs(covariance).max((-1, -2)))


def _squares(x: np.ndarray, loc: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Squared distances, (components, rows), of x (columns, rows), each column's in units of its own: in the cache, a column at a time."""
    total = np.zeros((len(loc), x.shape[1]))
    for column, values in enumerate(x):
        apart = values - loc[:, column, None]
        apart *= root[:, column, None]
        apart *= apart
        total += apart
    return total
