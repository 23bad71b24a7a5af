"""Quantities that do not depend on how components are labelled: what convergence can be read from, switching or not."""

import numpy as np
import xarray as xr

from inference.invariants import reference_rows, sorted_weights
from inference.labels.evidence import Evidence


def invariants(evidence: Evidence) -> xr.Dataset:
    """The label-invariant quantities of each draw.

    Returns:
        `log_density`, if the sampler kept it; `sorted_weights`, largest first; `entropy`, a row's mean entropy of its
        responsibilities, in nats; `occupied_components`, those most probable for at least one row; `similarity`,
        P(two rows share a component), of pairs of neighbours among a few reference rows spread over the data.
    """
    p = evidence.responsibilities
    occupied = np.zeros((len(p), evidence.components), dtype=bool)
    np.put_along_axis(occupied, p.argmax(axis=2), True, axis=1)
    # sum_k p log p, in the cache a draw at a time rather than over a temporary as large as p
    entropy = np.array([-np.einsum("ik,ik->", one, np.log(np.maximum(one, np.finfo(float).tiny))) for one in p])
    quantities: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "entropy": ((), entropy / p.shape[1]),
        "occupied_components": ((), occupied.sum(axis=1).astype(float)),
    }
    if evidence.log_density is not None:
        quantities["log_density"] = ((), evidence.log_density)
    if "weights" in evidence.sites:
        quantities["sorted_weights"] = (("rank",), sorted_weights(evidence.columns("weights")[:, :, 0]))
    first, second = reference_pairs(evidence)
    quantities["similarity"] = (("pair",), np.einsum("tik,tik->ti", p[:, first], p[:, second]))
    return xr.Dataset(
        {
            name: (("chain", "draw", *dims), values.reshape(*evidence.shape, *values.shape[1:]))
            for name, (dims, values) in quantities.items()
        }
    )


def reference_pairs(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours among rows at a few ranks of the first feature; among what else has assignments, in its own order."""
    rows = reference_rows(evidence.observations if evidence.is_of_rows else np.arange(evidence.units))
    return rows[:-1], rows[1:]
