"""Published factor analyses: one component of factor analysers."""

import functools

import numpy as np

import inference
from mixtures import gaussian_mixture
from tests.published.cases import Case, Number, exact

TESTS = "general", "picture", "blocks", "maze", "reading", "vocab"
PERSONS = 112
COVARIANCE = np.array([
    [24.641, 5.991, 33.520, 6.023, 20.755, 29.701],
    [5.991, 6.700, 18.137, 1.782, 4.936, 7.204],
    [33.520, 18.137, 149.831, 19.424, 31.430, 50.753],
    [6.023, 1.782, 19.424, 12.711, 4.757, 9.075],
    [20.755, 4.936, 31.430, 4.757, 52.604, 66.762],
    [29.701, 7.204, 50.753, 9.075, 66.762, 135.292],
])  # fmt: skip
"""Six tests of ability. Smith & Stanley (1983), Intelligence 7; R's data set `ability.cov`."""


@functools.cache
def abilities() -> dict[str, Number]:
    found: dict[str, Number] = {}
    for factors in (1, 2):
        fit = inference.fit_em(gaussian_mixture(1, f"factor-{factors}"), _rows(), restarts=1, tolerance=1e-12, seed=0)
        uniqueness = fit.parameters["scale"][0] ** 2 / np.diag(COVARIANCE)
        found |= _by_test(f"uniqueness, {factors}:", uniqueness)
        # Bartlett's correction of the likelihood ratio against a normal distribution of any covariance (Lawley & Maxwell 1971)
        size = len(TESTS)
        free = PERSONS - 1 - (2 * size + 5) / 6 - 2 * factors / 3
        statistic = 2 * free * (_saturated() - fit.log_likelihood) / PERSONS
        freedom = size + size * (size + 1) // 2 - fit.free_parameters
        found |= {f"chi square, {factors}": Number(statistic), f"degrees of freedom, {factors}": Number(freedom)}
        if factors == 1:
            loading = fit.parameters["loading"].reshape(size) / np.sqrt(np.diag(COVARIANCE))
            found |= _by_test("loading, 1:", loading * np.sign(loading.sum()))
    return found


def _by_test(what: str, values: np.ndarray) -> dict[str, Number]:
    return exact(**{f"{what} {name}": value for name, value in zip(TESTS, values, strict=True)})


def _rows() -> np.ndarray:
    """Rows that have this covariance matrix, n in its denominator: all that a normal likelihood knows of them."""
    cosines = np.cos(np.pi * np.outer(np.arange(PERSONS) + 0.5, np.arange(1, len(TESTS) + 1)) / PERSONS)
    return np.sqrt(2.0) * cosines @ np.linalg.cholesky(COVARIANCE).T


def _saturated() -> float:
    """The log likelihood where nothing is said of the covariances."""
    size = len(TESTS)
    return -0.5 * PERSONS * float(size * np.log(2 * np.pi) + np.linalg.slogdet(COVARIANCE)[1] + size)


def _printed(what: str, values: str) -> dict[str, str]:
    return {f"{what} {name}": value for name, value in zip(TESTS, values.split(), strict=True)}


FACTORS = {
    "abilities": Case(
        "R 4.2, the example of ability.cov: factanal (Bartholomew 1987, pp. 61-65)",
        "6 tests of ability of 112 persons, by their covariances (Smith & Stanley 1983)",
        "1 component of factor analysers, 1 factor and 2",
        abilities,
        {"chi square, 1": "75.18", "degrees of freedom, 1": "9", "chi square, 2": "6.11", "degrees of freedom, 2": "4"}
        | _printed("uniqueness, 1:", "0.535 0.853 0.748 0.910 0.232 0.280")
        | _printed("loading, 1:", "0.682 0.384 0.502 0.300 0.877 0.849")
        | _printed("uniqueness, 2:", "0.455 0.589 0.218 0.769 0.052 0.334"),
    ),
}
"""By name."""
