"""What posteriors say of the number of components: evidence, leave-one-out, and draws in which the number itself is unknown."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from scipy.special import logsumexp

from inference.assignment.log_likelihood import log_likelihood
from inference.backends import bind
from inference.checks import check_tree
from inference.posterior.nuts import sample_nuts
from inference.posterior.smc import sample_smc
from inference.selection.cross_validation import check_row_wise
from mixtures import Mixture, Observations
from mixtures.errors import DataError
from mixtures.seeds import derived

Options = Mapping[str, Any]

NUMBERS = {"n_components": "p_components", "n_clusters": "p_clusters"}
"""Variables of a posterior in which the number of components is unknown, K and K+, and the columns that their frequencies have."""


def evidence_of(mixture: Mixture, x: Observations, seed: int, backend: str, options: Options) -> dict[str, float]:
    """log p(x) and its Monte Carlo error, by `sample_smc`."""
    tree = sample_smc(mixture, x, seed=derived(seed, "evidence", mixture.components), backend=backend, **options)
    return {name: float(tree.attrs[name]) for name in ("log_evidence", "log_evidence_error")}


def with_probabilities(table: pd.DataFrame) -> pd.DataFrame:
    """The table with p(K | x), each number tried having been as probable as the others beforehand."""
    known = table["log_evidence"].to_numpy()
    return table.assign(p_evidence=np.exp(known - logsumexp(known)))


def loo_of(
    mixture: Mixture, x: Observations, seed: int, backend: str, options: Options
) -> tuple[dict[str, float], Float[np.ndarray, " rows"]]:
    """Each row's expected log predictive density by PSIS leave-one-out, from draws of `sample_nuts`.

    Returns:
        `bad_k`, the share of rows whose Pareto k is too large for their log predictive density to be believed; and these, (rows,).

    Raises:
        ModelError: rows are not independent given the parameters.
    """
    import arviz_stats

    check_row_wise(bind(mixture, x, backend))
    own_seed = derived(seed, "loo", mixture.components)
    settings = {"log_likelihood": False, "progress": False, **options}
    tree = sample_nuts(mixture, x, seed=own_seed, backend=backend, **settings)
    rows = xr.Dataset({"obs": (("chain", "draw", "rows"), log_likelihood(tree, x))})
    both = xr.DataTree.from_dict({"posterior": tree["posterior"].to_dataset(), "log_likelihood": rows})
    with warnings.catch_warnings():  # of k that are too large, which the table says
        warnings.filterwarnings("ignore", module="arviz_stats")
        found = arviz_stats.loo(both, pointwise=True)
    return {"bad_k": float(np.mean(found.pareto_k.values > found.good_k))}, np.asarray(found.elpd_i).ravel()


def numbers_of(posterior: Any) -> dict[str, pd.Series]:
    """p(K) and p(K+), by number, of draws that have the numbers as variables.

    Raises:
        DataError: no tree, or one without such variables.
    """
    group = check_tree(posterior)["posterior"].to_dataset()
    found = {
        column: pd.Series(group[name].values.ravel()).value_counts(normalize=True).sort_index()
        for name, column in NUMBERS.items()
        if name in group.data_vars
    }
    is_known = not posterior.attrs.get("prior_on_components") and len(found.get("p_components", ())) == 1
    if "p_clusters" in found and is_known:
        del found["p_components"]  # of a mixture with a fixed number of components, some of which stay empty
    if not found:
        raise DataError(
            "posterior",
            got="draws with a known number of components",
            expected="a variable 'n_components' (K) or 'n_clusters' (K+, components that have rows) in the group posterior",
            advice="Pass what sample_telescope returned.",
        )
    return found
