"""Small matrices taken apart in all groups at once: against LAPACK, one after the other."""

import numpy as np
import pytest

from mixtures.ppl.small_matrices import backward, cholesky, forward, half_log_det


@pytest.mark.parametrize("size", [1, 2, 4])
def test_factors_solutions_and_determinants_are_those_of_lapack(size):
    rng = np.random.default_rng(size)
    root, v = rng.normal(size=(3, size, size)), rng.normal(size=(3, size))
    whole = root @ np.swapaxes(root, 1, 2) + np.eye(size)
    found = cholesky(np, {(i, j): whole[:, i, j] for i in range(size) for j in range(i + 1)})
    right = np.linalg.cholesky(whole)
    for (i, j), entries in found.items():
        np.testing.assert_allclose(entries, right[:, i, j], rtol=1e-12)
    np.testing.assert_allclose(
        np.stack(forward(found, list(v.T)), axis=1), np.linalg.solve(right, v[..., None])[..., 0]
    )
    upper = np.swapaxes(right, 1, 2)
    np.testing.assert_allclose(
        np.stack(backward(found, list(v.T)), axis=1), np.linalg.solve(upper, v[..., None])[..., 0]
    )
    np.testing.assert_allclose(half_log_det(np, found), np.linalg.slogdet(whole)[1] / 2)
