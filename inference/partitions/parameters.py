"""The parameters of a partition's clusters: the model's own, re-estimated as if the clusters were known."""

from dataclasses import replace

import numpy as np
from xarray import DataTree

from inference.draws import observations_of, program_of, whole, with_program
from inference.partitions.partition import Partition, clusters_of
from inference.point.em.fit import fit_em
from inference.point.map import fit_map
from inference.results import PointFit
from mixtures import Mixture, Observations, Program
from mixtures.errors import ModelError
from mixtures.exchangeable import exchangeable
from mixtures.renamed import NO_SEED, formerly
from mixtures.seeds import check_seed

STARTS = 3
"""Starts of the fit: with every row's cluster known hardly any family has more than one optimum."""


@formerly(seed=NO_SEED)
def cluster_parameters(
    posterior: DataTree,
    partition: Partition | np.ndarray,
    *,
    seed: int,
    backend: str = "numpyro",
    program: Program | None = None,
) -> PointFit:
    """The posterior mode of the parameters, given the clusters of the rows.

    The number of clusters takes the place of the number of components; family, weights and the hyperparameters stay. For the parameters'
    uncertainty as well, sample with the clusters as known labels: `sample_nuts(model, Observations(x, labels=partition.labels), seed=0)`.

    Args:
        posterior: draws of the parameters, as `sample_nuts` returns them.
        partition: a `Partition` of all its rows, or labels 0, 1, ...
        seed: an int in [0, 2**32).
        backend: `"numpyro"` or `"pyro"`.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        A `PointFit`, component k being cluster k.

    Raises:
        DataError: not a posterior's tree, or labels of another number of rows or that are not 0, 1, ...
        ModelError: a program whose components are not exchangeable, so that it does not say which cluster is which component.

    Source: Wade & Ghahramani (2018), section 5: inference given a point estimate of the partition.

    Example:
        >>> from inference import partition, sample_nuts
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 0.5, 1.0, 10.0, 10.5, 11.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=50, tune=100, chains=1, seed=0, progress=False)
        >>> fit = cluster_parameters(post, partition(post, seed=0), seed=0)
        >>> fit.parameters["loc"].round(1).tolist()
        [0.5, 10.5]
    """
    tree = whole(with_program(posterior, program))
    check_seed(seed)
    x = observations_of(tree)
    labels = clusters_of(partition, len(x))
    _, numbered = np.unique(labels, return_inverse=True)
    model = replace(_alike(program_of(tree), x), components=int(numbered.max()) + 1)
    known = x.with_labels(numbered)
    if not model.assignment.is_row_wise:  # of which few have closed M-steps
        return fit_map(model, known, restarts=STARTS, seed=seed, backend=backend)
    return fit_em(model, known, objective="posterior", restarts=STARTS, seed=seed, backend=backend)


def _alike(program: Program, x: Observations) -> Mixture:
    """The program, if it is a mixture of components that are alike."""
    if (mixture := program.mixture) is not None:
        covariates = None if x.covariates is None else x.covariates.shape[1]
        groups = exchangeable(mixture, mixture.components, x.features, covariates)
        if mixture.components == 1 or groups == (tuple(range(mixture.components)),):
            return mixture
    raise ModelError(
        "posterior",
        got="a program whose components are not alike",
        expected="a Mixture of components of one kind",
        advice="Say which cluster is which component: fit_em(model, x, labels=..., objective='posterior', seed=0).",
    )
