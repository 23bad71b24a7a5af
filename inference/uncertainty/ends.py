"""Values at an end of their support, whose coordinates are infinite: moved inside, so little that nothing can be seen of it."""

from collections.abc import Mapping

import numpy as np

from inference.backends.sites import Site, Sites

LEAST = 1e-12
"""How near an end a value is left."""


def inside(sites: Sites, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters with finite coordinates."""
    return {site.name: _inside(site, parameters[site.name]) for site in sites.parameters}


def _inside(site: Site, value: np.ndarray) -> np.ndarray:
    if site.is_simplex:
        raised = np.maximum(value, LEAST)
        return raised / raised.sum(axis=-1, keepdims=True)
    return np.clip(value, LEAST, 1 - LEAST) if site.support == "unit interval" else np.asarray(value)
