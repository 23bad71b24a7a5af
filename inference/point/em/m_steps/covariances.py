"""The covariance part of the M-step for each of the fourteen structures: array code, `xp` is the namespace.

Every update takes the components' scatter matrices W_k and effective rows n_k, and gives a root and its inverse, Sigma_k = root root'.

Source: Celeux & Govaert (1995), "Gaussian parsimonious clustering models", section 4 and tables 2 to 4; the updates that have no closed
form there (VEI, VEE, VEV; EVE, VVE) are a few conditional maximisations, each in closed form, from the last iteration's values, so that
the objective never falls (Meng & Rubin 1993). The common orientation of EVE and VVE is turned plane by plane (Flury & Gautschi 1986).
"""

from collections.abc import Callable
from typing import Any

Array = Any
Spread = dict[str, Array]

CYCLES = 3
"""How often volumes and shape are maximised in turn within one M-step."""

NO_ROWS = 1e-250
"""A component with fewer effective rows is not there: its covariance no longer matters, and must not become NaN."""


def _diagonal(xp: Any, matrices: Array) -> Array:
    return xp.linalg.diagonal(matrices)


def _geometric_mean(xp: Any, values: Array) -> Array:
    return xp.exp(xp.mean(xp.log(values), axis=-1))


def _along_axes(xp: Any, axes: Array, variance: Array, last: Spread) -> Spread:
    """Sigma_k = Q_k diag(variance_k) Q_k'."""
    deviation = xp.sqrt(variance)
    components, features = variance.shape
    shape = (components, features, features)
    return {
        **last,
        "root": xp.broadcast_to(axes * deviation[:, None, :], shape),
        "whiten": xp.broadcast_to(xp.matrix_transpose(axes / deviation[:, None, :]), shape),
        "log_det": xp.sum(xp.log(deviation), axis=-1),
    }


def _along_features(xp: Any, variance: Array, scatter: Array, last: Spread) -> Spread:
    components, features = scatter.shape[:2]
    axes = xp.eye(features, dtype=scatter.dtype)
    return _along_axes(xp, axes, xp.broadcast_to(variance, (components, features)), last)


def _dense(xp: Any, covariance: Array, last: Spread) -> Spread:
    """Sigma_k = L_k L_k'."""
    root = xp.linalg.cholesky(covariance)
    spread = {
        "root": root,
        "whiten": xp.linalg.inv(root),
        "log_det": xp.sum(xp.log(_diagonal(xp, root)), axis=-1),
    }
    return {**last, **{name: xp.broadcast_to(value, last[name].shape) for name, value in spread.items()}}


def _eii(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    # lambda = sum_k tr W_k / (n d)
    features = scatter.shape[-1]
    volume = xp.sum(_diagonal(xp, scatter)) / (xp.sum(rows) * features)
    return _along_features(xp, volume * xp.ones(features, dtype=scatter.dtype), scatter, last)


def _vii(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    # lambda_k = tr W_k / (n_k d)
    volume = xp.mean(_diagonal(xp, scatter), axis=-1) / rows
    return _along_features(xp, volume[:, None], scatter, last)


def _eei(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    return _along_features(xp, xp.sum(_diagonal(xp, scatter), axis=0) / xp.sum(rows), scatter, last)


def _volumes_and_common_shape(xp: Any, spectra: Array, rows: Array, volume: Array) -> tuple[Array, Array]:
    """lambda_k and A of VEI (diagonals of W_k) and VEV (eigenvalues of W_k), in turn."""
    for _ in range(CYCLES):
        # A = sum_k W_k / lambda_k, to determinant 1
        shape = xp.sum(spectra / volume[:, None], axis=0)
        shape = shape / _geometric_mean(xp, shape)
        # lambda_k = tr(W_k A^-1) / (n_k d)
        volume = xp.mean(spectra / shape, axis=-1) / rows
    return volume, shape


def _vei(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    volume, shape = _volumes_and_common_shape(xp, _diagonal(xp, scatter), rows, last["volume"])
    return _along_features(xp, volume[:, None] * shape, scatter, {**last, "volume": volume})


def _equal_volume(xp: Any, spectra: Array, rows: Array) -> Array:
    """lambda A_k of EVI and EVE: A_k = spectrum_k / |spectrum_k|^(1/d), lambda = sum_k |spectrum_k|^(1/d) / n."""
    size = _geometric_mean(xp, spectra)
    return spectra / size[:, None] * (xp.sum(size) / xp.sum(rows))


def _evi(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    return _along_features(xp, _equal_volume(xp, _diagonal(xp, scatter), rows), scatter, last)


def _vvi(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    return _along_features(xp, _diagonal(xp, scatter) / rows[:, None], scatter, last)


def _eee(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    return _dense(xp, xp.sum(scatter, axis=0)[None] / xp.sum(rows), last)


def _vee(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    volume, features = last["volume"], scatter.shape[-1]
    for _ in range(CYCLES):
        # C = sum_k W_k / lambda_k; its determinant is left to the volumes
        common = xp.sum(scatter / volume[:, None, None], axis=0) / xp.sum(rows)
        # lambda_k = tr(W_k C^-1) / (n_k d)
        volume = xp.sum(scatter * xp.linalg.inv(common), axis=(-2, -1)) / (rows * features)
    return _dense(xp, volume[:, None, None] * common, {**last, "volume": volume})


def _evv(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    # Sigma_k = lambda W_k / |W_k|^(1/d), lambda = sum_k |W_k|^(1/d) / n
    factor = xp.linalg.cholesky(scatter)
    size = _geometric_mean(xp, _diagonal(xp, factor)) ** 2
    volume = xp.sum(size) / xp.sum(rows)
    return _dense(xp, scatter * (volume / size)[:, None, None], last)


def _vvv(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    return _dense(xp, scatter / rows[:, None, None], last)


def _eev(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    spectra, axes = xp.linalg.eigh(scatter)
    variance = xp.sum(spectra, axis=0) / xp.sum(rows)
    return _along_axes(xp, axes, xp.broadcast_to(variance, spectra.shape), last)


def _vev(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    spectra, axes = xp.linalg.eigh(scatter)
    volume, shape = _volumes_and_common_shape(xp, spectra, rows, last["volume"])
    return _along_axes(xp, axes, volume[:, None] * shape, {**last, "volume": volume})


def _rounds(features: int) -> list[list[tuple[int, int]]]:
    """Every pair of axes once, in rounds of disjoint pairs (the circle method of tournaments)."""
    players = list(range(features + features % 2))
    rounds = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = zip(players[:half], reversed(players[half:]), strict=True)
        rounds.append([(min(p), max(p)) for p in pairs if max(p) < features])
        players = [players[0], players[-1], *players[1:-1]]
    return rounds


def _turned(xp: Any, axes: Array, scatter: Array, precision: Array) -> Array:
    """Axes with a smaller sum_k tr(W_k Q diag(precision_k) Q'): each plane turned to its minimum, all planes once.

    With T_k = Q' W_k Q, turning columns p and q by theta leaves 1/2 (u cos 2 theta + v sin 2 theta), where
    u = sum_k (T_pp - T_qq)(h_p - h_q) and v = sum_k 2 T_pq (h_p - h_q): smallest at 2 theta = atan2(-v, -u). Disjoint pairs of columns
    do not meet in the sum, so that a round of them is turned at once.
    """
    features = scatter.shape[-1]
    identity = xp.eye(features, dtype=scatter.dtype)
    for pairs in _rounds(features):
        turned = xp.matrix_transpose(axes) @ scatter @ axes
        rotation = identity
        for p, q in pairs:
            contrast = precision[:, p] - precision[:, q]
            u = xp.sum((turned[:, p, p] - turned[:, q, q]) * contrast)
            v = xp.sum(2 * turned[:, p, q] * contrast)
            theta = 0.5 * xp.atan2(-v, -u)
            cosine, sine = xp.cos(theta), xp.sin(theta)
            in_p, in_q = identity[p], identity[q]
            plane = in_p[:, None] * in_p + in_q[:, None] * in_q
            swap = in_q[:, None] * in_p - in_p[:, None] * in_q
            rotation = rotation + (cosine - 1) * plane + sine * swap
        axes = axes @ rotation
    return axes


def _common_axes(xp: Any, scatter: Array, rows: Array, last: Spread, variances: Callable[..., Array]) -> Spread:
    """EVE and VVE: variances along the axes, and the axes, in turn."""
    axes = last["axes"]

    def spectra(axes: Array) -> Array:
        return xp.sum(axes * (scatter @ axes), axis=-2)

    for _ in range(CYCLES - 1):
        axes = _turned(xp, axes, scatter, 1 / variances(xp, spectra(axes), rows))
    return _along_axes(xp, axes, variances(xp, spectra(axes), rows), {**last, "axes": axes})


def _eve(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    return _common_axes(xp, scatter, rows, last, _equal_volume)


def _vve(xp: Any, scatter: Array, rows: Array, last: Spread) -> Spread:
    return _common_axes(xp, scatter, rows, last, lambda xp, spectra, rows: spectra / rows[:, None])


UPDATES: dict[str, Callable[[Any, Array, Array, Spread], Spread]] = {
    "EII": _eii,
    "VII": _vii,
    "EEI": _eei,
    "VEI": _vei,
    "EVI": _evi,
    "VVI": _vvi,
    "EEE": _eee,
    "VEE": _vee,
    "EVE": _eve,
    "VVE": _vve,
    "EEV": _eev,
    "VEV": _vev,
    "EVV": _evv,
    "VVV": _vvv,
}
"""The update of each structure."""
