"""ArviZ's own pictures and statistics take the returned tree as it is, as sampled and relabelled."""

import arviz_plots
import arviz_stats
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import logsumexp

import inference


@pytest.fixture(params=["as sampled", "relabelled"])
def tree(request, faithful_posterior):
    yield faithful_posterior if request.param == "as sampled" else inference.relabel(faithful_posterior)
    plt.close("all")


# A correlation's Cholesky factor is constant above the diagonal and in its first entry: ArviZ shows it, and warns.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Your data appears to have a single value:UserWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning"),
]


@pytest.mark.quick("relabelled-*", reason="trees of one shape")
@pytest.mark.parametrize("name", ["plot_trace_dist", "plot_rank", "plot_forest"])
def test_pictures_of_every_parameter(tree, name):
    collection = getattr(arviz_plots, name)(tree, backend="matplotlib")
    assert collection.viz["figure"].item().axes


@pytest.mark.quick("relabelled", reason="trees of one shape")
def test_pairs_of_locations(tree):
    matrix = arviz_plots.plot_pair(tree, var_names=["loc"], coords={"features": "eruptions"}, backend="matplotlib")
    assert len(matrix.viz["figure"].item().axes) == 4  # two components against each other
    matrix = arviz_plots.plot_pair(tree, var_names=["loc"], backend="matplotlib")
    assert len(matrix.viz["figure"].item().axes) == 16  # and in both features


def test_the_summary_names_components_and_features(tree):
    table = arviz_stats.summary(tree, round_to="none")
    assert "loc[0, eruptions]" in table.index
    assert "scale[1, waiting]" in table.index
    draws = tree["posterior"]["loc"].sel(components=1, features="waiting").values
    assert table.loc["loc[1, waiting]", "mean"] == pytest.approx(draws.mean(), rel=1e-12)


def test_loo_is_near_waic_by_hand(tree):
    loo = arviz_stats.loo(tree)
    likelihood = tree["log_likelihood"]["obs"].values.reshape(-1, 272)
    # Watanabe (2010): lppd - sum of the variances of the log likelihood; both estimate the same, to order 1 / rows
    lppd = logsumexp(likelihood, axis=0) - np.log(len(likelihood))
    waic = (lppd - likelihood.var(axis=0, ddof=1)).sum()
    assert loo.elpd == pytest.approx(waic, abs=0.5)
    assert (loo.pareto_k.values < 0.7).all()
