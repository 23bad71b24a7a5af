"""Draws are never lost to what comes after them: a step that fails costs its own group, with a warning; what can fail earlier does.

Right draws are those of the same run undisturbed.
"""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import inference
from inference.backends import bind
from inference.backends.numpyro.bound import NumPyroBound
from inference.posterior import approximate, nuts_run, smc, tree
from inference.posterior.afterwards import LostGroupWarning
from mixtures import Mixture, Observations, declare, families, gaussian_mixture, priors
from mixtures.errors import ModelError
from mixtures.ppl.notation import Symbol
from tests.programs.latent import CELLS, row_intercepts

X = np.random.default_rng(0).normal([[0.0], [3.0]], 1.0, (2, 15)).ravel()
MODEL = gaussian_mixture(2, "tied")
NUTS = {"draws": 10, "tune": 20, "chains": 2, "seed": 0, "progress": False}


@pytest.fixture(scope="module")
def verbs():
    fit = inference.fit_map(MODEL, X, restarts=2, steps=50, seed=0)
    return {
        "nuts": lambda: inference.sample_nuts(MODEL, X, **NUTS, init=fit, sampler="numpyro"),
        "smc": lambda: inference.sample_smc(MODEL, X, particles=20, runs=2, moves=1, seed=0, progress=False),
        "laplace": lambda: inference.fit_laplace(MODEL, X, init=fit, draws=40, seed=0),
        "vi": lambda: inference.fit_vi(MODEL, X, init=fit, draws=40, steps=20, seed=0),
    }


@pytest.fixture(scope="module")
def undisturbed(verbs):
    return {name: sample() for name, sample in verbs.items()}


def _broken(*_, **__):
    raise ZeroDivisionError("no such\nluck")


STEPS = {
    "log_likelihood": (tree, "_log_likelihood"),
    "log_prior": (NumPyroBound, "log_densities"),
    "constant_data": (tree, "_constants"),
    "directions on one turn": (tree, "unrolled"),
}
OWN = {
    "laplace": {"sample_stats.log_weight and k_hat": (approximate, "_smoothed")},
    "vi": {"sample_stats.log_weight and k_hat": (approximate, "_smoothed")},
    "smc": {"attributes log_evidence, log_evidence_error": (smc, "pooled_evidence")},
}
EVERY = [(verb, group) for verb in ("nuts", "smc", "laplace", "vi") for group in {**STEPS, **OWN.get(verb, {})}]


@pytest.mark.parametrize(("verb", "group"), EVERY)
def test_a_step_that_fails_costs_its_own_group(verb, group, verbs, undisturbed, monkeypatch):
    where, name = {**STEPS, **OWN.get(verb, {})}[group]
    right = undisturbed[verb]
    if (where, name) == STEPS[
        "log_prior"
    ] and verb == "nuts":  # the height of `init` is a log prior too, and needed before
        monkeypatch.setattr(inference.posterior.nuts, "log_posterior_of", lambda *_: -1.0)
    monkeypatch.setattr(where, name, _broken)
    with pytest.warns(LostGroupWarning, match=rf"{group} could not be made \(ZeroDivisionError: no such\)"):
        found = verbs[verb]()
    for site in right["posterior"].data_vars:
        np.testing.assert_array_equal(found["posterior"][site], right["posterior"][site])
    assert set(right.children) - set(found.children) <= {group}
    assert json.loads(found.attrs["lost"])[group].startswith("ZeroDivisionError")
    assert any(
        warning.name == "lost" and group in warning.found for warning in inference.check_posterior(found).warnings
    )


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), RuntimeError("out of luck")])
def test_what_is_made_on_request_costs_no_draws(error, undisturbed, monkeypatch):
    def fails(*_):
        raise error

    monkeypatch.setattr(nuts_run, "with_predictive", fails)
    monkeypatch.setattr(nuts_run, "with_assignments", fails)
    with pytest.warns(LostGroupWarning) as caught:
        found = inference.sample_nuts(MODEL, X, **NUTS, sampler="numpyro", predictive=True, assignments=True)
    assert np.isfinite(found["posterior"]["loc"]).all()
    assert [str(warning.message).split(", but ")[1].split(" could")[0] for warning in caught] == [
        "the groups of predicted data",
        "posterior.assignment",
    ]


def test_nor_do_warnings_that_are_errors(verbs, monkeypatch):
    monkeypatch.setattr(tree, "_constants", _broken)
    assert "lost" in verbs["nuts"]().attrs  # the tests make errors of warnings


def test_nor_does_what_is_said_of_likelihoods_that_are_conditional():
    found = inference.sample_nuts(row_intercepts, CELLS, **{**NUTS, "draws": 4, "tune": 4})
    assert np.isfinite(found["posterior"]["weights"]).all()
    assert found["log_likelihood"]["obs"].attrs["given"].startswith("conditional on")


@dataclass(frozen=True)
class ByPrecision(families.Columns):
    """A user's family, whose text has operators."""

    default_priors = {  # noqa: RUF012
        "loc": priors.Normal(priors.MIDRANGE, priors.RANGE),
        "precision": priors.Gamma(2.0, 1.0),
    }

    def cell(self, ppl, p):
        return ppl.dist.Normal(0.0 - (-p["loc"]), ppl.xp.where(p["precision"] > 0, 1 / p["precision"] ** 0.5, 1.0))

    def start(self, x, rows, components):
        return {"loc": x[rows], "precision": np.full(x[rows].shape, components / x.var())}


@dataclass(frozen=True)
class Branching(ByPrecision):
    """One whose text cannot be written."""

    def cell(self, ppl, p):
        return ppl.dist.Normal(p["loc"], 1.0) if len(p["loc"].shape) else ppl.dist.Normal(*[p["loc"], float(p["loc"])])


def test_operators_are_written_down():
    lines = str(Mixture(2, ByPrecision())).splitlines()
    right = "Normal(0.0 - -loc[assignment[i]], where(precision[assignment[i]] > 0, 1 / precision[assignment[i]] ** 0.5, 1.0))"
    assert lines[6] == f"    obs[i]        ~ {right}"
    assert [str(Symbol("x")[part]) for part in np.s_[1:, :2, 1:2, ::2]] == ["x[1:]", "x[:2]", "x[1:2]", "x[::2]"]


def test_a_text_that_cannot_be_written_says_so():
    text = str(Mixture(2, Branching()))
    assert text.startswith("A mixture of 2 components") and "cannot be written in symbols: TypeError" in text
    assert "cannot be written" in inference.sample_nuts(Mixture(2, Branching()), X, **NUTS).attrs["model"]


def made(kind, rows):
    """Programs that are made by a function: closures without an import path, each of another kind."""

    def program(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
        if kind == "no plate":
            z = ppl.assign("assignment", weights)
            with ppl.plate("rows", rows):
                ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)
            return
        with ppl.plate("rows", rows):
            z = ppl.assign("assignment", weights)
            if kind == "factor":
                ppl.factor("likelihood", -0.5 * (x - loc[z]) ** 2)
            else:
                ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)

    return declare(program)


@pytest.mark.quick("pyro-*", reason="what comes after the draws is one code")
@pytest.mark.parametrize("kind", ["closure", "no plate"])
def test_programs_made_by_a_function_keep_their_draws_and_predictions(kind, backend):
    count = {**NUTS, "draws": 4, "tune": 4}
    names = [f"row {i}" for i in range(len(X))]
    frame = pd.Series(X, index=names, name="height")
    found = inference.sample_nuts(
        made(kind, len(X)), frame, **count, backend=backend, predictive=True, assignments=True
    )
    assert "lost" not in found.attrs
    assert found["posterior"]["assignment"].shape[:2] == (2, 4)
    assert found["posterior_predictive"]["obs"].dims[2:] == found["observed_data"]["obs"].dims
    assert list(found["posterior_predictive"]["obs"].coords["rows"].values) == names


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_a_likelihood_of_factors_is_sampled(backend):
    found = inference.sample_nuts(made("factor", len(X)), X, **{**NUTS, "draws": 4, "tune": 4}, backend=backend)
    assert found["posterior"]["loc"].shape == (2, 4, 2) and "lost" not in found.attrs


def test_what_cannot_be_predicted_is_refused_before_any_draw(backend, monkeypatch):
    monkeypatch.setattr(type(bind(MODEL, Observations(X), backend)), "target", _broken)
    with pytest.raises(ModelError, match="predictive: got predictive=True and a program without an observed site"):
        inference.sample_nuts(made("factor", len(X)), X, **NUTS, backend=backend, predictive=True)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_names_of_axes_that_do_not_go_together_are_refused_before_any_draw(backend, monkeypatch):
    @declare
    def clash(ppl, x):
        ppl.sample("a", ppl.dist.Normal(ppl.xp.zeros(2), 1.0).to_event(1), dims=("level",))
        ppl.sample("b", ppl.dist.Normal(ppl.xp.zeros(3), 1.0).to_event(1), dims=("level",))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
            ppl.sample("obs", ppl.dist.Normal(1.0 * z, 1.0), obs=x)

    monkeypatch.setattr(type(bind(MODEL, Observations(X), backend)), "target", _broken)
    with pytest.raises(ModelError, match="dims: got .*level.*; expected names of axes that go together"):
        inference.sample_nuts(clash, X, **NUTS, backend=backend)
