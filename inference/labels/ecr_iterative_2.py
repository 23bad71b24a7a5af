"""ECR, iterative version 2: the pivot is the most probable label under the mean relabelled responsibilities.

    pivot[row] = argmax_k mean over draws of p_t[row, perm_t[k]];   then ECR;   until the total cost stops falling

ECR's cost is taken on the responsibilities themselves (the expected number of disagreements, see `ecr`), not on
sampled assignments: then this pivot is the minimiser at fixed permutations, and the total cost never rises.

Source: Rodriguez and Walker (2014), JCGS 23, 25-45; Papastamoulis (2016), JSS 69.
"""

import numpy as np
from jaxtyping import Float

from inference.labels.ecr import disagreements
from inference.labels.iterate import alternate
from inference.labels.permutations import Permutations, Relabelling, identity
from inference.labels.products import relabelled_mean


def ecr_iterative_2(
    responsibilities: Float[np.ndarray, "draws rows components"],
    start: Permutations | None = None,
    max_iterations: int = 100,
) -> Relabelling:
    """Relabel draws to the classification that their mean responsibilities give.

    Args:
        responsibilities: P(row has label k) in each draw.
        start: permutations to begin with; none means the labels as they are.
        max_iterations: the most often that the pivot is renewed.

    Returns:
        Cost and margin count expected rows.

    >>> p = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.1, 0.9], [0.8, 0.2]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> ecr_iterative_2(p).permutations[1]
    array([1, 0])
    """
    draws, _, components = responsibilities.shape
    return alternate(
        "ecr-iterative-2",
        centre=lambda permutations: relabelled_mean(responsibilities, permutations).argmax(axis=1),
        costs=lambda pivot: disagreements(responsibilities, pivot, components),
        start=identity(draws, components) if start is None else start,
        max_iterations=max_iterations,
    )
