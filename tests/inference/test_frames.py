"""Frames in, frames out, and components by name: the numbers are those of the arrays."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import inference
import mixtures
from inference.draws import observations_of
from inference.report import occupancy_text
from mixtures.errors import DataError, ModelError


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 40), rng.normal(2.5, 1, 30)])
    return pd.DataFrame({"reaction": values}, index=[f"p{i:02d}" for i in range(len(values))])


@pytest.fixture(scope="module")
def fit(frame):
    return inference.fit_em(mixtures.gaussian_mixture(2), frame, restarts=4, seed=0)


@pytest.fixture(scope="module")
def tree(frame):
    model = mixtures.gaussian_mixture(2)
    return inference.sample_nuts(model, frame, draws=40, tune=60, chains=2, seed=0, progress=False)


def by_hand(fit, values):
    """P(component | row) by scipy."""
    p = fit.parameters
    joint = p["weights"] * stats.norm.pdf(np.asarray(values)[:, None], p["loc"], p["scale"])
    return joint / joint.sum(axis=1, keepdims=True)


def test_what_has_an_entry_a_row_has_the_index_of_the_frame(fit, frame):
    r = inference.responsibilities(fit, frame)
    assert isinstance(r, pd.DataFrame) and r.index.equals(frame.index) and r.columns.tolist() == [0, 1]
    np.testing.assert_allclose(r, by_hand(fit, frame["reaction"]), atol=1e-10)
    z = inference.classify(fit, frame)
    assert isinstance(z, pd.Series) and z.index.equals(frame.index) and z.name == "component"
    assert (z == by_hand(fit, frame["reaction"]).argmax(axis=1)).all()
    terms = inference.log_likelihood(fit, frame["reaction"])
    p = fit.parameters
    density = (p["weights"] * stats.norm.pdf(frame[["reaction"]], p["loc"], p["scale"])).sum(axis=1)
    assert isinstance(terms, pd.Series)
    pd.testing.assert_series_equal(terms, pd.Series(np.log(density), index=frame.index), check_names=False)


def test_of_a_frame_the_columns_of_the_fit_are_taken_by_name(frame, fit):
    wide = pd.DataFrame({"city": "Rome", "age": 1.0, "reaction": frame["reaction"]})
    pd.testing.assert_frame_equal(inference.responsibilities(fit, wide), inference.responsibilities(fit, frame))
    families = mixtures.families
    product = mixtures.Mixture(2, families.Product({"reaction": families.Gaussian(), "age": families.Gaussian()}))
    both = wide.assign(age=np.arange(70) % 7)
    by_name = inference.fit_em(product, both, restarts=2, seed=0)
    right = inference.fit_em(product, both[["reaction", "age"]].to_numpy(), restarts=2, seed=0)
    assert by_name.log_likelihood == pytest.approx(right.log_likelihood)
    with pytest.raises(DataError, match="reaction"):
        inference.classify(by_name, both[["age"]])


def test_arrays_and_observations_come_back_as_arrays(fit, frame):
    for x in (frame["reaction"].to_numpy(), mixtures.Observations(frame), frame["reaction"].tolist()):
        assert type(inference.classify(fit, x)) is np.ndarray
        assert type(inference.responsibilities(fit, x)) is np.ndarray


def test_components_have_the_names_they_were_given(fit, frame):
    order = np.argsort(fit.parameters["loc"])
    names = [("quick", "slow")[rank] for rank in np.argsort(order)]
    named = inference.name_components(fit, names)
    assert named.to_frame().loc["loc", "quick"] < named.to_frame().loc["loc", "slow"]
    assert inference.responsibilities(named, frame).columns.tolist() == names
    z = inference.classify(named, frame)
    assert (z.astype(str) == np.array(names)[inference.classify(fit, frame)]).all()
    assert "quick" in str(named) and fit.components == (0, 1)


def test_names_are_kept_in_files(fit, tree, tmp_path):
    inference.save(inference.name_components(fit, ["a", "b"]), tmp_path / "fit.json")
    assert inference.load(tmp_path / "fit.json").components == ("a", "b")
    named = inference.name_components(inference.relabel(tree), ["a", "b"])
    inference.save(named, tmp_path / "draws.nc")
    kept = inference.load(tmp_path / "draws.nc")
    assert kept.posterior["loc"].components.values.tolist() == ["a", "b"]
    assert "loc[a]" in inference.summary(kept).index


def test_a_named_posterior_is_read_by_every_verb(fit, tree, frame):
    plain = inference.relabel(tree)
    named = inference.name_components(plain, ["a", "b"])
    pd.testing.assert_frame_equal(
        inference.responsibilities(named, frame), inference.responsibilities(plain, frame).set_axis(["a", "b"], axis=1), check_names=False
    )  # fmt: skip
    assert inference.diagnose_labels(named).verdict is inference.diagnose_labels(plain).verdict
    again = inference.relabel(named, method="ordering").posterior
    assert again["loc"].components.values.tolist() == ["a", "b"]
    assert np.array_equal(inference.partition(named, seed=0).labels, inference.partition(plain, seed=0).labels)
    aligned = inference.align(named, to=fit, x=frame)
    assert aligned.posterior["loc"].components.values.tolist() == ["a", "b"]


def test_a_posterior_of_one_variable_has_its_name(tree, frame, tmp_path):
    inference.save(tree, tmp_path / "draws.nc")
    for known in (tree, inference.load(tmp_path / "draws.nc")):
        assert observations_of(known).feature_names == ("reaction",)
        assert observations_of(known).fingerprint == known.attrs["data_fingerprint"]
        with pytest.raises(DataError, match="'reaction'"):
            inference.responsibilities(known, frame["reaction"].rename("age"))


def test_intervals_of_several_assignments_have_the_index_of_the_frame():
    @mixtures.declare
    def sums(ppl, x):
        shares = [ppl.sample(name, ppl.dist.Dirichlet(ppl.xp.ones(2))) for name in ("one_share", "other_share")]
        with ppl.plate("components", 2):
            loc, step = (ppl.sample(name, ppl.dist.Normal(0.0, 3.0)) for name in ("loc", "step"))
        with ppl.plate("rows", len(x)):
            one, other = ppl.assign("one", shares[0]), ppl.assign("other", shares[1])
            ppl.sample("height", ppl.dist.Normal(loc[one] + step[other], 1.0), obs=x)

    rows = pd.Series([0.0, 0.5, 3.0, 4.0, 6.5], index=list("abcde"))
    tree = inference.sample_nuts(sums, rows, draws=5, tune=5, chains=1, seed=0, backend="pyro", progress=False)
    assert inference.responsibilities(tree, rows, interval=0.8)["one"]._fields == ("mean", "lower", "upper")
    for mean, low, high in inference.responsibilities(tree, rows, interval=0.8).values():
        assert mean.index.tolist() == list("abcde")
        assert (low <= high).to_numpy().all() and np.allclose(mean.sum(axis=1), 1.0)
    assert inference.plots.plot_predictive(tree, rows).get_ylabel() == "share of the rows"


def test_a_named_chain_is_named_on_both_sides_of_its_moves_and_in_its_pictures():
    counts = pd.Series(mixtures.load_dataset("earthquakes").x, name="count")
    model = mixtures.hidden_markov(2, mixtures.families.Poisson())
    fit = inference.fit_em(model, counts, restarts=2, seed=0)
    tree = inference.sample_nuts(model, counts, draws=10, tune=10, chains=1, seed=0, init=fit, progress=False)
    named = inference.name_components(inference.relabel(tree), ["a", "b"])
    assert "transition[a, b]" in inference.summary(named).index
    assert inference.relabel(named, method="ordering").posterior["transition"].to.values.tolist() == ["a", "b"]
    fit = inference.name_components(fit, ["a", "b"])
    assert inference.forecast(fit, 1, counts, draws=2, seed=0).to_frame().columns.tolist()[-2:] == ["P(a)", "P(b)"]
    moves = fit.to_frame()
    assert moves.loc["transition[to b]", "a"] == fit.parameters["transition"][0, 1]
    path = inference.classify(fit, counts)
    of_rate = inference.plots.plot_traces(named, site="rate")
    for ax in (inference.plots.plot_path(counts, path), of_rate):
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    page = inference.plots.overview(fit, counts)
    (moves,) = (ax for ax in page.axes if ax.get_xlabel() == "to state")
    assert [tick.get_text() for tick in moves.get_xticklabels()] == ["a", "b"]
    rows = (path == "a").sum()
    assert occupancy_text(path, 2) == f"{rows} rows in a, {len(path) - rows} rows in b"


@pytest.mark.parametrize("names", [["a"], ["a", "a"], "ab", ["a", ""], [1, 2], None])
def test_names_that_do_not_tell_components_apart_are_refused(fit, tree, names):
    for result in (fit, tree):
        with pytest.raises(ModelError, match="2 different names"):
            inference.name_components(result, names)


@pytest.mark.statistical
def test_a_posterior_classifies_by_its_averaged_probabilities(tree, frame):
    relabelled = inference.relabel(tree)
    post = relabelled["posterior"]
    joint = post["weights"].values[..., None, :] * stats.norm.pdf(
        frame["reaction"].to_numpy()[:, None], post["loc"].values[..., None, :], post["scale"].values[..., None, :]
    )
    mean = (joint / joint.sum(axis=-1, keepdims=True)).mean(axis=(0, 1))
    z = inference.classify(relabelled, frame)
    assert z.index.equals(frame.index) and (z == mean.argmax(axis=1)).all()
    drawn = np.stack(
        [inference.classify(relabelled, frame["reaction"].to_numpy(), temperature=1, seed=s) for s in range(100)]
    )
    # how often each row is drawn into component 1 is binomial
    count, law = (drawn == 1).sum(axis=0), stats.binom(len(drawn), mean[:, 1])
    assert np.all((law.cdf(count) > 1e-8) & (law.sf(count - 1) > 1e-8))


def test_draws_whose_labels_may_switch_do_not_classify(tree, frame):
    with pytest.raises(ModelError, match="relabel"):
        inference.classify(tree, frame)
