"""`partial_fit` takes the steps of online EM's equations, and comes near the maximum of all rows in one pass."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import norm

from inference.sklearn import MixtureModel
from mixtures import families
from mixtures.errors import DataError, ModelError

SEEDED = {"restarts": 2, "random_state": 0}
ROWS = 500
"""Of a step."""


def overlapping(rows=20_000):
    rng = np.random.default_rng(5)
    return np.where(rng.random(rows) < 0.4, rng.normal(2.4, 0.7, rows), rng.normal(0.0, 1.0, rows))[:, None]


def steps(x, **options):
    model = MixtureModel(2, **SEEDED, **options)
    for begin in range(0, len(x), ROWS):
        yield model.partial_fit(x[begin : begin + ROWS])


def log_joint(values, x):
    return np.log(values["weights"]) + norm(values["loc"], values["scale"]).logpdf(x)


@pytest.mark.parametrize("alpha", [0.6, 1.0])
def test_steps_are_those_of_the_equations(alpha):
    """Two normals by the averages of r, r x, r x^2, which depend on no parameter; weights 2 are rows that are there twice."""
    average = values = None
    for t, model in enumerate(steps(x := overlapping(3000), learning_decay=alpha)):
        values = model.fit_.parameters if values is None else values
        own = x[t * ROWS : (t + 1) * ROWS]
        r = np.exp((table := log_joint(values, own)) - logsumexp(table, axis=1, keepdims=True))
        mean = np.stack([r.mean(0), (r * own).mean(0), (r * own**2).mean(0)])
        rate = (t + 1) ** -alpha
        average = mean if average is None else (1 - rate) * average + rate * mean
        loc = average[1] / average[0]
        values = {"weights": average[0], "loc": loc, "scale": np.sqrt(average[2] / average[0] - loc**2)}
        if t:
            for name, value in values.items():
                assert_allclose(model.fit_.parameters[name], value, rtol=1e-9)
    assert np.isnan(model.fit_.log_likelihood) and model.n_iter_ >= t and len(model.labels_) == ROWS


@pytest.mark.statistical
def test_one_pass_comes_near_the_maximum_of_all_rows():
    x = overlapping()
    *_, model = steps(x)
    whole = MixtureModel(2, **SEEDED).fit(x)
    first = MixtureModel(2, **SEEDED).fit(x[:ROWS])
    lost, lost_by_the_first = (len(x) * (whole.score(x) - other.score(x)) for other in (model, first))
    # the last rates are about 40^-0.6 = 0.11, an average of 2 / 0.11 steps: as of 18 * 500 rows, 5 parameters lose 5/2 * 20,000 / 9,000 = 5.6
    assert -1e-6 < lost < 4 * 5.6 and lost < lost_by_the_first


def test_weights_are_rows_that_are_there_several_times():
    x = overlapping(2 * ROWS)
    first, second = x[:ROWS], x[ROWS : ROWS + 200]
    one = MixtureModel(2, **SEEDED).partial_fit(first).partial_fit(second, sample_weight=np.full(200, 2.0))
    other = MixtureModel(2, **SEEDED).partial_fit(first).partial_fit(np.repeat(second, 2, axis=0))
    for name, value in one.fit_.parameters.items():
        assert_allclose(other.fit_.parameters[name], value, rtol=1e-10)


def test_fit_begins_anew():
    x = overlapping(3 * ROWS)
    model = MixtureModel(2, **SEEDED).partial_fit(x[:ROWS]).partial_fit(x[ROWS:])
    assert np.isfinite(model.fit(x).fit_.log_likelihood)
    assert np.isnan(model.partial_fit(x[:ROWS]).fit_.log_likelihood)


def test_what_cannot_be_is_said():
    x = overlapping(300)
    assert not hasattr(MixtureModel(method="map"), "partial_fit")
    with pytest.raises(ModelError, match=r"learning_decay: got 0.5; expected a power in \(0.5, 1\]"):
        MixtureModel(learning_decay=0.5).partial_fit(x)
    model = MixtureModel(2, families.Exponential(), **SEEDED).partial_fit(x**4)
    with pytest.raises(DataError, match="-1.0"):
        model.partial_fit(-np.ones((3, 1)))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"family": families.StudentT(df=4.0)}, "components without such statistics"),
        ({"covariance": "factor-1"}, "components without such statistics"),
        ({"missing": "allow"}, "rows with missing cells"),
    ],
)
def test_what_cannot_go_on_is_refused_before_the_first_rows_are_fitted(options, text, monkeypatch):
    x = np.column_stack([overlapping(90)] * 3) + np.eye(90, 3)
    if "missing" in options:
        x[3, 1] = np.nan
    monkeypatch.setattr(MixtureModel, "fit", lambda *_, **__: pytest.fail("rows were fitted"))
    with pytest.raises(ModelError, match=f"partial_fit: got {text}"):
        MixtureModel(2, **options, **SEEDED).partial_fit(x)
