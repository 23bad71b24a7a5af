"""Every route to the number of components by another way: definitions, refits of every fold, densities by scipy, importance sampling."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from inference import fit_em, log_likelihood, number_of_components, responsibilities, sample_nuts, sample_telescope
from inference.plots import plot_component_count
from inference.selection.cross_validation import folds_of, held_out
from inference.selection.refits import EMOptions
from inference.selection.routes import answers_of
from inference.selection.words import words_of
from inference.status import Status
from mixtures import Mixture, Observations, component_counts, families, gaussian_mixture, hidden_markov, poisson_mixture
from mixtures.errors import ChoiceError, DataError, ModelError
from mixtures.seeds import derived

OPTIONS = EMOptions(15, 3, 1e-10, 2000, "numpyro")


def overlapping(rows: int = 120) -> np.ndarray:
    """Rows of two normals whose means are 2.5 standard deviations apart."""
    rng = np.random.default_rng(0)
    return rng.normal(2.5 * (rng.random(rows) < 0.4), 1.0)


@pytest.fixture(scope="module")
def count():
    return number_of_components(gaussian_mixture(1, "E"), overlapping(), range(1, 4), restarts=8, seed=0)


def test_criteria_are_those_of_their_definitions(count):
    x = overlapping()
    for components in (1, 2, 3):
        line = count.table.loc[components]
        fit = fit_em(gaussian_mixture(components, "E"), x, restarts=20, seed=5)
        likelihood, free, n = line["log_likelihood"], 2 * components, len(x)  # K means, K - 1 weights, a variance
        assert likelihood == pytest.approx(fit.log_likelihood, abs=1e-3 if components < 3 else 0.5)  # three are flat
        assert line["free_parameters"] == free
        assert line["aic"] == pytest.approx(-2 * likelihood + 2 * free)
        assert line["bic"] == pytest.approx(-2 * likelihood + free * np.log(n))
        assert line["caic"] == pytest.approx(-2 * likelihood + free * (np.log(n) + 1))
        assert line["sabic"] == pytest.approx(-2 * likelihood + free * np.log((n + 2) / 24))
        shares = responsibilities(count.fits[components], x)
        mixed = -sum(t * np.log(t) for row in shares for t in row if t > 0)
        expected = 1.0 if components == 1 else 1 - mixed / (n * np.log(components))
        assert line["entropy_r2"] == pytest.approx(expected)
        best = np.log(shares.max(axis=1)).sum()
        assert line["icl"] == pytest.approx(line["bic"] - 2 * best)


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_every_row_is_scored_by_a_fit_to_the_other_folds(backend):
    x, folds = overlapping(60), folds_of(60, 4, 0)
    scores = held_out(gaussian_mixture(2, "E"), Observations(x), folds, EMOptions(12, 3, 1e-10, 2000, backend))
    for fold in range(4):
        at = fit_em(gaussian_mixture(2, "E"), x[folds != fold], restarts=30, tolerance=1e-11, seed=1).parameters
        left = x[folds == fold][:, None]
        expected = logsumexp(norm.logpdf(left, at["loc"], at["scale"]) + np.log(at["weights"]), axis=1)
        np.testing.assert_allclose(scores[folds == fold], expected, atol=2e-3)


def test_one_normal_is_scored_in_closed_form_and_errors_are_those_of_pairs(count):
    x, folds = overlapping(), folds_of(120, 10, derived(0, "number_of_components"))
    expected = np.empty(120)
    for fold in range(10):
        kept = x[folds != fold]
        expected[folds == fold] = norm.logpdf(x[folds == fold], kept.mean(), kept.std())
    np.testing.assert_allclose(count.rows["log_score"][:, 0], expected, rtol=1e-9)
    table, rows = count.table, count.rows["log_score"]
    best = int(np.argmax(rows.sum(axis=0)))
    np.testing.assert_allclose(table["log_score_behind"], rows[:, best].sum() - rows.sum(axis=0), atol=1e-9)
    behind = rows[:, best] - rows[:, 0]
    assert table["log_score_error"].iloc[0] == pytest.approx(np.sqrt(120 * np.var(behind, ddof=1)))


def test_folds_are_even_and_refused_where_there_are_too_many():
    assert np.bincount(folds_of(23, 5, 0)).tolist() == [5, 5, 5, 4, 4]
    for folds in (1, 24):
        with pytest.raises(ModelError, match="folds"):
            folds_of(23, folds, 0)


def holes() -> Observations:
    """Two columns of which a tenth of the cells is missing."""
    rng = np.random.default_rng(2)
    return Observations(np.where(rng.random((40, 2)) < 0.1, np.nan, rng.normal(size=(40, 2))), missing="allow")


@pytest.mark.quick("counts", reason="folds are scored by one code")
@pytest.mark.parametrize(
    ("model", "x"),
    [
        (poisson_mixture(1), np.random.default_rng(0).poisson(4.0, 40)),
        (Mixture(1, families.Gamma()), np.random.default_rng(1).gamma(2.0, 1.0, 40)),
        (gaussian_mixture(1, "EEE"), holes()),
    ],
    ids=["counts", "no closed M-step", "missing cells"],
)
def test_any_family_and_missing_cells_are_scored(model, x):
    data, folds = Observations.of(x), folds_of(40, 3, 0)
    scores = held_out(model, data, folds, OPTIONS)
    for fold in range(3):
        alone = fit_em(model, data.take(folds != fold), restarts=1, tolerance=1e-11, seed=0)
        expected = np.asarray(log_likelihood(alone, data))[folds == fold]
        np.testing.assert_allclose(scores[folds == fold], expected, atol=1e-3)


def test_rows_that_count_twice_count_twice():
    x = overlapping(40)
    weights = np.where(np.arange(40) < 20, 2.0, 1.0)
    found = number_of_components(
        gaussian_mixture(1, "E"), Observations(x, row_weights=weights), [1, 2], folds=5, restarts=5, seed=0
    )
    assert found.table["log_score"].iloc[0] == pytest.approx(found.rows["log_score"][:, 0] @ weights)
    assert found.table.loc[1, "bic"] == pytest.approx(-2 * found.table.loc[1, "log_likelihood"] + 2 * np.log(60))
    repeated = np.repeat(found.rows["log_score"][:, 0] - found.rows["log_score"][:, 1], weights.astype(int))
    assert found.table["log_score_error"].max() == pytest.approx(np.sqrt(60 * np.var(repeated, ddof=1)))


def tree_of(**numbers: np.ndarray) -> xr.DataTree:
    draws = xr.Dataset({name: (("chain", "draw"), value) for name, value in numbers.items()})
    return xr.DataTree.from_dict({"posterior": draws, "observed_data": xr.Dataset({"obs": ("rows", np.zeros(2))})})


def test_a_posterior_of_unknown_number_has_its_frequencies():
    posterior = tree_of(n_components=np.array([[2, 3, 3, 7]]), n_clusters=np.array([[2, 2, 2, 3]]))
    found = number_of_components(
        gaussian_mixture(1, "E"), overlapping(), [1], routes=(), restarts=1, posterior=posterior, seed=0
    )
    assert found.table["p_components"].to_dict() == {2: 0.25, 3: 0.5, 7: 0.25}
    assert found.table["p_clusters"].to_dict() == {2: 0.75, 3: 0.25, 7: 0.0}
    assert (found.best("p(K)"), found.best("p(K+)")) == (3, 2)
    assert any("of which the data have no row" in words for words in found.words)
    fixed = tree_of(n_components=np.full((1, 4), 10), n_clusters=np.array([[2, 2, 2, 3]]))
    alone = number_of_components(
        gaussian_mixture(1, "E"), overlapping(), [1], routes=(), restarts=1, posterior=fixed, seed=0
    )
    assert [answer.route for answer in alone.answers] == ["p(K+)"]
    with pytest.raises(DataError, match="a known number of components"):
        number_of_components(gaussian_mixture(1), overlapping(), posterior=tree_of(loc=np.zeros((1, 4))), seed=0)


def test_an_unknown_number_of_which_draws_are_sure_is_said():
    posterior = tree_of(n_components=np.full((1, 4), 3), n_clusters=np.array([[2, 2, 2, 3]]))
    known = number_of_components(
        gaussian_mixture(1, "E"), overlapping(), [1], routes=(), restarts=1, posterior=posterior, seed=0
    )
    assert "p_components" not in known.table
    posterior.attrs["prior_on_components"] = "K ~ Uniform"
    found = number_of_components(
        gaussian_mixture(1, "E"), overlapping(), [1], routes=(), restarts=1, posterior=posterior, seed=0
    )
    assert found.table["p_components"].to_dict() == {2: 0.0, 3: 1.0}


def test_words_say_where_routes_disagree_and_why():
    table = pd.DataFrame(
        {
            "log_likelihood": [-90.0, -60.0, -55.0, -54.0],
            "bic": [200.0, 150.0, 140.0, 120.0],
            "icl": [200.0, 151.0, 170.0, 130.0],
            "aic": [199.0, 149.0, 138.0, 119.0],
            "status": [Status.CONVERGED, Status.CONVERGED, Status.CONVERGED, Status.COLLAPSED],
            "log_score": [-100.0, -70.0, -70.5, np.nan],
            "log_score_error": [9.0, 0.0, 1.0, np.nan],
            "log_evidence": [-100.0, -74.0, -70.0, -70.3],
            "log_evidence_error": [0.1, 0.1, 0.2, 0.2],
            "bad_k": [0.0, 0.0, 0.1, 0.1],
        },
        index=[1, 2, 3, 4],
    )
    answers = {answer.route: answer for answer in answers_of(table)}
    # the collapsed fit of four has no say in the criteria
    assert {route: answer.components for route, answer in answers.items()} == {
        "bic": 3, "icl": 2, "aic": 3, "cross-validation": 2, "evidence": 3,
    }  # fmt: skip
    assert answers["cross-validation"].close == (3,) and answers["evidence"].close == (4,)
    said = "\n".join(words_of(list(answers.values()), table))
    for words in (
        "icl says 2, bic 3: the density needs components that overlap",
        "cross-validation says 2, bic 3: what further components gain",
        "The fits of 4 components are not sound",
        "no sound fit of 4 components: cross-validation leaves",
        "large Pareto k at 3, 4 components",
    ):
        assert words in said
    agreed = table.loc[[1, 2], ["log_likelihood", "bic", "aic", "status"]]
    assert words_of(answers_of(agreed), agreed) == [
        "All routes say 2.",
        "2 is the largest number that was tried, and the answer of bic, aic: try more.",
    ]


def test_the_result_prints_every_route_and_is_drawn(count):
    text = str(count)
    for words in ("cross-validation", "How many clusters are apart?", "log_score_behind"):
        assert words in text
    assert count.best() == count.best("bic") == 2
    with pytest.raises(ChoiceError, match="route"):
        count.best("loo")
    axes = plot_component_count(count)
    assert [ax.get_title(loc="left") for ax in axes] == ["Criteria", "Rows that were left out"]
    bic = next(line for line in axes[0].lines if line.get_label() == "BIC")
    np.testing.assert_allclose(bic.get_ydata(), count.table["bic"] - count.table["bic"].min())
    plt.close(axes[0].figure)
    with pytest.raises(ModelError, match="a NumberOfComponents"):
        plot_component_count(count.fits[1])


def test_bad_arguments_say_what_is_wrong():
    x = overlapping(30)
    with pytest.raises(ChoiceError, match="routes"):
        number_of_components(gaussian_mixture(1), x, routes=["waic"], seed=0)
    with pytest.raises(ModelError, match="none, and no posterior"):
        number_of_components(gaussian_mixture(1), x, routes=[], seed=0)
    with pytest.raises(DataError, match="known labels"):
        number_of_components(gaussian_mixture(1), Observations(x, labels=np.zeros(30, int)), seed=0)
    with pytest.raises(ModelError, match="rows left out of a chain"):
        number_of_components(hidden_markov(2, families.Gaussian("V")), x, [2], routes="cross-validation", seed=0)


@pytest.mark.slow
@pytest.mark.statistical
def test_evidence_and_leave_one_out_of_one_normal():
    """LOO against plain importance sampling of the same posterior, and the evidence of one component against quadrature."""
    x = overlapping(25)
    found = number_of_components(
        gaussian_mixture(1, "E"), x, [1, 2], routes=["evidence", "loo"], seed=0,
        smc={"particles": 400, "runs": 4}, nuts={"draws": 1000, "tune": 500, "chains": 2},
    )  # fmt: skip
    line = found.table.loc[1]
    model = gaussian_mixture(1, "E").scaled_to(x)
    numbers = {site: dict(prior.parameters) for site, prior in model.family.priors_by_site.items()}
    loc, scale = np.meshgrid(np.linspace(-3, 5, 801), np.exp(np.linspace(-2, 3, 801)), indexing="ij")
    log_joint = norm.logpdf(x[:, None, None], loc, scale).sum(axis=0)
    log_joint += norm.logpdf(loc, *numbers["loc"].values()) + norm.logpdf(np.log(scale), *numbers["scale"].values())
    expected = logsumexp(log_joint) + np.log((8 / 800) * (5 / 800))
    assert line["log_evidence"] == pytest.approx(expected, abs=max(4 * line["log_evidence_error"], 0.1))
    assert found.table["p_evidence"].sum() == pytest.approx(1.0)
    posterior = sample_nuts(gaussian_mixture(1, "E"), x, draws=2000, tune=500, chains=2, seed=1, progress=False)[
        "posterior"
    ]
    mean, sd = posterior["loc"].values.reshape(-1), posterior["scale"].values.reshape(-1)
    log_p = norm.logpdf(x[:, None], mean, sd)
    np.testing.assert_allclose(
        found.rows["elpd_loo"][:, 0], -(logsumexp(-log_p, axis=1) - np.log(log_p.shape[1])), atol=0.1
    )


@pytest.mark.slow
def test_draws_of_an_unknown_number_stand_beside_the_criteria():
    x = overlapping(40)
    draws = sample_telescope(
        gaussian_mixture(6, "V"), x, prior_on_components=component_counts.Poisson(1.0), draws=100, tune=50, chains=2, seed=0, progress=False,
    )  # fmt: skip
    found = number_of_components(
        gaussian_mixture(1, "E"), x, [1, 2], routes="criteria", restarts=3, posterior=draws, seed=0
    )
    counts = np.bincount(draws["posterior"]["n_clusters"].values.ravel(), minlength=7)
    for number, share in found.table["p_clusters"].items():
        assert share == pytest.approx(counts[number] / 200)
    assert not any("6 is the largest number" in words for words in found.words)
    assert len(plot_component_count(found)) == 2
    plt.close("all")
