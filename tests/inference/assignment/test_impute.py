"""Missing cells are filled with what an independent route says of them: quadrature of scipy's densities, the textbook's conditional normal,
sums over paths; and draws have the moments of these."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import integrate
from scipy.special import softmax
from scipy.stats import multivariate_normal, norm, poisson

from inference import fit_em, impute, sample_nuts
from inference.backends import bind
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures import (
    Mixture,
    Observations,
    families,
    gaussian_mixture,
    hidden_markov,
    student_t_mixture,
    von_mises_mixture,
)
from mixtures.assignments import Gating, PerGroup
from mixtures.errors import DataError, ModelError, SeedError
from tests.family_cases import CASES
from tests.inference.plots.conftest import point_fit

RNG = np.random.default_rng(2)
LABEL = RNG.random(80) < 0.4
PLANE = np.where(LABEL[:, None], 2.0, 0.0) + RNG.multivariate_normal([0, 0], [[1.0, 0.6], [0.6, 1.5]], 80)
HOLES = pd.DataFrame(PLANE[:5], columns=["a", "b"], index=list("vwxyz"))
HOLES.iloc[0, 0], HOLES.iloc[1, 1], HOLES.iloc[2, :] = np.nan, np.nan, np.nan
FRAME = pd.DataFrame(PLANE, columns=["a", "b"])


def conditional(fit, row):
    """E[x_a | x_b] of a mixture of two normal columns, by quadrature of scipy's joint density."""
    loc, covariances = fit.parameters["loc"], fit.program.mixture.family.covariances(fit.parameters, 2)

    def density(a):
        each = [multivariate_normal(m, s).pdf([a, row[1]]) for m, s in zip(loc, covariances, strict=True)]
        return fit.parameters["weights"] @ each

    ends = loc[:, 0].min() - 12, loc[:, 0].max() + 12
    mass = integrate.quad(density, *ends, limit=200)[0]
    return integrate.quad(lambda a: a * density(a), *ends, limit=200)[0] / mass


@pytest.mark.quick("numpyro-full", "numpyro-VEV", "pyro-diag", reason="each backend, and each kind of covariance")
@pytest.mark.parametrize("structure", ["full", "tied", "diag", "VEV"])
def test_a_gaussian_cell_has_its_conditional_mean(structure, backend):
    fit = fit_em(gaussian_mixture(2, structure), FRAME, restarts=3, seed=0, backend=backend)
    filled = impute(fit, HOLES.assign(other="kept"))
    assert filled.index.tolist() == list("vwxyz")
    assert filled.columns.tolist() == ["a", "b", "other"]
    assert filled.loc["v", "a"] == pytest.approx(conditional(fit, HOLES.iloc[0].to_numpy()), rel=1e-6)
    np.testing.assert_allclose(
        filled.loc["x", ["a", "b"]].astype(float), fit.parameters["weights"] @ fit.parameters["loc"]
    )
    seen = HOLES.notna().to_numpy()
    np.testing.assert_array_equal(filled[["a", "b"]].to_numpy()[seen], HOLES.to_numpy()[seen])


@pytest.mark.statistical
def test_draws_have_the_conditional_distribution():
    """One row many times: b given a is a mixture of three normals, in closed form."""
    known = {"weights": [0.6, 0.25, 0.15], "loc": [[0.0, 0.0], [0.8, 2.5], [0.6, -3.0]], "scale": [[1.0, 0.8]] * 3}
    known["correlation_cholesky"] = [[[1.0, 0.0], [r, np.sqrt(1 - r**2)]] for r in (0.6, 0.0, -0.5)]
    fit = point_fit(gaussian_mixture(3).scaled_to(PLANE), PLANE, known)
    rows = np.tile([[0.5, np.nan]], (4000, 1))
    drawn = impute(fit, rows, draws=1, seed=3)[0][:, 1]
    loc, cov = fit.parameters["loc"], fit.program.mixture.family.covariances(fit.parameters, 2)
    slope = cov[:, 0, 1] / cov[:, 0, 0]
    mean, sd = loc[:, 1] + slope * (0.5 - loc[:, 0]), np.sqrt(cov[:, 1, 1] - slope * cov[:, 0, 1])
    share = softmax(np.log(fit.parameters["weights"]) + norm.logpdf(0.5, loc[:, 0], np.sqrt(cov[:, 0, 0])))
    for point in (-3.5, -2.0, -0.5, 0.5, 1.5, 2.5):
        expected = share @ norm.cdf(point, mean, sd)
        assert np.mean(drawn < point) == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / 4000))


POISSON = Mixture(
    2, families.Product({"n": families.Poisson(), "kind": families.Categorical(3), "yes": families.Bernoulli()})
)
TABLE = pd.DataFrame(
    {
        "n": np.where(LABEL, RNG.poisson(2.0, 80), RNG.poisson(5.0, 80)),
        "kind": pd.Categorical(
            np.array(["low", "mid", "top"])[np.where(LABEL, RNG.integers(0, 2, 80), RNG.integers(0, 3, 80))]
        ),
        "yes": RNG.random(80) < np.where(LABEL, 0.2, 0.7),
    }
)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_columns_of_several_kinds_by_their_own_distributions(backend):
    fit = fit_em(POISSON, TABLE, restarts=5, seed=0, backend=backend)
    p = fit.parameters
    holes = TABLE.head(4).astype({"n": float, "yes": object})
    holes.loc[0, "n"], holes.loc[1, "kind"], holes.loc[2, "yes"] = np.nan, None, None
    filled = impute(fit, holes)
    codes = TABLE["kind"].cat.codes.to_numpy()
    yes = np.where(TABLE["yes"].to_numpy()[:, None], p["yes_probs"], 1 - p["yes_probs"])
    share = p["weights"] * p["kind_probs"][:, codes].T * yes
    share = share[0] / share[0].sum()
    assert filled.loc[0, "n"] == pytest.approx(share @ p["n_rate"])
    share = p["weights"] * poisson.pmf(TABLE["n"].to_numpy()[:, None], p["n_rate"]) * yes
    assert filled.loc[1, "kind"] == ["low", "mid", "top"][np.argmax(share[1] @ p["kind_probs"])]
    share = p["weights"] * poisson.pmf(TABLE["n"].to_numpy()[:, None], p["n_rate"]) * p["kind_probs"][:, codes].T
    assert filled.loc[2, "yes"] == bool(share[2] @ p["yes_probs"] > share[2].sum() / 2)
    assert filled["kind"].dtype == TABLE["kind"].dtype
    drawn = impute(fit, holes, draws=3, seed=0)
    assert len(drawn) == 3
    assert all(one["kind"].isin(["low", "mid", "top"]).all() for one in drawn)
    assert all((one["n"] == one["n"].round()).all() for one in drawn)


MEANS = [
    "poisson",
    "gamma",
    "exponential",
    "negative_binomial",
    "lognormal",
    "weibull",
    "beta",
    "student_t",
    "zero_inflated_poisson",
]


@pytest.mark.quick("pyro-*", "numpyro-poisson", "numpyro-exponential", reason="one code serves both backends")
@pytest.mark.parametrize("name", [name for name in MEANS if name in CASES])
def test_every_family_has_the_mean_of_scipys_density(name, backend):
    """A row of which nothing is known: sum or integral of x times the density."""
    case = CASES[name]
    x, _ = case.draw(40, 0)
    fit = point_fit(case.model.scaled_to(x), x, case.parameters, backend)
    grid = np.arange(400.0) if case.family.parts().support.is_discrete else None
    table = lambda value: np.exp(case.table(np.atleast_1d(value)))  # noqa: E731
    if grid is not None:
        expected = (grid[:, None] * table(grid)).sum()
    else:
        low, high = (1e-9, 1 - 1e-9) if name == "beta" else (-400 if name == "student_t" else 1e-9, 400)
        expected = integrate.quad(
            lambda v: v * table(v).sum(), low, high, limit=800, points=[0, 1, 5] if name != "beta" else None
        )[0]
    filled = impute(fit, Observations(np.array([np.nan]), missing="allow"))
    assert float(filled.x[0]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_rows_of_a_chain_and_of_a_group_are_known_by_the_others(backend):
    x = np.array([0.1, 0.3, np.nan, 0.2, 5.1, 4.8, np.nan, 5.3, 5.0, 0.0])
    seen = Observations(np.where(np.isnan(x), 0.2, x))
    chain = fit_em(hidden_markov(2, families.Gaussian("tied")), seen, restarts=5, seed=0, backend=backend)
    filled = impute(chain, x)
    p, paths = chain.parameters, np.array(list(itertools.product(range(2), repeat=len(x))))
    of_paths = p["initial"][paths[:, 0]] * p["transition"][paths[:, :-1], paths[:, 1:]].prod(axis=1)
    cells = np.nan_to_num(norm.pdf(x[:, None], p["loc"], p["scale"]), nan=1.0)
    of_paths = of_paths * cells[np.arange(len(x)), paths].prod(axis=1)
    for row in (2, 6):
        assert filled[row] == pytest.approx(of_paths @ p["loc"][paths[:, row]] / of_paths.sum(), rel=1e-6)
    assert len(impute(chain, x, draws=2, seed=0)) == 2
    group = np.array(list("aaabbbbbba"))
    grouped = Observations(seen.x, group=group)
    fit = fit_em(Mixture(2, families.Gaussian("tied"), PerGroup()), grouped, restarts=5, seed=0, backend=backend)
    filled = impute(fit, Observations(x, group=group, missing="allow"))
    weights, loc = fit.parameters["weights"], fit.parameters["loc"]
    own = np.flatnonzero((group == "a") & ~np.isnan(x))
    share = softmax(np.log(weights) + norm.logpdf(x[own][:, None], loc, fit.parameters["scale"]).sum(axis=0))
    assert filled.x[2] == pytest.approx(share @ loc, rel=1e-6)
    assert isinstance(filled, Observations)


def test_a_posterior_fills_with_its_mean_and_draws_parameters_anew():
    x = PLANE[:40, 0]
    posterior = sample_nuts(gaussian_mixture(1), x, draws=50, tune=100, chains=1, seed=0, progress=False)
    holes = np.append(x[:3], np.nan)
    assert impute(posterior, holes)[3] == pytest.approx(float(posterior["posterior"]["loc"].mean()), abs=1e-9)
    drawn = [one[3] for one in impute(posterior, holes, draws=4, seed=1)]
    assert len(set(drawn)) == 4


def test_the_same_seed_draws_the_same_cells():
    fit = fit_em(gaussian_mixture(2, "tied"), FRAME, restarts=3, seed=0)
    first, again = (impute(fit, HOLES, draws=2, seed=5) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert not first[0].equals(first[1])
    assert impute(fit, FRAME) is FRAME
    assert [one is FRAME for one in impute(fit, FRAME, draws=3, seed=0)] == [True] * 3


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_covariates_stay_with_their_rows(backend):
    covariates = PLANE[:, 1:]
    x = Observations(PLANE[:, 0], covariates=covariates)
    fit = fit_em(Mixture(2, families.Regression(), Gating()), x, restarts=3, seed=0, backend=backend)
    holes = np.where(np.arange(80) == 3, np.nan, PLANE[:, 0])
    filled = impute(fit, Observations(holes, covariates=covariates, missing="allow"))
    p, at = fit.parameters, covariates[3, 0]
    share = softmax(p["gating_intercept"] + p["gating_slope"][:, 0] * at)
    assert filled.x[3] == pytest.approx(share @ (p["intercept"] + p["slope"][:, 0] * at), rel=1e-6)


def test_what_cannot_be_filled_is_refused_in_words():
    fit = fit_em(gaussian_mixture(2, "tied"), FRAME, restarts=3, seed=0)
    with pytest.raises(SeedError, match="Draws need a seed"):
        impute(fit, HOLES, draws=1)
    angles = RNG.uniform(-3, 3, 30)
    known = {"weights": [1.0], "loc": [0.0], "concentration": [1.0]}
    directions = point_fit(von_mises_mixture(1).scaled_to(angles), angles, known)
    with pytest.raises(ModelError, match="angles"):
        impute(directions, [0.5, np.nan])
    assert len(impute(directions, [0.5, np.nan], draws=2, seed=0)) == 2
    known = {"weights": [1.0], "df": [4.0], "loc": [[0.0, 0.0]], "scale": [[1.0, 1.0]]}
    known["correlation_cholesky"] = [np.eye(2)]
    heavy = point_fit(student_t_mixture(1).scaled_to(PLANE), PLANE, known)
    with pytest.raises(ModelError, match="hang together.*not normal"):
        impute(heavy, [[0.5, np.nan], [0.5, 1.0]])
    censored = Observations([0.5, np.nan], missing="allow", lower=[np.nan, 1.0], upper=[np.nan, np.inf])
    one = fit_em(gaussian_mixture(1), PLANE[:, 0], restarts=1, seed=0)
    with pytest.raises(DataError, match="known by bounds"):
        impute(one, censored)


def tree_of(model, x, each):
    """A posterior of one chain, by the draws of its sites."""
    draws = {name: np.asarray(value)[None] for name, value in each.items()}
    count = len(next(iter(each.values())))
    return build_tree(bind(model.scaled_to(x), x, "numpyro"), Draws(draws, {"lp": np.zeros((1, count))}), {})


def test_means_are_of_all_draws_and_each_data_set_has_a_draw_of_its_own():
    x = Observations(PLANE[:4, 0])
    places = np.array([1.0, 20.0, 3.0, 400.0, 6.0])
    each = {"weights": np.ones((5, 1)), "loc": places[:, None], "scale": np.full((5, 1), 1e-6)}
    tree = tree_of(gaussian_mixture(1), x, each)
    assert impute(tree, [0.5, np.nan])[1] == pytest.approx(places.mean())
    for draws, times in ((5, 1), (10, 2)):
        drawn = [one[1] for one in impute(tree, [0.5, np.nan], draws=draws, seed=0)]
        np.testing.assert_allclose(np.sort(drawn), np.repeat(np.sort(places), times), rtol=1e-4)
    firsts = [impute(tree, [0.5, np.nan], draws=1, seed=seed)[0][1] for seed in range(6)]
    assert len(np.unique(np.round(firsts))) > 1


def test_a_category_is_the_most_probable_of_all_draws_together():
    x = Observations([0.0, 1.0, 2.0])
    probs = np.array([[[0.50, 0.40, 0.10]], [[0.02, 0.38, 0.60]]])  # neither draw's own is that of both
    tree = tree_of(Mixture(1, families.Categorical(3)), x, {"weights": np.ones((2, 1)), "probs": probs})
    assert impute(tree, [0.0, np.nan]).tolist() == [0.0, 1.0]


def test_columns_are_those_that_draws_are_of_whatever_their_order():
    frame = FRAME.head(4)
    each = {"weights": np.ones((1, 1)), "loc": np.array([[[1.0, 50.0]]]), "scale": np.full((1, 1, 2), 2.0)}
    tree = tree_of(gaussian_mixture(1, "diag"), Observations(frame), each)
    holes = pd.DataFrame({"b": [np.nan, 7.0], "other": ["kept", "too"], "a": [3.0, np.nan]})
    right = pd.DataFrame({"b": [50.0, 7.0], "other": ["kept", "too"], "a": [3.0, 1.0]})
    pd.testing.assert_frame_equal(impute(tree, holes), right)
