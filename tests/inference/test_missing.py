"""A missing cell drops out of the likelihood exactly: the hub is the density with that cell integrated (or summed) out."""

import numpy as np
import pytest
from scipy import integrate

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, families, gaussian_mixture, load_dataset, poisson_mixture
from mixtures.errors import ChoiceError, DataError
from tests.family_cases import CASES, WEIGHTS

CONTINUOUS = ("gaussian full", "student_t full", "student_t tied", "student_t diag", "with noise")
DISCRETE = ("poisson columns", "bernoulli", "categorical columns")
NAMES = (*CONTINUOUS, *DISCRETE, "product")


def with_holes(name: str, rows: int = 5) -> Observations:
    """Data where row i misses column i, the next row nothing, and the last row everything."""
    x = np.array(CASES[name].data().x[:rows])
    features = x.shape[1]
    for row in range(features):
        x[row, row] = np.nan
    x[-1] = np.nan
    names = CASES[name].data().feature_names
    return Observations(x, feature_names=names, missing="allow")


def integrated(name: str, row: np.ndarray, column: int) -> np.ndarray:
    """log of the integral of w_k p(row | k) over one cell, (components,), by quadrature or summation."""
    case = CASES[name]

    def density(value: float, k: int) -> float:
        filled = np.array(row)
        filled[column] = value
        return np.exp(case.table(filled[None])[0, k])

    is_discrete = name in DISCRETE or (name == "product" and column > 0)
    if is_discrete:
        largest = {"bernoulli": 1, "categorical columns": 2}.get(name, 2 if column == 2 else 80)
        largest = 80 if name == "poisson columns" else largest
        return np.log([sum(density(value, k) for value in range(largest + 1)) for k in (0, 1)])
    everywhere = (-np.inf, np.inf)
    bounds = [((-4.0, 5.0), (-5.0, 6.0))[column] if name == "with noise" else everywhere, everywhere]
    return np.log([integrate.quad(density, *bounds[k], args=(k,), epsabs=1e-13, limit=200)[0] for k in (0, 1)])


@pytest.mark.quick(
    "pyro-*",
    "numpyro-gaussian full",
    "numpyro-categorical columns",
    "numpyro-product",
    reason="cells are left out by one code",
)
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_cell_is_integrated_out(name, backend):
    x = with_holes(name)
    table = engine(backend).log_joint(CASES[name].model, CASES[name].parameters, x)
    for row in range(x.features):
        np.testing.assert_allclose(table[row], integrated(name, x.x[row], row), rtol=1e-7, atol=1e-8)
    if x.features < len(x) - 1:  # a complete row in between
        np.testing.assert_allclose(table[x.features], CASES[name].table(x.x[[x.features]])[0], rtol=1e-10)


@pytest.mark.parametrize("name", [*NAMES, "poisson", "multinomial", "gaussian regression"])
def test_a_row_with_everything_missing_changes_nothing(name, backend):
    case = CASES[name]
    full = case.data()
    blank = np.array(full.x)
    blank[3] = np.nan
    holes = Observations(blank, full.feature_names, "allow", full.covariates)
    table = engine(backend).log_joint(case.model, case.parameters, holes)
    np.testing.assert_allclose(table[3], np.log(WEIGHTS), atol=1e-14)
    others = np.arange(len(full)) != 3
    np.testing.assert_allclose(table[others], case.table(full.x)[others], rtol=1e-10, atol=1e-10)


MODELS = [
    (poisson_mixture(2), {"rate": [1.5, 4.0]}),
    (Mixture(2, families.Exponential()), {"rate": [0.2, 1.0]}),
    (Mixture(2, families.Gamma()), {"concentration": [2.0, 6.0], "rate": [1.0, 1.5]}),
]
VERBS = [inference.fit_em, inference.fit_mle, inference.fit_map]
COUNTED = [
    # rows are counted by one code: each verb and each model, and in the long run each verb with each model
    pytest.param(verb, *of, id=f"{verb.__name__}-{i}", marks=() if i == j or i == 0 else pytest.mark.slow)
    for i, of in enumerate(MODELS)
    for j, verb in enumerate(VERBS)
]


@pytest.mark.parametrize(("verb", "model", "start"), COUNTED)
def test_blank_rows_are_no_rows_to_the_criteria(verb, model, start):
    rng = np.random.default_rng(0)
    x = rng.poisson([[1.5], [4.0]], size=(2, 20)).reshape(-1) + 1.0
    if isinstance(model.family, families.Exponential):  # counts are one exponential component, not two
        x = rng.exponential([[8.0], [0.4]], size=(2, 20)).reshape(-1)
    # nor are they two gammas: the start would have no sound optimum, and others would be drawn
    if isinstance(model.family, families.Gamma):
        x = rng.gamma([[2.0], [24.0]], [[1.0], [1 / 3]], size=(2, 20)).reshape(-1)
    blank = Observations([np.nan, *x, np.nan], missing="allow")
    begin = {"weights": WEIGHTS, **start}
    with_blank, without = (verb(model, data, restarts=1, seed=0, init=begin) for data in (blank, x))
    for criterion in ("aic", "bic", "icl", "sample_size"):
        assert getattr(with_blank, criterion) == pytest.approx(getattr(without, criterion), rel=1e-7)
    assert without.sample_size == len(x)
    labelled = verb(model, blank.with_labels([0] + [-1] * len(x) + [-1]), restarts=1, seed=0, init=begin)
    assert labelled.sample_size == len(x) + 1  # a known component says something of the weights


@pytest.mark.quick(
    "pyro-*", "numpyro-gaussian full", "numpyro-categorical columns", reason="cells are left out by one code"
)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_and_right(name, backend):
    case, x = CASES[name], with_holes(name)
    density = engine(backend).bind(case.model, x).log_density()
    u = density.unconstrain(case.parameters)
    value, gradient = density.value_and_gradient(u)
    for index in range(density.size):
        offset = 1e-5 * np.eye(density.size)[index]
        ahead, behind = density.value_and_gradient(u + offset)[0], density.value_and_gradient(u - offset)[0]
        assert abs((ahead - behind) / 2e-5 - gradient[index]) < 1e-6 * max(1.0, abs(value))


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_the_verbs_take_missing_cells(backend):
    x = np.array(load_dataset("faithful").x[:60])
    x[::7, 0], x[3::9, 1] = np.nan, np.nan
    holes = Observations(x, missing="allow")
    model = gaussian_mixture(2)
    fit = inference.fit_map(model, holes, restarts=4, steps=200, seed=0, backend=backend)
    assert fit.status.is_sound
    shares = inference.responsibilities(fit, holes)
    np.testing.assert_array_equal(inference.classify(fit, holes), shares.argmax(axis=1))
    unseen = Observations([[np.nan, np.nan]], missing="allow")
    np.testing.assert_allclose(inference.responsibilities(fit, unseen)[0], fit.parameters["weights"], rtol=1e-10)
    draws = 20 if backend == "numpyro" else 5
    post = inference.sample_nuts(
        model, holes, draws=draws, tune=draws, chains=1, seed=0, init=fit, backend=backend, progress=False
    )
    assert np.isfinite(post.log_likelihood.obs.values).all()
    table = inference.responsibilities(post, holes)  # the data come back from the tree with their holes
    assert np.isfinite(table).all()


def test_default_priors_and_starts_ignore_missing_cells():
    x = np.array([1.0, 5.0, np.nan, 2.0, 4.0, np.nan])
    holes, seen = Observations(x, missing="allow"), Observations(x[~np.isnan(x)])
    for model in (gaussian_mixture(2), poisson_mixture(2)):
        assert model.scaled_to(holes) == model.scaled_to(seen)
        start = model.start(holes, np.random.default_rng(0))
        assert all(np.isfinite(value).all() for value in start.values())


def test_missing_must_be_asked_for():
    with pytest.raises(DataError, match=r"nan at row 1.*missing=\"allow\""):
        Observations([1.0, np.nan])
    with pytest.raises(DataError, match="inf at row 1"):
        Observations([1.0, np.inf], missing="allow")
    with pytest.raises(ChoiceError, match="'raise', 'allow'"):
        Observations([1.0], missing="drop")


def test_what_cannot_be_missing_is_refused():
    with pytest.raises(DataError, match=r"no observed value in column \[1\]"):
        inference.fit_map(gaussian_mixture(2), Observations([[1.0, np.nan], [2.0, np.nan]], missing="allow"), seed=0)
    half = Observations([[1.0, 2.0], [np.nan, 3.0]], missing="allow")
    with pytest.raises(DataError, match="as a whole or not at all"):
        families.Multinomial(3).check(half)
    with pytest.raises(DataError, match="covariates.*nan at row 0"):
        Observations([1.0, 2.0], covariates=[np.nan, 1.0])
