"""What comes next is what the transition matrix and the emissions say, from what was known of the last row."""

from dataclasses import dataclass

import numpy as np
import pytest

import inference
from inference.assignment.forecast import Forecast
from mixtures import Mixture, Observations, families, hidden_markov, load_dataset, poisson_mixture, priors
from mixtures.assignments import Chain
from mixtures.assignments.chain import begins
from mixtures.errors import DataError, ModelError
from tests.inference.plots.conftest import point_fit

X = load_dataset("earthquakes")
TWO = Observations(np.concatenate([X.x[:60], X.x[60:]]), sequence=["a"] * 60 + ["b"] * 47)


@pytest.fixture(scope="module", params=["numpyro", "pyro"])
def fit(request):
    return inference.fit_em(hidden_markov(2, families.Poisson()), X, restarts=5, seed=0, backend=request.param)


@pytest.fixture(scope="module")
def tree():
    model = hidden_markov(2, families.Poisson(), initial="stationary")
    return inference.sample_nuts(model, X, draws=50, tune=100, chains=2, seed=0, progress=False)


def filtered_by_hand(parameters, x):
    """The forward recursion, in Python."""
    from scipy import stats

    density = stats.poisson.pmf(x[:, None], parameters["rate"])
    state, found = parameters["initial"], []
    for t in range(len(x)):
        state = (state if t == 0 else state @ parameters["transition"]) * density[t]
        state = state / state.sum()
        found.append(state)
    return np.array(found)


@pytest.mark.quick("pyro", reason="both backends' tables of a chain are those of all paths")
def test_filtered_probabilities_know_nothing_of_the_future(fit):
    found = inference.responsibilities(fit, X, filtered=True)
    np.testing.assert_allclose(found, filtered_by_hand(fit.parameters, X.x), atol=1e-10)
    for t in (1, 30, 107):
        smoothed = inference.responsibilities(fit, X.take(slice(t)))
        np.testing.assert_allclose(found[t - 1], smoothed[-1], atol=1e-10)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_states_move_on_by_the_transition_matrix(fit):
    found = inference.forecast(fit, 4, X, draws=20, seed=0).assignment_probs
    state = filtered_by_hand(fit.parameters, X.x)[-1]
    for h in range(4):
        state = state @ fit.parameters["transition"]
        np.testing.assert_allclose(found[0, h], state, atol=1e-10)


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_rows_are_drawn_from_the_states_that_are_forecast(fit):
    """Means and variances of a mixture of Poisson distributions, and how rows hang together: the joint law of two steps."""
    found = inference.forecast(fit, 2, X, draws=4000, seed=1)
    rate, transition = fit.parameters["rate"], fit.parameters["transition"]
    rows, probs = found.draws[:, 0], found.assignment_probs[0]
    mean = probs @ rate
    variance = probs @ (rate + rate**2) - mean**2
    error = np.sqrt(variance / len(rows))
    assert np.all(np.abs(rows.mean(axis=0) - mean) < 4.5 * error)
    product = (probs[0] * rate) @ transition @ rate  # E[x_1 x_2]
    spread = (rows[:, 0] * rows[:, 1]).std() / np.sqrt(len(rows))
    assert abs((rows[:, 0] * rows[:, 1]).mean() - product) < 4.5 * spread


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_every_series_goes_on_from_its_own_end(fit):
    found = inference.forecast(fit, 1, TWO, draws=10, seed=0).assignment_probs
    for s, part in enumerate((X.x[:60], X.x[60:])):
        right = filtered_by_hand(fit.parameters, part)[-1] @ fit.parameters["transition"]
        np.testing.assert_allclose(found[s, 0], right, atol=1e-10)


def test_of_a_posterior_every_draw_goes_on_from_its_own_states(tree):
    found = inference.forecast(tree, 2, draws=100, seed=0)
    post, states, filtered = tree["posterior"], [], []
    for c, d in np.ndindex(2, 50):
        values = {name: post[name].values[c, d] for name in ("transition", "rate")}
        eigen, vectors = np.linalg.eig(values["transition"].T)
        start = np.real(vectors[:, np.argmax(np.real(eigen))])
        filtered.append(filtered_by_hand({**values, "initial": start / start.sum()}, X.x))
        states.append(filtered[-1][-1] @ values["transition"] @ values["transition"])
    np.testing.assert_allclose(found.assignment_probs[0, 1], np.mean(states, axis=0), atol=1e-9)
    np.testing.assert_allclose(inference.responsibilities(tree, X, filtered=True), np.mean(filtered, axis=0), atol=1e-9)
    assert found.to_frame().shape == (2, 5) and "Forecast of 2 steps after 1 series" in str(found)


MOVES = {"initial": [0.5, 0.5], "transition": [[0.9, 0.1], [0.2, 0.8]]}


def test_several_columns_and_families_of_their_own():
    rng = np.random.default_rng(0)
    table = Observations(np.column_stack([rng.normal(size=40), rng.poisson(3, 40)]), feature_names=["a", "b"])
    model = hidden_markov(2, families.Product({"a": families.Gaussian(), "b": families.Poisson()}))
    known = {**MOVES, "a_loc": [-1.0, 1.0], "a_scale": [1.0, 1.0], "b_rate": [2.0, 4.0]}
    found = inference.forecast(point_fit(model.scaled_to(table), table, known), 3, table, draws=5, seed=0)
    assert found.draws.shape == (5, 1, 3, 2) and np.all(found.draws[..., 1] == found.draws[..., 1].round())
    assert found.to_frame().columns.tolist()[:3] == ["a", "a 89% from", "a 89% to"]


def test_what_has_no_future_is_refused(fit):
    with pytest.raises(ModelError, match="hidden Markov"):
        inference.forecast(inference.fit_em(poisson_mixture(2), X, restarts=2, seed=0), 1, X, seed=0)
    with pytest.raises(ModelError, match="series until now"):
        inference.forecast(fit, 1, seed=0)
    with pytest.raises(ModelError, match="steps: got 0"):
        inference.forecast(fit, 0, X, seed=0)
    with pytest.raises(DataError, match="columns"):
        inference.forecast(fit, 1, np.ones((5, 2)), seed=0)


@dataclass(frozen=True)
class Sticky(Chain):
    """A chain of one's own, whose moves have no parameters."""

    @property
    def priors_by_site(self):
        return {"initial": priors.Dirichlet(1.0)}

    def draw(self, ppl, draw, components, rows):
        return {"initial": draw("initial", dims=("components",), event=(components,))}

    def run(self, ppl, values, rows, size, observe, data):
        moves = ppl.xp.exp(self.log_transition(ppl.xp, values, rows))
        return ppl.chain("assignment", values["initial"], moves, begins(ppl.xp, rows, size), observe, data)

    def start(self, components, rows, rng):
        return {"initial": np.full(components, 1 / components)}

    def initial_probs(self, xp, values):
        return values["initial"]

    def log_transition(self, xp, values, rows):
        return xp.log(xp.asarray([[0.8, 0.2], [0.2, 0.8]]))

    def permuted(self, values, permutation):
        return {"initial": values["initial"][permutation]}


def test_a_chain_without_a_matrix_of_its_own_is_refused_in_words():
    model = Mixture(2, families.Poisson(), Sticky()).scaled_to(X)
    fit = point_fit(model, X, {"initial": [0.5, 0.5], "rate": [15.0, 25.0]})
    with pytest.raises(ModelError, match="got the law Sticky; expected Markov"):
        inference.forecast(fit, 1, X, seed=0)


def test_exposures_of_the_future_are_not_known():
    x = Observations(X, exposure=np.full(len(X), 2.0))
    model = hidden_markov(1, families.Poisson()).scaled_to(x)
    fit = point_fit(model, x, {"initial": [1.0], "transition": [[1.0]], "rate": [10.0]})
    with pytest.raises(ModelError, match="x: got rows that depend on exposure"):
        inference.forecast(fit, 1, x, seed=0)


def test_a_table_has_means_quantiles_and_probabilities_step_by_step():
    rng = np.random.default_rng(0)
    draws, probs = rng.normal(size=(90, 2, 3)), rng.dirichlet(np.ones(2), size=(2, 3))
    found = Forecast(probs, draws, ("s", "t"), None, ("low", "high"))
    table = found.to_frame()
    assert table.index.tolist() == [(name, step) for name in ("s", "t") for step in (1, 2, 3)]
    assert table.columns.tolist() == ["x0", "x0 89% from", "x0 89% to", "P(low)", "P(high)"]
    for s, t in np.ndindex(2, 3):
        own = draws[:, s, t]
        right = [own.mean(), *np.quantile(own, [0.055, 0.945]), *probs[s, t]]
        np.testing.assert_allclose(table.iloc[3 * s + t], right, rtol=1e-12)
    assert str(found).startswith("Forecast of 3 steps after 2 series, 90 draws")
    one = Forecast(probs[:, :1], draws[:, :, :1, None], ("s", "t"), ("y",), (0, 1))
    assert str(one).startswith("Forecast of 1 step after") and one.to_frame().columns[0] == "y"
