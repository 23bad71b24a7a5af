"""What is no result, no option or no column is answered in words: what, got, expected."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import inference
from inference import plots
from inference.plots.pairs import plot_ellipses
from mixtures import Observations, gaussian_mixture, load_dataset, poisson_mixture, simulate
from mixtures.errors import ChoiceError, DataError, ModelError
from tests.programs import shared_rate

COUNTS = [0.0, 1.0, 4.0, 5.0, 2.0]
TREE = xr.DataTree.from_dict({"posterior": xr.Dataset({"loc": (("chain", "draw", "components"), np.ones((1, 2, 2)))})})


@pytest.fixture(scope="module")
def fit():
    return inference.fit_em(gaussian_mixture(2), load_dataset("faithful").x[:60], restarts=2, seed=0)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda fit: inference.check_posterior(5), DataError, "posterior: got int"),
        (lambda fit: inference.responsibilities(5, COUNTS), ModelError, "fit: got int.*point fit, or a tree"),
        (lambda fit: inference.log_likelihood("fit", COUNTS), ModelError, "fit: got str"),
        (lambda fit: inference.fit_guide(None, COUNTS, seed=0), ModelError, "fit: got NoneType"),
        (lambda fit: inference.abstain(np.ones((2, 1)), threshold="a"), ModelError, "threshold: got 'a'"),
        (lambda fit: inference.classify(fit, COUNTS, temperature=True), ModelError, "temperature: got True"),
        (
            lambda fit: inference.classify(fit, np.ones((2, 2)), temperature=True),
            ModelError,
            "temperature: got True",
        ),
        (lambda fit: plot_ellipses(fit, np.ones((2, 2)), features=(0, 5)), ModelError, r"\(0, 5\).*columns 0 to 1"),
        (lambda fit: plot_ellipses(fit, np.ones((2, 2)), features=(0,)), ModelError, "two of the columns"),
        (lambda fit: inference.fit_laplace(poisson_mixture(2), COUNTS, init=[], seed=0), ModelError, "an empty list"),
        (lambda fit: inference.select_components(COUNTS, 2, structures=3, seed=0), ChoiceError, "structures: got 3"),
        (lambda fit: inference.select_components(COUNTS, 1, seed=0).wide("waic"), ChoiceError, "'waic'"),
        (
            lambda fit: inference.fit_em(poisson_mixture(2), COUNTS, row_weights=list("abcde"), seed=0),
            DataError,
            "row_weights: got dtype .*real numbers",
        ),
        (
            lambda fit: inference.fit_em(poisson_mixture(2), COUNTS, row_weights=[[1.0], [1.0, 2.0]], seed=0),
            DataError,
            "row_weights: got rows of unequal lengths",
        ),
        (
            lambda fit: inference.fit_em(poisson_mixture(2), COUNTS, hard="yes", seed=0),
            ModelError,
            "hard: got 'yes'; expected True or False",
        ),
        (lambda fit: plots.plot_agreement(TREE), ModelError, "report: got a DataTree.*what diagnose_labels returned"),
        (lambda fit: plots.plot_similarity(TREE), ModelError, "partition: got a DataTree.*what partition returned"),
        (lambda fit: plots.plot_row_uncertainty(TREE), ModelError, "partition: got a DataTree.*a Partition"),
        (lambda fit: plots.plot_selection(TREE), ModelError, "selection: got a DataTree.*select_components returned"),
        (lambda fit: plots.plot_density(TREE, COUNTS), ModelError, "posterior: got a tree that does not name"),
        (lambda fit: plots.plot_ellipses(3, COUNTS), ModelError, "fit: got int.*a point fit, or a tree of draws"),
        (lambda fit: plots.plot_losses(TREE), ModelError, "fit: got a DataTree.*PointFit or a GuideFit"),
        (lambda fit: plots.plot_gradient_norms(TREE), ModelError, "fit: got a DataTree.*PointFit or a GuideFit"),
        (lambda fit: plots.plot_guide(fit, COUNTS), ModelError, "guide: got a PointFit.*what fit_guide returned"),
        (lambda fit: plots.plot_traces(fit), ModelError, "posterior: got a PointFit.*what sample_nuts returned"),
        (lambda fit: plots.plot_label_traces(fit), ModelError, "posterior: got a PointFit.*what relabel returned"),
        (lambda fit: simulate(shared_rate, 5, seed=0), ModelError, "shared_rate, which takes no size"),
        (
            lambda fit: inference.fit_map(shared_rate, Observations(COUNTS, labels=[0, -1, -1, 1, -1]), seed=0),
            DataError,
            "labels: got known labels, and a program of your own",
        ),
    ],
)
def test_it_is_said_in_words(fit, ask, error, said):
    with pytest.raises(error, match=said):
        ask(fit)


def test_observations_of_observations_keep_everything():
    first = Observations([1.0, np.nan], missing="allow", covariates=pd.DataFrame({"age": [3.0, 4.0]}), labels=[0, -1])
    again = Observations(first)
    assert (again.missing, again.covariate_names) == ("allow", ("age",))
    np.testing.assert_array_equal(again.covariates, first.covariates)
    np.testing.assert_array_equal(again.labels, first.labels)
    assert again.fingerprint == first.fingerprint
