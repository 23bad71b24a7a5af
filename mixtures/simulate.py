"""Draws from the declaration: the prior predictive, or data at given parameters."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixtures.ppl import backend_module
from mixtures.program import Program
from mixtures.seeds import check_seed
from mixtures.tables import checked_covariates


def simulate(
    program: Program,
    size: int | tuple[int, int],
    seed: int,
    given: Mapping[str, Any] | None = None,
    backend: str = "numpyro",
    covariates: Any = None,
) -> dict[str, np.ndarray]:
    """Draw every site of the program once: parameters, assignments and `size` rows of data.

    Args:
        program: a declaration.
        size: rows, or (rows, features).
        seed: an int in [0, 2**32).
        given: parameters to hold fixed, by site; the others are drawn from their priors. Priors scaled to the data are taken as for
            data of mean 0 and standard deviation 1.
        backend: `"numpyro"` or `"pyro"`: the draws differ, their distribution does not.
        covariates: (rows,) or (rows, covariates), for programs whose rows depend on them.

    Returns:
        Arrays by site; `assignment` (rows,) and `obs` (rows[, features]) among them (for a `Product`, every column by its name).

    Raises:
        SeedError: a bad seed.
        BackendError: the backend is not installed.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> truth = {"weights": [0.3, 0.7], "loc": [-1.0, 1.0], "scale": [0.5, 1.0]}
        >>> draws = simulate(gaussian_mixture(2), 100, seed=0, given=truth)
        >>> draws["obs"].shape
        (100,)
    """
    words = backend_module(backend, f"mixtures.ppl.{backend}_ppl")
    held = {name: np.asarray(value, dtype=np.float64) for name, value in (given or {}).items()}
    data: dict[str, Any] = {"size": size}
    if covariates is not None:
        rows = size[0] if isinstance(size, tuple) else size
        data["covariates"] = checked_covariates(covariates, rows)[0]
    return words.run_forward(program, check_seed(seed), held, data)
