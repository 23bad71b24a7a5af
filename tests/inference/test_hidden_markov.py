"""Hidden Markov chains under every verb: against sums over all paths, published fits, the libraries' own enumeration, and each other."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import binom, poisson

import inference
from inference.assignment.density import column_densities
from inference.backends import bind
from inference.status import Status
from mixtures import Mixture, Observations, declare, families, gaussian_mixture, hidden_markov, load_dataset, simulate
from mixtures.assignments import Markov
from mixtures.errors import DataError, ModelError
from tests.family_cases import CASES
from tests.published import column
from tests.slopes import central_differences

EARTHQUAKES, SPEED = load_dataset("earthquakes").x, column("speed")
EARLY = Observations(EARTHQUAKES[:60], sequence=np.repeat([0, 1], 30))
SEQUENCE = np.array(["a", "a", "b", "b", "b", "c"])
TRANSITION = {2: np.array([[0.8, 0.2], [0.4, 0.6]]), 3: np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.3, 0.3, 0.4]])}
INITIAL = {2: np.array([0.3, 0.7]), 3: np.array([0.2, 0.5, 0.3])}


class Paths:
    """All K^T paths of a chain, and the log joint density of each with the data."""

    def __init__(self, table, initial, transition, begins):
        rows, components = table.shape
        self.paths = np.array(list(itertools.product(range(components), repeat=rows)))
        with np.errstate(divide="ignore"):
            log_initial, log_transition = np.log(initial), np.log(transition)
        self.log_joint = np.zeros(len(self.paths))
        for row in range(rows):
            now = self.paths[:, row]
            self.log_joint += table[row, now]
            self.log_joint += log_initial[now] if begins[row] else log_transition[self.paths[:, row - 1], now]
        self.total = logsumexp(self.log_joint)
        self.shares = np.exp(self.log_joint - self.total)
        self.marginals = np.array(
            [[self.shares[self.paths[:, row] == k].sum() for k in range(components)] for row in range(rows)]
        )
        self.best = self.paths[self.log_joint.argmax()]


def begins_of(sequence):
    return np.append(True, sequence[1:] != sequence[:-1])


def stacked(values):
    return {name: np.asarray(value)[None] for name, value in values.items()}


CHAINS = {name: case for name, case in CASES.items() if not case.gated}


# without labels and breaks every family is, in test_every_family_under_every_law.py
SOME_CHAINS = [
    pytest.param(name, marks=() if number % 3 == 0 else pytest.mark.slow) for number, name in enumerate(sorted(CHAINS))
]


@pytest.mark.quick(
    "pyro-*",
    "numpyro-gamma",
    "numpyro-product",
    "numpyro-with noise",
    "numpyro-bernoulli",
    but=["pyro-hurdle"],
    reason="a chain knows of a family only its emissions",
)
@pytest.mark.parametrize("name", SOME_CHAINS)
def test_every_family_is_summed_over_all_paths(name, backend):
    """The emissions are those of the mixture of the same family, which are tested against scipy."""
    case = CHAINS[name]
    components = case.model.components
    x = case.data().take(slice(0, 6))
    x = Observations(x.x, x.feature_names, covariates=x.covariates, labels=[-1, 1, -1, -1, -1, -1], sequence=SEQUENCE)
    model = Mixture(components, case.model.family, Markov())
    values = {site: value for site, value in case.parameters.items() if site in model.family.priors_by_site}
    values |= {"transition": TRANSITION[components], "initial": INITIAL[components]}
    emissions = bind(model, x, backend).emissions(stacked(values))[0]
    plain = bind(case.model, x.with_labels(None), backend)
    of_mixture = plain.emissions(stacked(case.parameters))[0]
    is_known = np.arange(6) == 1
    np.testing.assert_allclose(emissions[~is_known], of_mixture[~is_known], rtol=1e-12)
    assert np.isneginf(np.delete(emissions[1], 1)).all()
    every = Paths(emissions, INITIAL[components], TRANSITION[components], begins_of(SEQUENCE))
    bound = bind(model, x, backend)
    np.testing.assert_allclose(bound.log_likelihoods(stacked(values)), every.total, rtol=1e-10)
    table = bound.log_joint(values)
    ahead = logsumexp(table, axis=1)
    np.testing.assert_allclose(ahead.sum(), every.total, rtol=1e-10)
    np.testing.assert_allclose(np.exp(table - ahead[:, None]), every.marginals, atol=1e-10)
    # row by row: log p(x_i | x_1, ..., x_{i-1})
    for rows in range(1, 6):
        some = Paths(emissions[:rows], INITIAL[components], TRANSITION[components], begins_of(SEQUENCE)[:rows])
        np.testing.assert_allclose(ahead[:rows].sum(), some.total, rtol=1e-10, atol=1e-10)


@pytest.mark.quick("numpyro-1.0", "pyro-*", reason="each backend, and each beginning")
@pytest.mark.parametrize("initial", [1.0, "uniform", "stationary"])
def test_gradients_are_those_of_finite_differences(initial, backend):
    x = Observations(np.random.default_rng(0).normal(size=7), sequence=[0, 0, 0, 1, 1, 1, 1])
    density = bind(hidden_markov(3, initial=initial), x, backend).log_density(jacobian=True)
    u = np.random.default_rng(1).normal(size=density.size)
    value, gradient = density.value_and_gradient(u)
    np.testing.assert_allclose(gradient, central_differences(density, u), rtol=1e-6, atol=1e-6)
    assert np.isfinite(value)


def test_missing_rows_are_steps_in_time(backend):
    """A row with nothing observed: the chain moves on twice, which is the squared transition matrix."""
    values = {"transition": TRANSITION[2], "initial": INITIAL[2], "loc": np.array([-0.5, 0.7]), "scale": np.ones(2)}
    bound = bind(hidden_markov(2), Observations([0.3, np.nan, 1.1], missing="allow"), backend)
    density = np.exp(-0.5 * (np.array([[0.3], [1.1]]) - values["loc"]) ** 2) / np.sqrt(2 * np.pi)
    right = np.log((INITIAL[2] * density[0]) @ TRANSITION[2] @ TRANSITION[2] @ density[1])
    np.testing.assert_allclose(bound.log_likelihoods(stacked(values)), right, rtol=1e-12)


def test_a_chain_of_equal_rows_is_the_mixture(backend):
    x = Observations(np.random.default_rng(3).normal(size=(30, 2)), sequence=np.repeat([0, 1, 2], 10))
    weights = np.array([0.3, 0.7])
    values = {"loc": np.array([[-0.5, 0.1], [0.5, 0.0]]), "scale": np.array([[1.0, 0.7], [0.8, 1.2]])}
    values["correlation_cholesky"] = np.tile(np.linalg.cholesky([[1.0, 0.4], [0.4, 1.0]]), (2, 1, 1))
    chain = bind(hidden_markov(2), x, backend)
    plain = bind(gaussian_mixture(2), x, backend)
    as_chain = values | {"initial": weights, "transition": np.tile(weights, (2, 1))}
    np.testing.assert_allclose(chain.log_joint(as_chain), plain.log_joint(values | {"weights": weights}), rtol=1e-10)


@pytest.mark.quick("numpyro-1.0-*", "pyro-stationary-*", reason="each backend, and each beginning")
@pytest.mark.parametrize(
    ("initial", "right"),
    [("stationary", -342.3183), (1.0, -341.8787)],
)
def test_the_earthquakes_of_zucchini(initial, right, backend):
    """Zucchini, MacDonald & Langrock (2016), Hidden Markov Models for Time Series, 2 states."""
    fit = inference.fit_mle(
        hidden_markov(2, families.Poisson(), initial=initial), EARTHQUAKES, restarts=5, seed=0, backend=backend
    )
    assert fit.status.is_sound
    np.testing.assert_allclose(fit.log_likelihood, right, atol=5e-5)
    if initial == "stationary":
        np.testing.assert_allclose([fit.aic, fit.bic], [692.6365, 703.3278], atol=1e-4)


@pytest.mark.parametrize(
    ("objective", "backend"),
    [
        pytest.param("likelihood", "numpyro", marks=pytest.mark.slow),
        ("posterior", "numpyro"),
        ("likelihood", "pyro"),
        # the two objectives differ in the M-step, which is one code for both backends
        pytest.param("posterior", "pyro", marks=pytest.mark.slow),
    ],
)
def test_em_of_a_stationary_chain(objective, backend):
    """Many short series, whose beginnings say as much of the long run as their moves: no gradient climbs on from there. And a published fit."""
    model = hidden_markov(3, families.Poisson(), initial="stationary")
    x = Observations(EARTHQUAKES, sequence=np.arange(107) // 3)
    options = {"restarts": 4, "tolerance": 1e-13, "seed": 0, "backend": backend}
    em = inference.fit_em(model, x, objective=objective, **options)
    verb, density = (
        (inference.fit_mle, "log_likelihood") if objective == "likelihood" else (inference.fit_map, "log_posterior")
    )
    climbed = verb(model, x, restarts=1, init=em, seed=0)
    assert em.status.is_sound and climbed.status.is_sound
    np.testing.assert_allclose(getattr(em, density), getattr(climbed, density), rtol=1e-8)
    assert (np.diff(em.losses) <= 1e-9 * abs(em.losses[-1])).all()
    if objective == "likelihood":
        fit = inference.fit_em(hidden_markov(2, families.Poisson(), initial="stationary"), EARTHQUAKES, **options)
        np.testing.assert_allclose(fit.log_likelihood, -342.3183, atol=5e-5)


def test_the_speed_of_depmix(backend):
    """depmixS4's `speed`, one series of 439 response times."""
    fit = inference.fit_em(hidden_markov(2), SPEED, restarts=5, seed=0, backend=backend)
    np.testing.assert_allclose(fit.log_likelihood, -88.73, atol=5e-3)
    order = np.argsort(-fit.parameters["loc"])
    transition = fit.parameters["transition"][order][:, order]
    np.testing.assert_allclose(transition, [[0.916, 0.084], [0.116, 0.884]], atol=1e-3)


@pytest.mark.quick("pyro", reason="NumPyro finds the published chain of earthquakes")
def test_em_and_gradients_find_the_same(backend):
    """Baum-Welch, by likelihood and by posterior, with missing rows and several series."""
    x = EARTHQUAKES.copy()
    x[[10, 11, 60]] = np.nan
    data = Observations(x, missing="allow", sequence=np.repeat([0, 1], [50, 57]))
    for family in (families.Poisson(), families.Gaussian()):
        model = hidden_markov(2, family)
        em = inference.fit_em(model, data, restarts=4, tolerance=1e-11, seed=0, backend=backend)
        climbed = inference.fit_mle(model, data, restarts=4, seed=0, backend=backend)
        np.testing.assert_allclose(em.log_likelihood, climbed.log_likelihood, atol=1e-5)
        assert (np.diff(em.losses) < 1e-9).all()
    model = hidden_markov(2, families.Poisson(), transition=1.0 + 4.0 * np.eye(2), initial=2.0)
    em = inference.fit_em(model, data, restarts=4, tolerance=1e-12, objective="posterior", seed=0, backend=backend)
    climbed = inference.fit_map(model, data, restarts=4, seed=0, backend=backend)
    np.testing.assert_allclose(em.log_posterior, climbed.log_posterior, atol=1e-6)


@pytest.mark.quick("numpyro", reason="paths are drawn by one code")
@pytest.mark.statistical
def test_paths(backend):
    """The most probable path, and the frequencies of drawn ones, of a short series with known labels in it."""
    x = Observations(EARTHQUAKES[:6], labels=[-1, -1, 1, -1, -1, -1], sequence=SEQUENCE)
    model = hidden_markov(2, families.Poisson(), initial=2.0)
    fit = inference.fit_map(model, x, init={"rate": [14.0, 19.0]}, restarts=1, seed=0, backend=backend)
    emissions = bind(model, x, backend).emissions(stacked(fit.parameters))[0]
    every = Paths(emissions, fit.parameters["initial"], fit.parameters["transition"], begins_of(SEQUENCE))
    assert inference.classify(fit, x).tolist() == every.best.tolist()
    np.testing.assert_allclose(inference.responsibilities(fit, x), every.marginals, atol=1e-10)
    draws = np.array([inference.classify(fit, x, temperature=1, seed=seed) for seed in range(400)])
    counts = np.array([(draws == path).all(axis=1).sum() for path in every.paths])
    few, many = binom.cdf(counts, len(draws), every.shares), binom.sf(counts - 1, len(draws), every.shares)
    assert np.minimum(few, many).min() > 1e-7  # of 64 paths, hardly one in a hundred thousand runs
    with pytest.raises(
        ModelError,
        match="temperature: got 2 and rows that follow one another, a hidden Markov chain; expected 0, the most probable assignments",
    ):
        inference.classify(fit, x, temperature=2, seed=0)


def test_hard_em_climbs_the_most_probable_path():
    fit = inference.fit_em(hidden_markov(2), SPEED[:120], restarts=6, hard=True, seed=0)
    path = inference.classify(fit, SPEED[:120])
    moves = np.zeros((2, 2))
    np.add.at(moves, (path[:-1], path[1:]), 1)
    np.testing.assert_allclose(fit.parameters["transition"], moves / moves.sum(axis=1, keepdims=True), atol=1e-9)
    for k in range(2):
        np.testing.assert_allclose(fit.parameters["loc"][k], SPEED[:120][path == k].mean(), rtol=1e-9)


@pytest.fixture(scope="module")
def posterior():
    model = hidden_markov(2, families.Poisson())
    return inference.sample_nuts(
        model, EARLY, draws=150, tune=150, chains=2, seed=0, progress=False, assignments=True, predictive=True
    )


def test_a_posterior_keeps_its_series_and_its_paths(posterior, tmp_path):
    group = posterior["posterior"]
    assert group["transition"].dims == ("chain", "draw", "components", "to")
    assert group["assignment"].dims == ("chain", "draw", "rows")
    assert posterior["posterior_predictive"]["obs"].shape == (2, 150, 60)
    path = tmp_path / "chain.nc"
    inference.save(posterior, path)
    back = inference.load(path)
    assert back["constant_data"]["sequence_of_rows"].values.tolist() == [0] * 30 + [1] * 30
    ahead = inference.log_likelihood(back, EARLY).sum(axis=2)
    stats = posterior["sample_stats"]["log_posterior"] - posterior["log_prior"]["log_prior"]
    np.testing.assert_allclose(ahead, stats.values, rtol=1e-10)


def test_relabelling_keeps_every_draws_density(posterior):
    relabelled = inference.relabel(posterior)
    values = {name: relabelled["posterior"][name].values for name in ("initial", "transition", "rate")}
    flat = {name: value.reshape(-1, *value.shape[2:]) for name, value in values.items()}
    program = hidden_markov(2, families.Poisson()).scaled_to(EARLY)
    after = sum(bind(program, EARLY, "numpyro").log_densities(flat))
    np.testing.assert_allclose(after, posterior["sample_stats"]["log_posterior"].values.ravel(), rtol=1e-10)
    rates = relabelled["posterior"]["rate"].values
    assert (rates[..., 0] < rates[..., 1]).mean() in (0.0, 1.0) or np.abs(np.diff(rates.mean(axis=(0, 1)))) > 3


@pytest.mark.statistical
def test_rows_are_together_as_often_as_on_paths(posterior):
    """Not as the product of their probabilities: rows of a chain are not independent given the parameters."""
    together = inference.similarity(posterior)
    paths = posterior["posterior"]["assignment"].values.reshape(-1, 60)
    right = (paths[:, :, None] == paths[:, None, :]).mean(axis=0)
    # two sets of 300 paths, at the same draws of the parameters: their difference has at most twice the variance of one
    assert (np.abs(together - right) < 6 * np.sqrt(2 * 0.25 / 300)).all()
    some = inference.similarity(posterior, rows=[3, 30, 59])
    np.testing.assert_allclose(some, together[np.ix_([3, 30, 59], [3, 30, 59])])
    found = inference.partition(posterior, seed=0)
    assert found.labels.shape == (60,)
    np.testing.assert_allclose(inference.responsibilities(posterior, EARLY).sum(axis=1), 1.0)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("verb", ["fit_vi", "sample_smc"])
def test_other_posteriors_agree_with_nuts_on_what_needs_no_labels(verb, posterior):
    options = {"fit_vi": {"draws": 200, "steps": 500}, "sample_smc": {"particles": 100, "runs": 2, "progress": False}}
    found = getattr(inference, verb)(hidden_markov(2, families.Poisson()), EARLY, seed=0, **options[verb])
    means, right = (tree["posterior"]["rate"].mean("components").values.ravel() for tree in (found, posterior))
    # both are posteriors of some hundred draws, one of them an approximation: within half a posterior standard deviation
    assert abs(means.mean() - right.mean()) < 0.5 * max(means.std(), right.std())


@pytest.mark.quick("pyro", reason="Laplace's draws are of one code")
def test_laplaces_draws_have_the_chains_density(backend):
    model = hidden_markov(2, families.Poisson())
    found = inference.fit_laplace(model, EARLY, draws=40, seed=0, backend=backend)
    values = {name: found["posterior"][name].values[0] for name in ("initial", "transition", "rate")}
    right = sum(bind(model.scaled_to(EARLY), EARLY, "numpyro").log_densities(values))
    np.testing.assert_allclose(found["sample_stats"]["log_posterior"].values[0], right, rtol=1e-10)


def test_several_numbers_of_states_are_compared():
    selection = inference.select_components(
        EARTHQUAKES, [1, 2, 3], family=families.Poisson(), assignment=Markov(), restarts=4, seed=0
    )
    # one state is a Poisson sample: its maximum is the mean
    rate = EARTHQUAKES.mean()
    one = selection.table.set_index("components").loc[1, "log_likelihood"]
    np.testing.assert_allclose(one, poisson.logpmf(EARTHQUAKES, rate).sum(), rtol=1e-10)
    assert selection.best_model[1] in (2, 3)


@pytest.mark.parametrize("sequence", [None, [0, 0, 0, 1, 1, 1, 1, 1]])
def test_pyro_sums_the_native_model_by_its_own_enumeration(sequence):
    import pyro
    import torch
    from pyro import poutine
    from pyro.infer import TraceEnum_ELBO

    x = np.random.default_rng(0).normal(size=8)
    data = Observations(x, sequence=sequence)
    model = hidden_markov(2).scaled_to(data)
    values = {
        "initial": INITIAL[2],
        "transition": TRANSITION[2],
        "loc": np.array([-0.5, 0.7]),
        "scale": np.array([0.8, 1.3]),
    }
    held = poutine.condition(model.pyro, data={name: torch.tensor(value) for name, value in values.items()})
    given = {} if sequence is None else {"sequence": torch.tensor(sequence)}
    with pyro.get_param_store().scope():
        loss = TraceEnum_ELBO(max_plate_nesting=2).loss(held, lambda *_, **__: None, torch.tensor(x), **given)
    np.testing.assert_allclose(-loss, sum(bind(model, data, "pyro").log_densities(stacked(values)))[0], rtol=1e-10)


NATIVE = """
import jax, jax.numpy as jnp, numpy as np
jax.config.update("jax_enable_x64", True)
from numpyro.contrib.funsor import config_enumerate, enum, log_density
from mixtures import Observations, hidden_markov
from inference.backends import bind
x = np.random.default_rng(0).normal(size=8)
values = {"initial": np.array([0.3, 0.7]), "transition": np.array([[0.8, 0.2], [0.4, 0.6]])}
values |= {"loc": np.array([-0.5, 0.7]), "scale": np.array([0.8, 1.3])}
for sequence in (None, np.array([0, 0, 0, 1, 1, 1, 1, 1])):
    data = Observations(x, sequence=sequence)
    model = hidden_markov(2).scaled_to(data)
    ours = sum(bind(model, data, "numpyro").log_densities({name: value[None] for name, value in values.items()}))[0]
    given = {} if sequence is None else {"sequence": jnp.asarray(sequence)}
    native = enum(config_enumerate(model.numpyro), -2)
    theirs = log_density(native, (jnp.asarray(x),), given, {name: jnp.asarray(value) for name, value in values.items()})[0]
    np.testing.assert_allclose(float(theirs), ours, rtol=1e-10)
    import mixtures.ppl.pyro_ppl  # whatever it imports, NumPyro's enumeration goes on
"""


def test_numpyro_sums_the_native_model_by_its_own_scan():
    """In a process of its own, so that nothing of Pyro has been imported, and then beside Pyro."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", NATIVE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_simulated_chains_move_as_they_should(backend):
    truth = {"transition": TRANSITION[3], "initial": INITIAL[3], "loc": [-1.0, 0.0, 1.0], "scale": [1.0, 1.0, 1.0]}
    sequence = np.repeat(np.arange(400), 5)
    drawn = simulate(hidden_markov(3), 2000, seed=0, given=truth, backend=backend, sequence=sequence)
    path = drawn["assignment"].reshape(400, 5)
    counts = np.bincount(path[:, 0], minlength=3)
    assert (np.abs(counts - 400 * INITIAL[3]) < 5 * np.sqrt(400 * INITIAL[3] * (1 - INITIAL[3]))).all()
    for before in range(3):
        after = path[:, 1:][path[:, :-1] == before]
        right = TRANSITION[3][before]
        assert (
            np.abs(np.bincount(after, minlength=3) - len(after) * right)
            <= 5 * np.sqrt(len(after) * right * (1 - right))
        ).all()
    centred = drawn["obs"] - np.array(truth["loc"])[drawn["assignment"].astype(int)]
    assert abs(centred.mean()) < 5 / np.sqrt(2000)


def test_what_a_chain_cannot_is_said_before_any_work(backend):
    model, weighted = hidden_markov(2, families.Poisson()), Observations(EARTHQUAKES, row_weights=np.full(107, 2.0))
    for ask, text in (
        (lambda: inference.fit_map(model, weighted, seed=0, backend=backend), "for row weights"),
        (lambda: inference.fit_mle(model, EARTHQUAKES, batch_size=20, seed=0, backend=backend), "for minibatches"),
        (
            lambda: inference.fit_em(hidden_markov(2, families.Gamma()), EARTHQUAKES, seed=0, backend=backend),
            "Gamma components",
        ),
        (
            lambda: inference.fit_em(hidden_markov(2), EARTHQUAKES, objective="posterior", seed=0, backend=backend),
            "not conjugate",
        ),
    ):
        with pytest.raises(ModelError, match=text):
            ask()
    with pytest.raises(DataError, match="sequence: got 'a' at row 2 again, after rows of another series"):
        Observations([1.0, 2.0, 3.0], sequence=["a", "b", "a"])
    with pytest.raises(DataError, match="sequence: got {} at row 0; expected numbers or names"):
        Observations([1.0], sequence=[{}])
    with pytest.raises(ModelError, match=r"transition: got numbers of shape \(3, 3\); expected one number, or 2 x 2"):
        hidden_markov(2, transition=np.ones((3, 3)))
    with pytest.raises(ModelError, match="initial: got 'steady'"):
        hidden_markov(2, initial="steady")
    with pytest.raises(ModelError, match=r"given\['transition'\]: .* expected probabilities"):
        simulate(hidden_markov(2), 5, seed=0, given={"transition": [[0.5, 0.6], [1.0, 0.0]]}, backend=backend)


@pytest.mark.parametrize(
    ("fixed", "labels", "text"),
    [
        ({"transition": np.eye(2)}, {2: 0, 3: 1}, "going from component 0 to 1, as row 3 is known to do"),
        ({"initial": [0.0, 1.0]}, {0: 0}, "component 0, in which the series of row 0 is known to begin"),
    ],
)
def test_labels_that_known_zeros_exclude_are_refused(fixed, labels, text):
    known = np.full(20, -1)
    known[list(labels)] = list(labels.values())
    with pytest.raises(ModelError, match=text):
        inference.fit_em(hidden_markov(2), Observations(SPEED[:20], labels=known), fixed=fixed, restarts=2, seed=0)


def test_labels_that_no_path_has_are_said():
    fit = inference.fit_em(hidden_markov(2), SPEED[:40], fixed={"transition": np.eye(2)}, restarts=2, seed=0)
    known = Observations(SPEED[:40], labels=[0, 1] + [-1] * 38)
    for ask in (inference.responsibilities, inference.classify):
        with pytest.raises(DataError, match="no path of the chain can produce"):
            ask(fit, known)
    np.testing.assert_allclose(inference.responsibilities(fit, SPEED[:40]).sum(axis=1), 1.0)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_the_classified_likelihood_is_that_of_the_most_probable_path(backend):
    """log p(x, z) at the best of all paths: no sum over rows of what each would have alone."""
    x = Observations(EARTHQUAKES[:6], sequence=SEQUENCE)
    model = hidden_markov(2, families.Poisson(), initial="uniform")
    fit = inference.fit_map(model, x, restarts=2, seed=0, backend=backend)
    emissions = bind(model, x, backend).emissions(stacked(fit.parameters))[0]
    every = Paths(emissions, np.full(2, 0.5), fit.parameters["transition"], begins_of(SEQUENCE))
    right = -2 * every.log_joint.max() + fit.free_parameters * np.log(6)
    np.testing.assert_allclose(fit.criteria.icl, right, rtol=1e-10)


def test_the_density_of_a_chain_is_one_of_its_long_run():
    fit = inference.fit_em(hidden_markov(2, families.Poisson()), EARTHQUAKES, restarts=4, seed=0)
    counts = np.arange(120.0)
    joint = column_densities(fit, Observations(EARTHQUAKES), [counts])[0][0]
    values, vectors = np.linalg.eig(fit.parameters["transition"].T)
    long_run = np.real(vectors[:, np.argmax(np.real(values))])
    np.testing.assert_allclose(joint.sum(axis=0), long_run / long_run.sum(), rtol=1e-8)
    np.testing.assert_allclose(
        joint[:, 0] / joint[:, 0].sum(), poisson.pmf(counts, fit.parameters["rate"][0]), atol=1e-12
    )
    # and components go by it
    assert (np.diff(long_run / long_run.sum()) < 0).all()


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_a_start_at_the_edge_is_climbed_from(backend):
    """EM's initial probabilities are 0 and 1, where coordinates are infinite."""
    em = inference.fit_em(hidden_markov(3, families.Poisson()), EARTHQUAKES, restarts=4, seed=0, backend=backend)
    assert em.parameters["initial"].min() < 1e-8
    climbed = inference.fit_mle(
        hidden_markov(3, families.Poisson()), EARTHQUAKES, restarts=1, init=em, seed=0, backend=backend
    )
    assert len(climbed.restarts) == 1
    np.testing.assert_allclose(climbed.log_likelihood, em.log_likelihood, atol=1e-4)


def test_a_prior_without_a_maximum_is_no_sound_fit():
    x = np.repeat([0, 1], 30) * 5 + np.random.default_rng(0).normal(size=60)
    fit = inference.fit_map(hidden_markov(2, transition=0.5), x, restarts=3, seed=0)
    assert fit.status is Status.COLLAPSED


def test_states_of_one_emission_that_lead_elsewhere_are_two():
    """A dwell time: two states of rate 1 in turn, of which one alone leads to the third. Where both do, they are one."""
    z = np.tile([0, 0, 0, 0, 1, 1], 40)
    x = np.random.default_rng(0).poisson(np.where(z == 0, 1, 12))
    rates = {"rate": [1.0, 1.0, 12.0]}
    fit = inference.fit_em(hidden_markov(3, families.Poisson()), x, restarts=5, fixed=rates, seed=0)
    assert fit.status is Status.CONVERGED
    alike = {"transition": [[0.4, 0.2, 0.4], [0.2, 0.4, 0.4], [0.3, 0.3, 0.4]]}
    fit = inference.fit_em(hidden_markov(3, families.Poisson()), x, restarts=2, fixed=rates | alike, seed=0)
    assert fit.status is Status.DUPLICATE


def test_series_go_where_observations_go(posterior):
    assert Observations(EARLY, missing="allow").sequence.tolist() == EARLY.sequence.tolist()
    assert EARLY.column(0).sequence.tolist() == EARLY.sequence.tolist()
    assert EARLY.take(slice(20, 40)).sequence.tolist() == [0] * 10 + [1] * 10
    clusters = inference.partition(posterior, seed=0)
    fit = inference.cluster_parameters(posterior, clusters, seed=0)
    assert fit.status.is_sound
    means = [EARTHQUAKES[:60][clusters.labels == k].mean() for k in range(clusters.clusters)]
    # a conjugate prior of weight 2 about the mean, beside dozens of rows
    np.testing.assert_allclose(fit.parameters["rate"], means, rtol=0.05)


def test_a_chain_in_a_program_of_ones_own(backend):
    """Short chains are summed as any program's assignments; long ones are refused in words."""

    @declare
    def own(ppl, x):
        with ppl.plate("components", 2):
            loc = ppl.sample("loc", ppl.dist.Normal(0.0, 1.0))
        moves = ppl.array(TRANSITION[2])
        begins = ppl.xp.arange(len(x)) == 0
        ppl.chain(
            "z",
            moves[0],
            moves,
            begins,
            lambda z, row: ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=row["x"]),
            {"x": x},
        )

    x, loc = np.random.default_rng(0).normal(size=7), np.array([0.3, 1.2])
    table = -0.5 * (x[:, None] - loc) ** 2 - 0.5 * np.log(2 * np.pi)
    right = Paths(table, TRANSITION[2][0], TRANSITION[2], np.arange(7) == 0).total
    found = bind(own, Observations(x), backend).log_likelihoods({"loc": loc[None]})
    np.testing.assert_allclose(found, right, rtol=1e-10)
    with pytest.raises(ModelError, match="chains of many rows are summed as a law"):
        inference.fit_map(own, np.tile(x, 11), seed=0, backend=backend)
