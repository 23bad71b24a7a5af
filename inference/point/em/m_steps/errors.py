"""EM for Gaussian components of rows that were measured with known errors (extreme deconvolution).

A row is x = v + e, v ~ N(mu, Sigma), e ~ N(0, S_i). With Sigma = R R', y = R^-1 (v - mu) is standard normal, and T_i = I + R^-1 S_i R^-1':

    log p(x_i) = -|L^-1 R^-1 (x_i - mu)|^2 / 2 - log |L| - log |R| + constant,    T_i = L L',
    m = E[y | x_i] = T_i^-1 R^-1 (x_i - mu),    E[y y' | x_i] = m m' + I - T_i^-1

take the place of y and y y' in the M-steps of all covariance structures. Matrices are factored for all rows at once.

Source: Bovy, Hogg & Roweis (2011), Annals of Applied Statistics 5, equations 13 to 16.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.beside import BesideGaussianEM
from mixtures.known_numbers import as_arguments
from mixtures.observations import Observations

BY_CELLS = 8
"""Matrices of so many features are factored cell after cell: in programs that grow with their cube."""


class Conditional(NamedTuple):
    """What rows say of y.

    Args:
        mean: E[y | x], (components, features, rows).
        inverse: L^-1, (components, features, features, rows): its product with itself, transposed first, is what was learned of y.
    """

    mean: Float[Array, "components features rows"]
    inverse: Float[Array, "components features features rows"]


@dataclass(frozen=True)
class ErrorsGaussianEM(BesideGaussianEM):
    """Gaussian components measured with error. Columns: the values, then the errors' roots E_i, E_i E_i' = S_i, row by row.

    Args:
        is_full: whether errors are correlated; else their standard deviations are all there is of E_i.
    """

    is_full: bool = False

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Conditional]:
        values, errors = self._parts(x)
        y = state["whiten"] @ (values - state["loc"][:, :, None])
        return self._of(xp, state, y, errors)

    def _of(self, xp: Any, state: State, y: Array, errors: Array) -> tuple[Array, Conditional]:
        features = y.shape[1]
        inverse = self._inverse_root(xp, state["whiten"], errors)
        pulled = xp.sum(inverse * y[:, None], axis=2)
        mean = xp.sum(inverse * pulled[:, :, None], axis=1)
        log_det = state["log_det"][:, None] - sum(xp.log(inverse[:, j, j]) for j in range(features))
        distance = xp.sum(pulled**2, axis=1)
        return -log_det - 0.5 * (features * np.log(2 * np.pi) + distance), Conditional(mean, inverse)

    def _inverse_root(self, xp: Any, whiten: Array, errors: Array) -> Array:
        """L^-1 of T = I + W S W', (components, features, features, rows)."""
        features = whiten.shape[-1]
        if self.is_full:
            turned = xp.stack([whiten @ errors[:, column] for column in range(features)], axis=2)

            def product(left: Array, right: Array) -> Array:
                return xp.sum(left * right, axis=-2)
        else:
            turned, variance = whiten, errors**2

            def product(left: Array, right: Array) -> Array:
                return (left * right) @ variance

        if features > BY_CELLS:
            unit = xp.eye(features, dtype=whiten.dtype)[:, :, None]
            return inverse_root(xp, product(turned[:, :, None], turned[:, None]) + unit)
        cells = [[product(turned[:, i], turned[:, j]) + float(i == j) for j in range(i + 1)] for i in range(features)]
        return _inverse(xp, _root(xp, cells))

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        (values, errors), own = self._parts(x), self._of_values(frame)
        loc = state["loc"] * own.unit + own.centre
        y = state["whiten"] @ ((values - loc[:, :, None]) / own.unit[:, None])
        in_units = errors / own.unit.reshape(-1, *(1,) * (errors.ndim - 1))
        return self._of(np, state, y, in_units)[0] + self.log_jacobian(frame, x.T)

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Conditional) -> Statistics:
        weighted = responsibilities[:, None, :] * seen.mean
        components, features = seen.mean.shape[:2]
        # sum r T^-1 = sum r L^-1' L^-1, all rows' L^-1 one below the other
        across = xp.permute_dims(seen.inverse, (0, 2, 1, 3))
        shares = xp.reshape(across * responsibilities[:, None, None, :], (components, features, -1))
        learned = shares @ xp.matrix_transpose(xp.reshape(across, (components, features, -1)))
        rows = xp.sum(responsibilities, axis=-1)[:, None, None]
        return {
            "sum": xp.sum(weighted, axis=-1),
            "square": weighted @ xp.matrix_transpose(seen.mean)
            + rows * xp.eye(features, dtype=learned.dtype)
            - learned,
        }

    def columns(self, x: Observations) -> np.ndarray:
        found = as_arguments({"errors": x.errors})
        errors = found.get("errors", found.get("error_roots"))
        return np.hstack([super().columns(x), np.asarray(errors).reshape(len(x), -1)])

    def width(self, features: int) -> int:
        return features + (features**2 if self.is_full else features)

    def _features(self, columns: int) -> int:
        # d + d^2 columns, or d + d
        return round((np.sqrt(4 * columns + 1) - 1) / 2) if self.is_full else columns // 2

    def _parts(self, x: Array) -> tuple[Array, Array]:
        """Values, and errors: (features, rows), or (features, features, rows)."""
        features = self._features(x.shape[0])
        errors = x[features:]
        return x[:features], errors.reshape(features, features, -1) if self.is_full else errors

    def frame(self, x: np.ndarray) -> Frame:
        features = self._features(x.shape[1])
        own = super().frame(x[:, :features])
        units = np.repeat(own.unit, features) if self.is_full else own.unit
        return Frame(np.append(own.centre, np.zeros(len(units))), np.append(own.unit, units))

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        return super().log_jacobian(self._of_values(frame), x)


def inverse_root(
    xp: Any, matrices: Float[Array, "components features features rows"]
) -> Float[Array, "components features features rows"]:
    """L^-1 of positive definite matrices L L': cell after cell where they are small, else by quarters."""
    features = matrices.shape[1]
    if features <= BY_CELLS:
        return _inverse(xp, _root(xp, [[matrices[:, i, j] for j in range(i + 1)] for i in range(features)]))
    # [A B'; B D]: the first half's own; the second half's, of what the first leaves of it, D - B A^-1 B'
    half = features // 2
    first = inverse_root(xp, matrices[:, :half, :half])
    across = _product(xp, matrices[:, half:, :half], xp.permute_dims(first, (0, 2, 1, 3)))
    back = xp.permute_dims(across, (0, 2, 1, 3))
    second = inverse_root(xp, matrices[:, half:, half:] - _product(xp, across, back))
    below = -_product(xp, second, _product(xp, across, first))
    above = xp.concat([first, xp.zeros_like(back)], axis=2)
    return xp.concat([above, xp.concat([below, second], axis=2)], axis=1)


def _product(xp: Any, left: Array, right: Array) -> Array:
    """The product of matrices (components, features, features, rows)."""
    return xp.einsum("kijr,kjlr->kilr", left, right)


def _root(xp: Any, cells: list[list[Array]]) -> list[list[Array]]:
    """The Cholesky factors, of matrices given by the cells of their lower triangles."""
    root: list[list[Array]] = []
    for i, row in enumerate(cells):
        found: list[Array] = []
        for j in range(i):
            left = row[j] - sum(found[c] * root[j][c] for c in range(j))
            found.append(left / root[j][j])
        found.append(xp.sqrt(row[i] - sum(one**2 for one in found)))
        root.append(found)
    return root


def _inverse(xp: Any, root: list[list[Array]]) -> Array:
    """Their inverses, (components, features, features, rows)."""
    features, nothing = len(root), xp.zeros_like(root[0][0])
    found: list[list[Array]] = []
    for i in range(features):
        row = [-sum((root[i][c] * found[c][j] for c in range(j, i)), start=nothing) / root[i][i] for j in range(i)]
        found.append([*row, 1 / root[i][i], *[nothing] * (features - i - 1)])
    return xp.stack([xp.stack(row, axis=1) for row in found], axis=1)
