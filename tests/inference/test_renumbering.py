"""Components under other numbers where the law of the assignment says what that means: nothing that is known of the rows changes."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

import inference
from inference.renumbering import draws_of_law, renumbered
from mixtures import Mixture, families, gaussian_mixture
from mixtures.assignments import Dirichlet, RowWise
from mixtures.priors import Dirichlet as DirichletPrior

SHARE = 0.3
RNG = np.random.default_rng(3)
Z = RNG.choice(3, 120, p=[0.3, 0.5, 0.2])
X = RNG.normal(np.array([-2.0, 0.5, 2.5])[Z], 1.0)


@dataclass(frozen=True)
class FirstKnown(RowWise):
    """Component 0 has a known share, the others ~ Dirichlet(1) share the rest: K - 1 numbers, which are of no axis of K."""

    site: str = "others"

    @property
    def priors_by_site(self):
        return {self.site: DirichletPrior(1.0)}

    def draw(self, ppl, draw, components, rows):
        return {self.site: draw(self.site, dims=("others",), event=(components - 1,))}

    def probs(self, xp, values):
        others = values[self.site]
        return xp.concat([xp.full_like(others[:1], SHARE), (1 - SHARE) * others], axis=0)

    def assign(self, ppl, values, rows):
        return ppl.assign("assignment", probs=self.probs(ppl.xp, values))

    def start(self, components, rows, rng):
        return {self.site: np.full(components - 1, 1 / (components - 1))}

    def kinds(self, components):
        return [0] + [1] * (components - 1)

    def log_probs(self, xp, values, rows):
        return xp.log(self.probs(xp, values))[None]

    def permuted(self, values, permutation):
        return {self.site: values[self.site][permutation[1:] - 1]}


def log_likelihood(others, loc, scale):
    weights = np.append(SHARE, (1 - SHARE) * np.asarray(others))
    return logsumexp(np.log(weights) + norm.logpdf(X[:, None], loc, scale), axis=1).sum()


MODEL = Mixture(3, families.Gaussian("tied"), FirstKnown())


@pytest.fixture(scope="module")
def posterior():
    return inference.sample_nuts(MODEL, X, draws=40, tune=80, chains=2, seed=1, progress=False)


def each(tree):
    draws = tree["posterior"].to_dataset().stack(every=["chain", "draw"])
    return np.array(
        [
            log_likelihood(draws["others"].values[:, t], draws["loc"].values[:, t], draws["scale"].values[t])
            for t in range(draws.sizes["every"])
        ]
    )


@pytest.mark.parametrize("method", ["ecr", "stephens", "sjw", "ordering"])
def test_relabelled_draws_have_the_same_likelihood(posterior, method):
    # as many draws as not have the others' numbers exchanged first
    flip = RNG.integers(0, 2, (2, 40)).astype(bool)
    draws = posterior["posterior"].to_dataset()
    order = np.where(flip[..., None], [0, 2, 1], [0, 1, 2])
    moved = draws.assign(
        loc=draws["loc"].copy(data=np.take_along_axis(draws["loc"].values, order, axis=2)),
        others=draws["others"].copy(data=np.take_along_axis(draws["others"].values, order[..., 1:] - 1, axis=2)),
    )
    switched = posterior.copy(deep=False)
    switched["posterior"] = xr.DataTree(moved)
    found = inference.relabel(switched, method=method)
    np.testing.assert_allclose(each(found), each(switched), rtol=1e-10)
    assert (found["relabelling"]["permutation"].values != np.arange(3)).any()


def test_an_aligned_fit_still_has_its_likelihood():
    fit = inference.fit_em(MODEL, X, restarts=3, seed=0)
    other = replace(
        fit, parameters=renumbered(fit.parameters, fit.component_axis, np.array([0, 2, 1]), MODEL.assignment)
    )
    assert not np.allclose(other.parameters["loc"], fit.parameters["loc"])
    aligned = inference.align(other, to=fit, x=X)
    for one in (fit, other, aligned):
        assert log_likelihood(**one.parameters) == pytest.approx(fit.log_likelihood, rel=1e-8)
    np.testing.assert_allclose(aligned.parameters["others"], fit.parameters["others"])


def test_weights_of_fewer_numbers_than_components_order_nothing():
    fit = inference.fit_map(
        Mixture(3, families.Gaussian("tied"), FirstKnown("weights")), X, restarts=2, steps=50, seed=0
    )
    assert fit.parameters["weights"].shape == (2,) and fit.parameters["loc"].shape == (3,)


def test_draws_of_plain_weights_are_taken_in_order():
    values = RNG.dirichlet([1.0, 1.0, 1.0], (2, 5))
    draws = xr.Dataset({"weights": (("chain", "draw", "components"), values)})
    order = np.array([RNG.permutation(3) for _ in range(10)])
    found = draws_of_law(draws, order, Dirichlet())["weights"].values
    np.testing.assert_array_equal(found.reshape(10, 3), np.take_along_axis(values.reshape(10, 3), order, axis=1))
    assert gaussian_mixture(2).assignment == Dirichlet()
