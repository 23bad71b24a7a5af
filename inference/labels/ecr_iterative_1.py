"""ECR, iterative version 1: the pivot is each row's most frequent relabelled assignment.

    pivot[row] = mode over draws of the relabelled z_t[row];   then ECR;   until the total cost stops falling

The mode minimises the total number of disagreements at fixed permutations, so that the total never rises.

Source: Rodriguez and Walker (2014), JCGS 23, 25-45; Papastamoulis (2016), JSS 69.
"""

import numpy as np
from jaxtyping import Int

from inference.labels.ecr import disagreements
from inference.labels.iterate import alternate
from inference.labels.permutations import Permutations, Relabelling, identity, relabel_assignments
from inference.labels.products import blocks


def ecr_iterative_1(
    assignments: Int[np.ndarray, "draws rows"],
    components: int,
    start: Permutations | None = None,
    max_iterations: int = 100,
) -> Relabelling:
    """Relabel draws to the clustering that they agree on themselves.

    Args:
        assignments: each draw's labels; -1 is none of these.
        components: how many labels there are.
        start: permutations to begin with; none means the labels as they are.
        max_iterations: the most often that the pivot is renewed.

    Returns:
        Cost and margin count rows.

    >>> ecr_iterative_1(np.array([[0, 0, 1], [1, 1, 0], [0, 0, 1]]), components=2).permutations[1]
    array([1, 0])
    """
    return alternate(
        "ecr-iterative-1",
        centre=lambda permutations: mode(assignments, permutations),
        costs=lambda pivot: disagreements(assignments, pivot, components),
        start=identity(len(assignments), components) if start is None else start,
        max_iterations=max_iterations,
    )


def mode(assignments: Int[np.ndarray, "draws rows"], permutations: Permutations) -> Int[np.ndarray, " rows"]:
    """Each row's most frequent label after relabelling."""
    components = permutations.shape[1]
    counts = np.zeros((components, assignments.shape[1]), dtype=int)
    for block in blocks(*assignments.shape):
        relabelled = relabel_assignments(assignments[block], permutations[block])
        is_one_of_these = assignments[block] >= 0
        for label in range(components):
            counts[label] += ((relabelled == label) & is_one_of_these).sum(axis=0)
    return counts.argmax(axis=0)
