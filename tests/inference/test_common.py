"""What components of a regression share: slopes, the intercept, a scale; against scipy's optimum of the likelihood written out."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import inference
from mixtures import Mixture, Observations, families, priors, regression_mixture
from mixtures.errors import ChoiceError, DataError, ModelError
from mixtures.specification import from_json, to_json

RNG = np.random.default_rng(4)
C = np.column_stack([RNG.normal(2000.0, 5.0, 90), RNG.normal(size=90)])
FIRST = RNG.random(90) < 0.4
Y = np.where(FIRST, 1.5 + 1.2 * C[:, 1], -0.5 - 0.4 * C[:, 1]) + 0.1 * (C[:, 0] - 2000) + RNG.normal(scale=0.7, size=90)
X = Observations(Y, covariates=pd.DataFrame(C, columns=["year", "dose"]))


def lines(common):
    """Coordinates -> (weight's log odds, intercepts, slopes, log scales) of two components, with one number where they share it."""

    def read(u):
        u, found = list(u), []
        for one in ("intercept", 0, 1, "scale"):
            own = [u.pop(0)] if one in common else [u.pop(0), u.pop(0)]
            found.append(np.broadcast_to(own, 2))
        return u.pop(), *found

    return read


def loss(u, read):
    odds, level, year, dose, log_scale = read(u)
    each = [stats.norm(level[k] + (C - [2000, 0]) @ [year[k], dose[k]], np.exp(log_scale[k])).logpdf(Y) for k in (0, 1)]
    return -np.logaddexp(each[0] - np.logaddexp(0, -odds), each[1] - np.logaddexp(0, odds)).sum()


TRUTH = {"intercept": [1.5, -0.5], 0: [0.1, 0.1], 1: [1.2, -0.4], "scale": [-0.4, -0.4]}


def coordinates(fit, common):
    """What `lines` reads, of a fit."""
    slopes = np.empty((2, 2))
    for site, dims in fit.dims.items():
        if "slope" in site:
            slopes[:, [int(number) for number in dims[-1].split("_")[1:]]] = fit.parameters[site]
    level = fit.parameters["intercept"] + 2000 * slopes[:, 0]
    each = {"intercept": level, 0: slopes[:, 0], 1: slopes[:, 1], "scale": np.log(fit.parameters["scale"])}
    own = [n for one, both in each.items() for n in np.broadcast_to(both, 2)[: 1 if one in common else 2]]
    return np.array([*own, np.log(fit.parameters["weights"][0] / fit.parameters["weights"][1])])


@pytest.mark.quick(
    "numpyro-common0", "pyro-common1", "pyro-common3", reason="each backend, and each kind of common part"
)
@pytest.mark.parametrize("common", [(0,), (0, "scale"), (1, 0), (0, "intercept")])
def test_two_lines_at_the_maximum(common, backend):
    """The height is that of the likelihood written out; scipy finds no higher place from there, and none from the truth."""
    read = lines(common)
    model = regression_mixture(2, common=common)
    fit = inference.fit_em(model, X, restarts=4, tolerance=1e-10, seed=0, backend=backend)
    u = coordinates(fit, common)
    assert fit.log_likelihood == pytest.approx(-loss(u, read), abs=1e-7)
    assert fit.free_parameters == len(u)
    truth = [n for one, both in TRUTH.items() for n in (both[:1] if one in common else both)]
    for begin in (u, np.array([*truth, np.log(0.4 / 0.6)])):
        assert -optimize.minimize(loss, begin, args=(read,)).fun < fit.log_likelihood + 1e-5


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_one_component_shares_with_nobody(backend):
    """Whatever is common, one component has the plain line, by least squares."""
    design = np.column_stack([np.ones(90), C])
    exact = np.linalg.lstsq(design, Y, rcond=None)[0]
    fit = inference.fit_em(regression_mixture(1, common=[1]), X, restarts=1, tolerance=1e-10, seed=0, backend=backend)
    found = [fit.parameters["intercept"][0], fit.parameters["slope"][0, 0], fit.parameters["common_slope"][0]]
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_names_in_tables_trees_and_files():
    fit = inference.fit_em(regression_mixture(2, common=[1, "scale"]), X, restarts=2, seed=0)
    assert "common_slope[dose], shared" in str(fit) and "slope[year]" in str(fit)
    tree = inference.fit_laplace(fit.program, X, draws=20, seed=0)["posterior"]
    assert tree["common_slope"].coords["covariates_1"].values.tolist() == ["dose"]
    assert tree["slope"].coords["covariates_0"].values.tolist() == ["year"]
    assert from_json(to_json(fit.program)) == fit.program
    assert inference.plots.plot_regression(fit, X) is not None


def test_priors_are_of_the_covariates_that_a_slope_goes_with():
    model = regression_mixture(2, common=[0], priors={"common_slope": priors.Normal(0.0, 3.0)}).scaled_to(X)
    assert dict(model.priors["common_slope"].parameters)["scale"] == 3.0
    wide = dict(regression_mixture(2, common=[0]).scaled_to(X).priors["slope"].parameters)["scale"]
    assert np.ravel(wide) == pytest.approx(2.5 * Y.std() / C[:, 1].std())


def test_by_name_in_a_formula():
    """A term's name is that of all its columns."""
    pytest.importorskip("formulaic")
    table = pd.DataFrame({"y": Y, "year": C[:, 0], "g": np.tile(["a", "b", "c"], 30)})
    model = regression_mixture(2, "y ~ year + C(g)", data=table, common=["C(g)", "scale"])
    assert model.family.common == (1, 2, "scale")
    fit = inference.fit_map(model, table, restarts=2, steps=50, seed=0)
    assert "common_slope[C(g)[T.b]], shared" in str(fit)
    assert "common_slope" in str(model) and "cannot be written" not in str(model)


@pytest.mark.quick("Product", reason="components of different families are parts too")
@pytest.mark.parametrize(
    "family",
    [
        families.Product({"a": families.Regression(common=[0]), "b": families.Gaussian()}),
        families.PerComponent([families.Regression(common=[0]), families.Gaussian()]),
    ],
    ids=lambda family: type(family).__name__,
)
def test_within_other_families(family):
    """A start has every site's shape, and axes keep the covariates' names."""
    is_table = isinstance(family, families.Product)
    y = pd.DataFrame({"a": Y, "b": Y[::-1]}) if is_table else Y
    x = Observations(y, covariates=X.covariates)
    fit = inference.fit_em(Mixture(2, family), x, restarts=1, max_steps=3, seed=0)
    slope, shared = ("a_slope", "a_common_slope") if is_table else ("slope_0", "common_slope_0")
    assert fit.dims[slope][-1] == "covariates_1" and fit.dims[shared] == ("covariates_0",)
    assert f"{slope}[1]" in str(fit)


def test_what_cannot_be_common():
    with pytest.raises(ChoiceError, match="common: got 'dose'; expected one of 'intercept', 'scale'"):
        regression_mixture(2, common=["dose"])
    with pytest.raises(ModelError, match="common"):
        families.Regression(common=[-1])
    with pytest.raises(ModelError, match="each covariate and each site once"):
        families.Regression(common=[0, 0])
    with pytest.raises(DataError, match=r"among=\[2\]; expected numbers of covariates from 0 to 1"):
        inference.fit_map(regression_mixture(2, common=[2]), X, seed=0)
    with pytest.raises(ModelError, match="a site at least in which components differ"):
        inference.fit_map(Mixture(2, families.Regression("poisson", common=["intercept", 0, 1])), X, seed=0)
