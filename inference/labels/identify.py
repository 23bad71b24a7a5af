"""identify: the clusters' parameters, of draws whose number of clusters varies.

Among the draws with one number of clusters, all clusters of all draws are points in the space of one component's parameters. Where clusters are
well apart there, the points fall into as many groups, one point a draw in each: a labelling. Fruhwirth-Schnatter (2006), Finite Mixture and
Markov Switching Models, section 3.7.7; Malsiner-Walli, Fruhwirth-Schnatter & Grun (2016), section 4.3.
"""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from scipy.cluster.vq import kmeans2

from inference.backends import bind
from inference.checks import check_choice, check_count
from inference.draws import backend_of, flat, observations_of, program_of, whole, with_program
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures import Mixture, Program
from mixtures.assignments import Dirichlet
from mixtures.checks import listed
from mixtures.errors import DataError, FitError
from mixtures.seeds import NEEDED, check_seed, derived

STARTS, STEPS = 20, 100
"""Random starts of k-means, beside that at the best draw's clusters, and the steps of each."""


def identify(
    posterior: xr.DataTree,
    clusters: int | None = None,
    *,
    by: str | list[str] | None = None,
    seed: int = NEEDED,
    program: Program | None = None,
) -> xr.DataTree:
    """The draws with one number of clusters, their clusters under one labelling.

    Each cluster of each such draw is a point, its parameters; k-means groups the points. Draws of which two clusters fall into one group
    have no labelling: they are left out, and their share, the non-permutation rate, says how well clusters are told apart. Near 0, means of
    a cluster are its own; at 0.5 and above, only the partition is known (`partition`).

    Args:
        posterior: draws from `sample_telescope`.
        clusters: how many; None: the number that most draws have.
        by: the sites whose values tell clusters apart; None: all that each component has its own of.
        seed: of k-means' starts, an int in [0, 2**32).
        program: the declaration of the draws, where it cannot be imported again.

    Returns:
        A tree of a mixture of so many components, in one chain, with weights that add up to 1 over the clusters, the largest first. Its
        attributes say the share of draws with so many clusters (`share_of_draws`) and the `non_permutation_rate` among them.

    Raises:
        DataError: draws that do not say their number of clusters; no draw with so many; another site.
        FitError: no draw has a labelling.

    Example:
        >>> from inference import sample_telescope
        >>> from mixtures import component_counts, gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> prior = component_counts.Poisson(1.0)
        >>> post = sample_telescope(
        ...     gaussian_mixture(10), x, prior_on_components=prior, draws=50, tune=25, chains=2, seed=0, progress=False
        ... )
        >>> identify(post, 2, seed=0).posterior.sizes["components"]
        2
    """
    tree = whole(with_program(posterior, program))
    check_seed(seed)
    draws = tree["posterior"].to_dataset()
    if "n_clusters" not in draws:
        raise DataError(
            "posterior",
            got="draws without n_clusters",
            expected="draws that say how many clusters each has",
            advice="Draw them by sample_telescope; of a known number of components, use relabel.",
        )
    numbers = draws["n_clusters"].transpose("chain", "draw").values.reshape(-1)
    wanted = int(np.bincount(numbers).argmax()) if clusters is None else check_count("clusters", clusters)
    chosen = np.flatnonzero(numbers == wanted)
    if not len(chosen):
        raise DataError(
            "clusters",
            got=f"{wanted}, which no draw has",
            expected=f"one of {', '.join(map(str, np.unique(numbers)))}",
        )
    mixture = program_of(tree).mixture
    assert mixture is not None  # said by sample_telescope
    values = _of_clusters(tree, mixture, chosen, wanted)
    own = [name for name in values if name != "weights" and "components" in draws[name].dims]
    names = own if by is None else [check_choice("by", name, own) for name in listed(by) or [""]]
    best = int(np.argmax(flat(tree["sample_stats"]["lp"].transpose("chain", "draw").values)[chosen]))
    labels = _grouped(_points({name: values[name] for name in names}), best, derived(seed, "identify"))
    is_labelling = np.sort(labels, axis=1) == np.arange(wanted)
    kept = np.flatnonzero(is_labelling.all(axis=1))
    if not len(kept):
        raise FitError(
            "identify",
            got=f"{len(chosen)} draws with {wanted} clusters, of which none has one in each group",
            expected="clusters that lie apart",
            advice="Use partition; or choose other sites (by=), or another number of clusters.",
        )
    order = np.argsort(labels[kept], axis=1)
    mean = np.take_along_axis(values["weights"][kept], order, axis=1).mean(axis=0)
    order = order[:, np.argsort(-mean)]
    lp = flat(tree["sample_stats"]["lp"].transpose("chain", "draw").values)[chosen][kept]
    found = {
        name: (_permuted(value[kept], order) if name in (*own, "weights") else value[kept])[None]
        for name, value in values.items()
    }
    program_of_clusters = replace(mixture, components=wanted, assignment=Dirichlet())
    bound = bind(program_of_clusters, observations_of(tree), backend_of(tree))
    attrs = {
        "sampler": f"{tree.attrs['sampler']}, clusters identified",
        "seed": tree.attrs["seed"],
        "share_of_draws": len(chosen) / len(numbers),
        "non_permutation_rate": 1 - len(kept) / len(chosen),
    }
    made = {site.name: found[site.name] for site in bound.sites.parameters}
    return build_tree(bound, Draws(made, {"lp": lp[None]}), attrs, has_prior=False)


def _of_clusters(tree: xr.DataTree, mixture: Mixture, chosen: Int[np.ndarray, " draws"], clusters: int) -> dict:
    """Values of the chosen draws: weights of clusters that add up to 1, and the family's sites, clusters alone."""
    draws = tree["posterior"].to_dataset()
    names = [name for name in tree.attrs["parameters"].split(",") if name not in mixture.assignment.sites]
    found: dict[str, Any] = {}
    for name in ("weights", *names):
        variable = draws[name].transpose("chain", "draw", ...)
        if "components" in variable.dims:
            variable = variable.transpose("chain", "draw", "components", ...).isel(components=slice(clusters))
        found[name] = flat(variable.values)[chosen]
    found["weights"] = found["weights"] / found["weights"].sum(axis=1, keepdims=True)
    return found


def _points(values: dict[str, np.ndarray]) -> Float[np.ndarray, "draws clusters coordinates"]:
    """Clusters as points: their parameters in units of their spread; what is positive by its logarithm, whose tails are shorter."""
    parts = []
    for value in values.values():
        part = value.reshape(*value.shape[:2], -1)
        part = np.log(part) if (part > 0).all() else part
        spread = part.std(axis=(0, 1))
        parts.append((part - part.mean(axis=(0, 1))) / np.where(spread > 0, spread, 1.0))
    return np.concatenate(parts, axis=2)


def _grouped(
    points: Float[np.ndarray, "draws clusters coordinates"], best: int, seed: int
) -> Int[np.ndarray, "draws clusters"]:
    """Each cluster's group, by k-means: from the best draw's clusters, and from random starts; the tightest groups."""
    every, clusters = points.reshape(-1, points.shape[2]), points.shape[1]
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():  # of a start that loses a group, which another is tighter than
        warnings.simplefilter("ignore", UserWarning)
        tries = [kmeans2(every, points[best], iter=STEPS, minit="matrix")]
        tries += [kmeans2(every, clusters, iter=STEPS, minit="++", rng=rng) for _ in range(STARTS)]

    def spread(found: tuple[np.ndarray, np.ndarray]) -> float:
        return float(np.sum((every - found[0][found[1]]) ** 2))

    return min(tries, key=spread)[1].reshape(points.shape[:2])


def _permuted(values: np.ndarray, order: Int[np.ndarray, "draws clusters"]) -> np.ndarray:
    return np.take_along_axis(values, order.reshape(*order.shape, *(1,) * (values.ndim - 2)), axis=1)
