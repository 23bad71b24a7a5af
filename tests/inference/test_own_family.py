"""A user's own family, in ten lines, passes through every verb and back from a posterior."""

from dataclasses import field, make_dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

import inference
import inference.plots
import inference.report
from inference.backends import engine
from mixtures import Mixture, Observations, errors, priors
from mixtures.families import Columns, Family, Gaussian, Parts, PerComponent, Product, WithNoise
from tests.programs.own_families import SkewedTies


class Laplace(Columns):
    """Rows have a double exponential distribution within a component."""

    default_priors = {  # noqa: RUF012 (as a user would write it)
        "loc": priors.Normal(priors.MIDRANGE, priors.RANGE),
        "scale": priors.LogNormal(priors.LOG_HALF_SD, 1.0),
    }

    def cell(self, ppl, parameters):
        return ppl.dist.Laplace(parameters["loc"], parameters["scale"])

    def start(self, x, rows, components):
        return {"loc": x[rows], "scale": np.full(x[rows].shape, x.std() / 2)}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.laplace(-2, 1, 40), rng.laplace(2, 0.5, 60)])


def test_its_hub_is_scipys_density(data, backend):
    truth = {"weights": np.array([0.4, 0.6]), "loc": np.array([-1.0, 2.0]), "scale": np.array([1.0, 0.5])}
    table = engine(backend).log_joint(Mixture(2, Laplace()), truth, Observations(data))
    expected = np.log(truth["weights"]) + stats.laplace(truth["loc"], truth["scale"]).logpdf(data[:, None])
    np.testing.assert_allclose(table, expected, rtol=1e-10)


def test_every_verb_takes_it(data):
    model = Mixture(2, Laplace())
    fit = inference.fit_map(model, data, restarts=5, seed=0)
    np.testing.assert_allclose(np.sort(fit.parameters["loc"]), [-2, 2], atol=0.6)
    post = inference.sample_nuts(model, data, draws=30, tune=50, chains=2, seed=0, init=fit, progress=False)
    assert inference.responsibilities(post, data).shape == (100, 2)  # the program comes back from the tree
    inference.relabel(post)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_it_serves_columns_and_missing_cells(data, backend):
    two = np.column_stack([data, -data])
    two[3, 1] = np.nan
    fit = inference.fit_map(
        Mixture(2, Laplace()), Observations(two, missing="allow"), restarts=2, steps=50, seed=0, backend=backend
    )
    assert fit.parameters["loc"].shape == (2, 2)


def test_it_is_checked_like_any_other():
    with pytest.raises(errors.ChoiceError, match="'loc', 'scale'"):
        Laplace(priors={"rate": priors.Gamma(1.0, 1.0)})


PARTS = (
    *("needs_covariates", "with_covariates", "support", "can_be", "distinct_components", "bare_components"),
    *(
        "spare_sites",
        "circular_sites",
        "linear_predictors",
        "components",
        "jointly",
        "observe",
        "covariances",
        "structure",
    ),
)


@pytest.mark.parametrize("value", [5, True, 2.5])
def test_fields_of_its_own_may_have_any_name(value, data):
    """Every optional part of families is some user's field."""
    fields = [(name, type(value), field(default=value)) for name in PARTS]
    crowded = make_dataclass("Crowded", fields, bases=(Laplace,), frozen=True)()
    truth = {"weights": np.array([0.4, 0.6]), "loc": np.array([-1.0, 2.0]), "scale": np.array([1.0, 0.5])}
    found, right = (
        engine("numpyro").log_joint(Mixture(2, family), truth, Observations(data)) for family in (crowded, Laplace())
    )
    np.testing.assert_array_equal(found, right)
    fit = inference.fit_em(Mixture(2, crowded), data, restarts=1, max_steps=2, seed=0)
    assert np.isfinite(fit.log_likelihood) and len(str(fit)) > 50
    assert inference.plots.plot_density(fit, data).get_ylim()[0] == 0.0
    noisy = Mixture(2, WithNoise(crowded, -9.0, 9.0))
    assert engine("numpyro").sites(noisy, Observations(data)).free_parameters == 1 + 2
    product = Mixture(2, Product({"a": crowded, "b": PerComponent([crowded, Gaussian()])}))
    assert "obs" not in str(product) and product.components == 2


class Stated(Laplace):
    """A part in an attribute of the class, which `parts` does not look at."""

    circular_sites = frozenset({"loc"})


class Duck(SkewedTies):
    """The same of a family that is no `Family`."""

    def can_be(self, x, components):
        return x > 0


@pytest.mark.parametrize("family", [Stated(), Duck()])
@pytest.mark.parametrize(
    "declare",
    [
        lambda family: Mixture(2, family),
        lambda family: WithNoise(family, -9.0, 9.0),
        lambda family: Product({"a": family}),
        lambda family: PerComponent([family, Gaussian()]),
    ],
)
def test_a_part_that_nothing_reads_is_refused(family, declare):
    with pytest.raises(errors.ModelError, match="circular_sites|can_be"):
        declare(family)


class NoDataclass(Family):
    """A family that compiled programs cannot be known by."""

    priors_by_site: ClassVar = {}

    def shared(self, ppl, draw, features):
        return {}

    per_component = start = shared

    def emission(self, ppl, parameters, features):
        return ppl.dist.Normal(0.0, 1.0)

    def check(self, x):
        pass


class Forgetful(Laplace):
    """A start without a site."""

    def start(self, x, rows, components):
        return {"loc": x[rows]}


class Elsewhere(Laplace):
    """A part of a site that is not there."""

    def parts(self):
        return Parts(circular_sites=frozenset({"direction"}))


class Spelled(Laplace):
    """Parts that are no `Parts`."""

    def parts(self):
        return {"circular_sites": {"loc"}}


class Empty(Columns):
    """No priors."""

    def cell(self, ppl, parameters):
        return ppl.dist.Normal(0.0, 1.0)

    def start(self, x, rows, components):
        return {}


class Half:
    """An emission and nothing else."""

    def emission(self, ppl, parameters, features):
        return ppl.dist.Normal(0.0, 1.0)


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: Mixture(2, NoDataclass()), "dataclass"),
        (lambda: Mixture(2, make_dataclass("Fixed", [], bases=(NoDataclass,), frozen=True)()), "field `priors`"),
        (lambda: Mixture(2, Elsewhere()), "'direction'"),
        (lambda: Mixture(2, Spelled()), "Parts"),
        (lambda: Mixture(2, Half()), "priors_by_site"),
        (Empty, "default_priors"),
        (lambda: inference.fit_map(Mixture(2, Forgetful()), [0.0, 1.0, 2.0], restarts=1, seed=0), "'scale'"),
    ],
)
def test_mistakes_in_a_family_are_said_in_words(declare, said):
    with pytest.raises(errors.ModelError, match=said):
        declare()
