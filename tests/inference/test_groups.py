"""Groups that share an assignment, under every verb: against sums over all assignments of groups, published fits, the libraries' own
enumeration, and each other."""

import itertools
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm, t

import inference
from inference.assignment.density import column_densities
from inference.backends import bind
from inference.point.em.m_steps.constant_weights import ConstantWeights
from inference.point.em.m_steps.groups import GroupsEM
from mixtures import Mixture, Observations, families, gaussian_mixture, priors, regression_mixture, simulate
from mixtures.assignments import Dirichlet, Gating, Markov, PerGroup
from mixtures.errors import DataError, ModelError
from tests.family_cases import CASES
from tests.group_passes import check_passes
from tests.slopes import central_differences

GROUP = np.array(["b", "a", "b", "c", "a", "b"])
"""Ragged, and not side by side."""
WEIGHTS = {2: np.array([0.3, 0.7]), 3: np.array([0.2, 0.5, 0.3])}


class Assignments:
    """All K^G assignments of groups, and the log joint density of each with the data: no group is summed by itself."""

    def __init__(self, table, probs, group):
        names, number = np.unique(group, return_inverse=True)
        components = table.shape[1]
        every = np.array(list(itertools.product(range(components), repeat=len(names))))
        with np.errstate(divide="ignore"):
            log_probs = np.log(np.broadcast_to(probs, (len(names), components)))
        self.of_rows = every[:, number]
        self.log_joint = log_probs[np.arange(len(names)), every].sum(axis=1)
        self.log_joint = self.log_joint + table[np.arange(len(table)), self.of_rows].sum(axis=1)
        self.total = logsumexp(self.log_joint)
        shares = np.exp(self.log_joint - self.total)
        self.marginals = np.stack([shares @ (self.of_rows == k) for k in range(components)], axis=1)
        self.best = self.of_rows[self.log_joint.argmax()]


def stacked(values):
    return {name: np.asarray(value)[None] for name, value in values.items()}


ALIKE = {name: case for name, case in CASES.items() if not case.gated}


QUICK = {
    "bernoulli regression",
    "categorical columns",
    "gaussian full",
    "noise around a line",
    "per component",
    "poisson",
    "product with covariates",
    "truncated",
}
"""One of each kind; the law knows of a family only its emissions."""


@pytest.mark.quick(
    "pyro-*",
    "numpyro-poisson",
    "numpyro-product with covariates",
    "numpyro-noise around a line",
    reason="a law knows of a family only its emissions",
)
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALIKE)]
)
def test_every_family_is_summed_over_all_assignments_of_groups(name, backend):
    """The emissions are those of the mixture of the same family, which are tested against scipy."""
    case = ALIKE[name]
    components = case.model.components
    x = case.data().take(slice(0, 6))
    x = Observations(x.x, x.feature_names, covariates=x.covariates, labels=[-1, 1, -1, -1, -1, -1], group=GROUP)
    values = {site: value for site, value in case.parameters.items() if site in case.model.family.priors_by_site}
    values |= {"weights": WEIGHTS[components]}
    bound = bind(Mixture(components, case.model.family, PerGroup()), x, backend)
    emissions = bound.emissions(stacked(values))[0]
    plain = bind(case.model, x.with_labels(None), backend).emissions(stacked(case.parameters))[0]
    np.testing.assert_allclose(np.delete(emissions, 1, 0), np.delete(plain, 1, 0), rtol=1e-12)
    every = Assignments(emissions, WEIGHTS[components], GROUP)
    np.testing.assert_allclose(bound.log_likelihoods(stacked(values)), every.total, rtol=1e-10)
    table = bound.log_joint(values)
    own = logsumexp(table, axis=1)
    np.testing.assert_allclose(own.sum(), every.total, rtol=1e-10)
    np.testing.assert_allclose(np.exp(table - own[:, None]), every.marginals, atol=1e-10)
    np.testing.assert_allclose(bound.pointwise(stacked(values)).sum(), every.total, rtol=1e-10)
    assert bound.pointwise(stacked(values)).shape == (1, 3)


def test_each_groups_likelihood_is_that_of_the_data_without_the_others(backend):
    x = Observations(np.random.default_rng(0).normal(size=6), group=GROUP)
    values = {"weights": WEIGHTS[3], "loc": np.array([-0.5, 0.0, 0.7]), "scale": np.array([0.7, 1.0, 1.3])}
    model = gaussian_mixture(3, weights=PerGroup())
    of_groups = bind(model, x, backend).pointwise(stacked(values))[0]
    assert x.group_names.tolist() == ["b", "a", "c"]
    for group, name in enumerate(x.group_names):
        alone = bind(model, x.take(name == GROUP), backend).log_likelihoods(stacked(values))
        np.testing.assert_allclose(of_groups[group], alone[0], rtol=1e-12)


def test_weights_may_depend_on_covariates_of_the_group(backend):
    rng = np.random.default_rng(1)
    covariates = np.array([{"a": 0.3, "b": -1.0, "c": 0.8}[name] for name in GROUP])
    x = Observations(rng.normal(size=6), covariates=covariates, group=GROUP)
    model = gaussian_mixture(2, weights=PerGroup(Gating()))
    values = {"gating_intercept": np.array([0.2, -0.1]), "gating_slope": np.array([[0.5], [-0.7]])}
    values |= {"loc": np.array([-0.5, 0.7]), "scale": np.array([0.8, 1.3])}
    bound = bind(model, x, backend)
    logits = values["gating_intercept"] + np.outer([0.3, -1.0, 0.8], values["gating_slope"])  # of a, b, c
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    every = Assignments(bound.emissions(stacked(values))[0], probs, GROUP)
    np.testing.assert_allclose(bound.log_likelihoods(stacked(values)), every.total, rtol=1e-10)
    with pytest.raises(DataError, match="covariates of the group"):
        inference.fit_em(model, Observations(x.x, covariates=np.arange(6.0), group=GROUP), seed=0)


def test_groups_of_one_row_are_the_mixture(backend):
    x = np.random.default_rng(3).normal(size=30)
    values = {"weights": WEIGHTS[2], "loc": np.array([-0.5, 0.5]), "scale": np.array([1.0, 0.7])}
    grouped = bind(gaussian_mixture(2, weights=PerGroup()), Observations(x, group=np.arange(30)), backend)
    plain = bind(gaussian_mixture(2), Observations(x), backend)
    np.testing.assert_allclose(grouped.log_joint(values), plain.log_joint(values), rtol=1e-10)


def test_gradients_are_those_of_finite_differences(backend):
    x = Observations(np.random.default_rng(0).normal(size=6), group=GROUP)
    density = bind(gaussian_mixture(3, weights=PerGroup()), x, backend).log_density(jacobian=True)
    u = np.random.default_rng(1).normal(size=density.size)
    gradient = density.value_and_gradient(u)[1]
    np.testing.assert_allclose(gradient, central_differences(density, u), rtol=1e-6, atol=1e-6)


def overlapping(groups=60, seed=0, longest=6, df=None):
    """Two overlapping classes of groups of any length, their rows mixed up: normal, or Student's t."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(groups), rng.integers(1, longest, groups)))
    z = rng.integers(2, size=groups)[group]
    noise = rng.normal(size=len(z)) if df is None else rng.standard_t(df, size=len(z))
    return Observations(np.array([-0.6, 0.6])[z] + np.array([1.0, 1.3])[z] * noise, group=group), z


X, _ = overlapping()
TAILS, _ = overlapping(groups=150, df=2.0)
"""With normal rows the likelihood of Student's t may be largest at an infinite df, where each method stops where it likes."""


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_assignments_of_a_fit(backend):
    fit = inference.fit_em(gaussian_mixture(2, weights=PerGroup()), X, restarts=4, seed=0, backend=backend)
    few = X.take(np.isin(X.group, [0, 1, 2, 3]))
    emissions = bind(fit.program, few, backend).emissions_at(fit.parameters)
    every = Assignments(emissions, fit.parameters["weights"], few.group)
    np.testing.assert_allclose(inference.responsibilities(fit, few), every.marginals, atol=1e-10)
    np.testing.assert_array_equal(inference.classify(fit, few), every.best)
    drawn = inference.classify(fit, X, temperature=1, seed=0)
    assert all(len(set(drawn[X.group == group])) == 1 for group in range(60)) and 0 < drawn.mean() < 1


def test_a_likelihood_keeps_its_digits_beside_the_prior_of_a_number_without_bound(backend):
    """A df of 1e17 is a normal's, its log prior density -1e16: a likelihood that is left of a difference is rounded to whole numbers."""
    values = {"weights": [0.3, 0.7], "df": [4.0, 1e17], "loc": [-0.5, 0.7], "scale": [1.2, 0.8]}
    bound = bind(Mixture(2, families.StudentT(), PerGroup()), X, backend)
    rows = [t.logpdf(X.x, 4.0, -0.5, 1.2), norm.logpdf(X.x, 0.7, 0.8)]
    groups = np.log([[0.3], [0.7]]) + [np.bincount(X.group, own) for own in rows]
    right = logsumexp(groups, axis=0).sum()
    np.testing.assert_allclose(bound.log_likelihoods(stacked(values))[0], right, rtol=1e-12)


@pytest.mark.quick("numpyro-family0-*", "pyro-family2-*", "numpyro-family3-*", reason="each law, backend and objective")
@pytest.mark.parametrize(
    ("family", "law", "objective"),
    [
        (families.Gaussian(), PerGroup(), "likelihood"),
        (families.Gaussian(), PerGroup(Gating()), "likelihood"),
        (families.StudentT(), PerGroup(), "likelihood"),
        (families.Gaussian(), PerGroup(), "posterior"),
    ],
)
def test_em_and_gradients_find_the_same(family, law, objective, backend):
    x = TAILS if family == families.StudentT() else X
    x = Observations(x, covariates=np.sin(x.group)) if law.needs_covariates else x
    model = Mixture(2, family, law)
    fit = inference.fit_em(model, x, restarts=4, seed=0, objective=objective, tolerance=1e-12, backend=backend)
    verb = inference.fit_mle if objective == "likelihood" else inference.fit_map
    other = verb(model, x, restarts=4, seed=0, backend=backend)
    assert fit.status.is_sound and other.status.is_sound
    name = "log_likelihood" if objective == "likelihood" else "log_posterior"
    np.testing.assert_allclose(getattr(fit, name), getattr(other, name), atol=1e-5)
    np.testing.assert_allclose(fit.classification_log_likelihood, other.classification_log_likelihood, rtol=1e-4)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_conjugate_priors_count_groups(backend):
    """At the mode of a Dirichlet prior w_k = (groups of k + a_k - 1) / (groups + sum (a - 1)), not rows."""
    counts = Observations(np.random.default_rng(0).poisson(1.0 + (X.group % 3)), group=X.group)
    model = Mixture(2, families.Poisson(), PerGroup(Dirichlet(4.0)))
    fit = inference.fit_em(model, counts, restarts=4, seed=0, objective="posterior", tolerance=1e-13, backend=backend)
    expected = inference.responsibilities(fit, counts)[counts.first_of_group].sum(axis=0)
    np.testing.assert_allclose(fit.parameters["weights"], (expected + 3.0) / (60 + 6.0), rtol=1e-5)
    other = inference.fit_map(model, counts, restarts=4, seed=0, backend=backend)
    np.testing.assert_allclose(fit.log_posterior, other.log_posterior, atol=1e-5)


def test_em_never_falls_whatever_the_lengths_of_groups():
    """More lengths than are passed over as they are: groups are filled up by rows that do not count."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(40), rng.permutation(np.arange(1, 41)))
    x = Observations(rng.normal(np.where(group % 2, 0.4, -0.4), 1.0), group=group)
    fit = inference.fit_em(gaussian_mixture(2, weights=PerGroup()), x, restarts=2, seed=0, tolerance=1e-12)
    assert (np.diff(fit.losses) <= 1e-9).all()
    right = bind(fit.program, x, "numpyro").log_likelihoods(stacked(fit.parameters))[0]
    np.testing.assert_allclose(fit.log_likelihood, right, rtol=1e-12)
    np.testing.assert_allclose(-fit.losses[-1], right, rtol=1e-9)


def test_hard_em_climbs_the_most_probable_assignments_of_groups():
    fit = inference.fit_em(gaussian_mixture(2, weights=PerGroup()), X, restarts=4, hard=True, seed=0)
    classes = inference.classify(fit, X)
    of_groups = classes[X.first_of_group]
    np.testing.assert_allclose(fit.parameters["weights"], np.bincount(of_groups) / 60, atol=1e-9)
    for k in range(2):
        np.testing.assert_allclose(fit.parameters["loc"][k], X.x[classes == k].mean(), rtol=1e-9)
    assert fit.classification_log_likelihood <= fit.log_likelihood


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_rows_that_are_missing_say_nothing(backend):
    x = X.x.copy()
    x[X.group == 7] = np.nan
    x[::5] = np.nan
    model = gaussian_mixture(2, weights=PerGroup())
    fit = inference.fit_em(model, Observations(x, group=X.group, missing="allow"), restarts=3, seed=0, backend=backend)
    there = ~np.isnan(x)
    same = inference.fit_em(model, Observations(x[there], group=X.group[there]), restarts=3, seed=0, backend=backend)
    np.testing.assert_allclose(fit.log_likelihood, same.log_likelihood, rtol=1e-8)
    assert fit.sample_size == same.sample_size == len(set(X.group[there])) < 60


def test_criteria_count_groups(tmp_path):
    fit = inference.fit_em(gaussian_mixture(2, weights=PerGroup()), X, restarts=2, seed=0)
    np.testing.assert_allclose(fit.bic, -2 * fit.log_likelihood + 5 * np.log(60), rtol=1e-12)
    inference.save(fit, tmp_path / "fit.json")
    assert inference.load(tmp_path / "fit.json").bic == fit.bic
    chosen = inference.select_components(X, [2], assignment=PerGroup(), restarts=2, seed=0)
    np.testing.assert_allclose(chosen.table["bic"].min(), fit.bic, rtol=1e-6)


@pytest.fixture(scope="module")
def posterior():
    names = np.array([f"unit {group}" for group in X.group])
    return inference.sample_nuts(
        gaussian_mixture(2, weights=PerGroup()),
        Observations(X, group=names),
        draws=100,
        tune=150,
        chains=2,
        seed=0,
        progress=False,
        assignments=True,
        predictive=True,
    )


def test_a_posterior_keeps_its_groups_and_their_names(posterior, tmp_path):
    assert posterior["log_likelihood"]["obs"].dims == ("chain", "draw", "groups")
    assert posterior["log_likelihood"]["groups"].values[0] == "unit 0"
    assert posterior["posterior_predictive"]["obs"].shape == (2, 100, len(X))
    drawn = posterior["posterior"]["assignment"].values
    assert (drawn == drawn[..., X.first_of_group][..., X.group]).all() and 0 < drawn.mean() < 1
    inference.save(posterior, tmp_path / "groups.nc")
    back = inference.load(tmp_path / "groups.nc")
    np.testing.assert_allclose(
        inference.responsibilities(back, X), inference.responsibilities(posterior, X), rtol=1e-12
    )
    total = posterior["log_likelihood"]["obs"].sum("groups")
    right = posterior["sample_stats"]["log_posterior"] - posterior["log_prior"]["log_prior"]
    np.testing.assert_allclose(total.values, right.values, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")  # of a group or two, in some draws of so few
def test_loo_leaves_a_group_out(posterior):
    import arviz_stats

    found = arviz_stats.loo(posterior)
    assert found.n_data_points == 60


def test_relabelled_draws_and_partitions_of_groups(posterior):
    relabelled = inference.relabel(posterior)
    values = {name: relabelled["posterior"][name].values.reshape(200, 2) for name in ("weights", "loc", "scale")}
    program = gaussian_mixture(2, weights=PerGroup()).scaled_to(X)
    after = sum(bind(program, X, "numpyro").log_densities(values))
    np.testing.assert_allclose(after, posterior["sample_stats"]["log_posterior"].values.ravel(), rtol=1e-10)
    together = inference.similarity(posterior, rows=range(30))
    same = X.group[:30, None] == X.group[None, :30]
    # two groups are together in as many draws as they happen to be, one group in all
    assert (together[same] == 1.0).all() and (together[~same] < 1.0).mean() > 0.9
    found = inference.partition(posterior, rows=X.first_of_group, seed=0)
    assert found.labels.shape == (60,)


@pytest.mark.parametrize("verb", ["fit_vi", "sample_smc", "fit_laplace"])
@pytest.mark.slow
@pytest.mark.statistical
def test_other_posteriors_agree_with_nuts_on_what_needs_no_labels(verb, posterior):
    options = {"fit_vi": {"draws": 300, "steps": 800}, "fit_laplace": {"draws": 300}}
    options |= {"sample_smc": {"particles": 200, "runs": 2, "progress": False}}
    found = getattr(inference, verb)(gaussian_mixture(2, weights=PerGroup()), X, seed=0, **options[verb])
    means, right = (
        (tree["posterior"]["weights"] * tree["posterior"]["loc"]).sum("components").values.ravel()
        for tree in (found, posterior)
    )
    # the mean of a group's rows, of which 60 groups tell much: within a posterior standard deviation, an approximation among them
    assert abs(means.mean() - right.mean()) < max(means.std(), right.std())


VALUES = {"weights": np.array([0.3, 0.7]), "loc": np.array([-0.5, 0.7]), "scale": np.array([0.8, 1.3])}


def test_pyro_sums_the_native_model_by_its_own_enumeration():
    import pyro
    import torch
    from pyro import poutine
    from pyro.infer import TraceEnum_ELBO

    x = Observations(np.random.default_rng(0).normal(size=6), group=GROUP)
    model = gaussian_mixture(2, weights=PerGroup()).scaled_to(x)
    held = poutine.condition(model.pyro, data={name: torch.tensor(value) for name, value in VALUES.items()})
    with pyro.get_param_store().scope():
        loss = TraceEnum_ELBO(max_plate_nesting=2).loss(
            held, lambda *_, **__: None, torch.tensor(x.x), group=torch.tensor(x.group)
        )
    np.testing.assert_allclose(-loss, sum(bind(model, x, "pyro").log_densities(stacked(VALUES)))[0], rtol=1e-10)
    assert model.pyro(size=6, group=x.group).shape == (6,)


NATIVE = """
import jax, jax.numpy as jnp, numpy as np
jax.config.update("jax_enable_x64", True)
from numpyro.contrib.funsor import config_enumerate, enum, log_density
from numpyro.infer import MCMC, NUTS
from mixtures import Observations, gaussian_mixture
from mixtures.assignments import PerGroup
from inference.backends import bind
x = Observations(np.random.default_rng(0).normal(size=6), group=list("babcab"))
values = {"weights": np.array([0.3, 0.7]), "loc": np.array([-0.5, 0.7]), "scale": np.array([0.8, 1.3])}
model = gaussian_mixture(2, weights=PerGroup()).scaled_to(x)
ours = sum(bind(model, x, "numpyro").log_densities({name: value[None] for name, value in values.items()}))[0]
native = enum(config_enumerate(model.numpyro), -3)
theirs = log_density(native, (jnp.asarray(x.x),), {"group": x.group}, values)[0]
np.testing.assert_allclose(float(theirs), ours, rtol=1e-10)
mcmc = MCMC(NUTS(model.numpyro), num_warmup=5, num_samples=5, progress_bar=False)
mcmc.run(jax.random.PRNGKey(0), x.x, group=x.group)
assert mcmc.get_samples()["loc"].shape == (5, 2)
"""


@pytest.mark.slow  # all sums are by hand in the tests above
def test_numpyro_sums_the_native_model_by_its_own_enumeration():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", NATIVE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_simulated_groups_share_their_component(backend):
    group = np.repeat(np.arange(1500), 2)[np.random.default_rng(0).permutation(3000)]
    truth = {"weights": WEIGHTS[3], "loc": [-1.0, 0.0, 1.0], "scale": [1.0, 1.0, 1.0]}
    drawn = simulate(gaussian_mixture(3, weights=PerGroup()), 3000, seed=0, given=truth, backend=backend, group=group)
    z = drawn["assignment"].astype(int)
    first = np.unique(group, return_index=True)[1]
    np.testing.assert_array_equal(z, z[first][group])
    counts, right = np.bincount(z[first], minlength=3), 1500 * WEIGHTS[3]
    assert (np.abs(counts - right) < 5 * np.sqrt(right * (1 - WEIGHTS[3]))).all()
    centred = drawn["obs"] - np.array(truth["loc"])[z]
    assert abs(centred.mean()) < 5 / np.sqrt(3000) and abs(centred.std() - 1) < 5 / np.sqrt(6000)


def test_what_groups_cannot_is_said_before_any_work(backend):
    model = gaussian_mixture(2, weights=PerGroup())
    both = Observations(X, labels=np.arange(len(X)) % 2)
    for ask, text in (
        (lambda: inference.fit_map(model, X.x, seed=0, backend=backend), "group: got none"),
        (lambda: simulate(model, 3, seed=0, backend=backend), "group: got none"),
        (lambda: inference.fit_em(model, X, row_weights=np.full(len(X), 2.0), seed=0, backend=backend), "for row weights"),
        (lambda: inference.fit_mle(model, X, batch_size=5, optimizer="sgd", seed=0, backend=backend), "for minibatches"),
        (lambda: inference.fit_em(Mixture(2, families.StudentT(), PerGroup()), X, hard=True, seed=0, backend=backend), "hard=True for groups"),
        (lambda: PerGroup(Markov()), "how groups are assigned"),
        (lambda: PerGroup(PerGroup()), "how groups are assigned"),
        (lambda: Observations([1.0, 2.0], group=["a"]), "one for each row"),
        (lambda: Observations([1.0, 2.0], group="id"), r"got 'id'; .* Pass the column itself: group=table\['id'\]\."),
        (lambda: Observations([1.0, 2.0], group=["a", None]), "a group for each row"),
        (lambda: Observations([1.0, 2.0], group=[["a"], ["b", "c"]]), "group"),
        (lambda: Observations([1.0, 2.0], group=np.array([1, "1"], dtype=object)), "names of one type"),
    ):  # fmt: skip
        with pytest.raises((ModelError, DataError), match=text):
            ask()
    fit = inference.fit_em(model, X, restarts=2, seed=0, backend=backend)
    with pytest.raises(DataError, match="one component for all rows of a group"):
        inference.responsibilities(fit, both)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_growth_curves(backend):
    """Regressions within, one line a class; data of a size at which both routes find the one optimum."""
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(50), 4)
    time, z = np.tile(np.arange(4.0), 50), (np.arange(50) % 2)[group]
    y = rng.normal(np.array([0.3, -0.2])[z] + np.array([0.6, -0.1])[z] * time, 0.8)
    x = Observations(y, covariates=time, group=group)
    model = regression_mixture(2, weights=PerGroup())
    fit = inference.fit_em(model, x, restarts=6, seed=0, tolerance=1e-12, backend=backend)
    other = inference.fit_mle(model, x, restarts=6, seed=0, backend=backend)
    np.testing.assert_allclose(fit.log_likelihood, other.log_likelihood, atol=1e-6)
    np.testing.assert_allclose(sorted(fit.parameters["slope"][:, 0]), [-0.1, 0.6], atol=0.25)


DEATHS = [3, 14, 11, 127, 27, 6, 152, 48, 37, 188, 52, 47, 16, 45, 31, 38, 12, 6, 3, 40, 43, 39,
          3, 7, 5, 102, 28, 4, 98, 60, 25, 138, 64, 45, 9, 57, 25, 33, 28, 8, 6, 32, 27, 22]  # fmt: skip
TOTAL = [39, 116, 93, 1520, 365, 52, 939, 471, 282, 1921, 583, 266, 293, 883, 147, 213, 122, 154, 134, 218, 364, 674,
         38, 114, 69, 1533, 355, 59, 945, 632, 278, 1916, 873, 263, 291, 858, 154, 207, 251, 151, 174, 209, 391, 680]  # fmt: skip
"""Deaths after a heart attack in 22 centres, without beta-blockers and with them (Yusuf et al. 1985; Gelman et al. 2013, table 5.4)."""


@dataclass(frozen=True)
class Deaths(families.Family):
    """Deaths among so many patients: an intercept of each class, one effect of the treatment; covariates are treatment and patients."""

    priors: tuple = ()

    def parts(self):
        return families.Parts(support=families.Poisson().parts().support, with_covariates=lambda count: self)

    @property
    def priors_by_site(self):
        return dict(self.priors or {"intercept": priors.Normal(0.0, 5.0), "effect": priors.Normal(0.0, 5.0)})

    def shared(self, ppl, draw, features):
        return {"effect": draw("effect")}

    def per_component(self, ppl, draw, features):
        return {"intercept": draw("intercept")}

    def emission(self, ppl, parameters, features):
        treatment, patients = parameters["covariates"][..., 0], parameters["covariates"][..., 1]
        return ppl.dist.Binomial(
            total_count=patients, logits=parameters["intercept"] + parameters["effect"] * treatment
        )

    def start(self, x, rows, components, covariates=None):
        share = (x[rows] + 0.5) / (covariates[rows, 1] + 1.0)
        return {"intercept": np.log(share / (1 - share)), "effect": np.zeros(())}

    def check(self, x):
        assert x.features is None


@pytest.mark.quick("numpyro-2-*", "pyro-3-*", reason="each backend, and each number of classes")
@pytest.mark.parametrize(("components", "right"), [(2, -181.3308), (3, -159.3605)])
def test_the_centres_of_the_beta_blocker_trials(components, right, backend):
    """Published by flexmix's manual: `cbind(Deaths, Total - Deaths) ~ 1 | Center`, the effect of the treatment the same in all classes."""
    x = Observations(
        np.array(DEATHS, dtype=float),
        covariates=np.column_stack([np.arange(44) >= 22, TOTAL]),
        group=np.tile(np.arange(22), 2),
    )
    fit = inference.fit_mle(Mixture(components, Deaths(), PerGroup()), x, restarts=10, seed=0, backend=backend)
    assert fit.status.is_sound
    np.testing.assert_allclose(fit.log_likelihood, right, atol=1e-4)
    assert fit.sample_size == 22


@pytest.mark.quick("4", reason="the wider is the same program")
@pytest.mark.parametrize("longest", [4, 40])
def test_compiled_passes_over_groups_are_numpys(longest):
    """With more lengths of groups than have a program of their own, and with several blocks and threads."""
    x, _ = overlapping(groups=700, seed=1, longest=longest)
    model, runs = gaussian_mixture(2, weights=PerGroup()), ((10**6, 1), (64, 1), (100, 3))
    is_filled_up, _ = check_passes(GroupsEM(ConstantWeights()), x, model, VALUES, runs)
    assert is_filled_up == (longest == 40)


def test_the_density_of_a_column_is_that_of_a_row_alone():
    """A row of which no other of its group is seen: the mixture of the emissions by the weights, of groups or of their covariates."""
    points = np.linspace(-2.0, 2.0, 5)
    for law in (PerGroup(), PerGroup(Gating())):
        x = Observations(X, covariates=np.sin(X.group)) if law.needs_covariates else X
        fit = inference.fit_em(Mixture(2, families.Gaussian(), law), x, restarts=2, seed=0)
        if law.needs_covariates:
            logits = fit.parameters["gating_intercept"] + x.covariates @ fit.parameters["gating_slope"].T
            shares = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).mean(axis=0)
        else:
            shares = fit.parameters["weights"]
        right = shares * norm.pdf(points[:, None], fit.parameters["loc"], fit.parameters["scale"])
        np.testing.assert_allclose(column_densities(fit, x, [points])[0][0], right, rtol=1e-8)
        inference.plots.overview(fit, x)


def test_a_first_row_that_says_nothing_takes_nothing_from_its_group():
    x = np.array([0.4, 1.2, 0.9, 6.1, 4.2, 7.0, 0.7, 1.9, 3.1, 5.2, 6.6, 2.2])
    group = np.repeat(np.arange(6), 2)
    blank = np.insert(x, [0, 6], np.nan)
    whole = np.insert(group, [0, 6], [0, 3])
    model = Mixture(2, families.Gamma(), PerGroup())  # whose M-steps have no closed form
    options = {
        "init": {"weights": [0.5, 0.5], "concentration": [4.0, 9.0], "rate": [2.0, 1.5]},
        "restarts": 1,
        "seed": 0,
    }
    with_blanks = inference.fit_em(model, Observations(blank, group=whole, missing="allow"), **options)
    without = inference.fit_em(model, Observations(x, group=group), **options)
    assert with_blanks.log_likelihood == pytest.approx(without.log_likelihood, abs=1e-6)
    assert with_blanks.log_likelihood < -10


def test_the_bootstrap_draws_groups():
    x = Observations(np.random.default_rng(0).normal(size=30), group=np.repeat(np.arange(10), 3))
    test = inference.bootstrap_test(gaussian_mixture(1, weights=PerGroup()), x, replicates=19, restarts=2, seed=0)
    assert test.table["failed"].iloc[0] < 19


def test_a_draw_from_a_posterior_gives_all_rows_of_a_group_one_component():
    x = Observations([0.1, 1.2, 0.3, 1.5, 0.2, 1.4], group=GROUP)
    model = gaussian_mixture(2, weights=PerGroup())
    options = {"draws": 20, "tune": 20, "chains": 1, "progress": False}
    posterior = inference.relabel(inference.sample_nuts(model, x, seed=0, **options))
    for seed in range(10):
        drawn = inference.classify(posterior, x, temperature=1, seed=seed)
        assert all(len(set(drawn[name == GROUP])) == 1 for name in "abc")


def test_rows_of_groups_are_refused_as_such():
    x = Observations([0.1, 1.2, 0.3, 1.5, 0.2, 1.4], group=GROUP)
    model = gaussian_mixture(2, weights=PerGroup())
    with pytest.raises(ModelError, match="rows left out of groups"):
        inference.number_of_components(model, x, [1], folds=2, seed=0)
    fit = inference.fit_map(model, x, restarts=1, seed=0)
    with pytest.raises(ModelError, match="0.5 and rows of groups, which share an assignment"):
        inference.classify(fit, x, temperature=0.5, seed=0)


def test_labels_that_part_a_group_are_refused():
    x = Observations([0.1, 1.2, 0.3, 1.5, 0.2, 1.4], group=GROUP, labels=[0, -1, 1, -1, 1, -1])
    with pytest.raises(DataError, match="labels: got 0 at row 0, and 1 in a row of the same group"):
        inference.fit_em(gaussian_mixture(2, weights=PerGroup()), x, restarts=1, seed=0)
