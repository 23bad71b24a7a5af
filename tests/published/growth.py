"""Published growth curves: effects of persons within classes."""

import functools

import numpy as np

import inference
from inference import PointFit
from mixtures import Mixture, Observations
from mixtures.assignments import Gating, PerGroup
from mixtures.families import Regression
from tests.published.cases import Case, Number, by_component, exact, numbers

TIME, X1, TIME_X1, X2, X3 = range(5)
EFFECTS = "random_intercept_scale", "random_slope_scale", "random_correlation_cholesky"


@functools.cache
def persons() -> Observations:
    """Visits of persons."""
    person, y, time, x1, x2, x3 = numbers("hlme", "ID", "Y", "Time", "X1", "X2", "X3")
    return Observations(y, covariates=np.column_stack([time, x1, time * x1, x2, x3]), group=person)


@functools.cache
def one_class() -> dict[str, Number]:
    fits = {
        "Time | 1": _of_one_class([TIME], "intercept", EFFECTS[:1]),
        "Time | Time": _of_one_class([TIME], [TIME], EFFECTS),
        "Time*X1 | Time": _of_one_class([TIME, X1, TIME_X1], [TIME], EFFECTS),
    }
    lines = fits["Time | Time"]
    errors = inference.standard_errors(lines, persons()).table["standard_error"]
    found = {f"log likelihood, {name}": Number(fit.log_likelihood) for name, fit in fits.items()}
    found |= exact(intercept=lines.parameters["intercept"][0], slope=lines.parameters["slope"][0, 0])
    found |= exact(error_of_the_intercept=errors["intercept", 0], error_of_the_slope=errors["slope[0]", 0])
    return found | _covariances(lines) | exact(variance=lines.parameters["scale"][0] ** 2)


def _of_one_class(among: list[int], random: list[int] | str, common: tuple[str, ...]) -> PointFit:
    model = Mixture(1, Regression(among=among, random=random, common=common), PerGroup())
    return inference.fit_em(model, persons(), restarts=1, tolerance=1e-12, seed=0)


def _covariances(fit: PointFit) -> dict[str, Number]:
    """Of an intercept and a slope, which are the same in all components."""
    intercept, slope, correlation = (fit.parameters[name] for name in EFFECTS)
    root = np.append(intercept, slope)[:, None] * correlation
    (a, b), (_, c) = root @ root.T
    return exact(variance_of_intercepts=a, covariance=b, variance_of_slopes=c)


@functools.cache
def two_classes() -> dict[str, Number]:
    family = Regression(among=[TIME, X1, TIME_X1], random=[TIME], common=[X1, TIME_X1, "scale", *EFFECTS])
    model = Mixture(2, family, PerGroup(Gating(among=[X2, X3])))
    fit = inference.fit_em(model, persons(), restarts=8, tolerance=1e-12, seed=0)
    known, order = fit.parameters, np.argsort(fit.parameters["intercept"])
    odds = (known[name][order[0]] - known[name][order[1]] for name in ("gating_intercept", "gating_slope"))
    found = dict(zip(("odds", "odds by X2", "odds by X3"), np.hstack(list(odds)), strict=True))
    found |= dict(zip(("slope on X1", "slope on Time:X1"), known["common_slope"], strict=True)) | {
        "scale": known["scale"]
    }
    return by_component(fit, "intercept", "slope") | _covariances(fit) | exact(**found)


GROWTH = {
    "growth, one class": Case(
        "statsmodels 0.15, MixedLM by maximum likelihood",
        "326 visits of 100 persons (data_hlme of lcmm, simulated)",
        "linear mixed models, intercepts and slopes of persons",
        one_class,
        {
            "log likelihood, Time | 1": "-933.7254", "log likelihood, Time | Time": "-795.7468", "log likelihood, Time*X1 | Time": "-790.5094",
            "intercept": "26.8599", "slope": "-0.5618", "error of the intercept": "0.5016", "error of the slope": "0.1112",
            "variance of intercepts": "23.8448", "covariance": "2.6336", "variance of slopes": "1.1393", "variance": "0.9407",
        },
        by=3e-5,
        is_slow=True,
    ),
    "growth, two classes": Case(
        "lcmm (Proust-Lima, Philipps & Liquet 2017, JSS 78(2)), manual of hlme: the estimates its example begins at",
        "the same",
        "2 classes of lines, weights by two covariates; slopes of a third and effects of persons in common",
        two_classes,
        {
            "odds": "0.11", "odds by X2": "-0.74", "odds by X3": "-0.07",
            "intercept 0": "20.71", "intercept 1": "29.39", "slope 0": "-1.00", "slope 1": "0.13",
            "slope on X1": "2.45", "slope on Time:X1": "-0.29",
            "variance of intercepts": "4.5", "covariance": "0.36", "variance of slopes": "0.79", "scale": "0.97",
        },
        is_slow=True,
    ),
}  # fmt: skip
"""By name."""
