"""A process that fits all day keeps nothing of what it has fitted: no object, no array, no program."""

import gc

import jax
import numpy as np
import pytest

import inference
from mixtures import gaussian_mixture, source

CALLS = 12


def _rows(seed):
    """Two overlapping components; of other numbers each time, but as many."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(-1.0, 1.0, (60, 2)), rng.normal(1.0, 1.2, (60, 2))])


def _em(seed, folder):
    inference.fit_em(gaussian_mixture(2), _rows(seed), restarts=3, seed=seed)


def _gradients(seed, folder):
    inference.fit_map(gaussian_mixture(2), _rows(seed), restarts=3, seed=seed)


def _streamed(seed, folder):
    np.save(folder / "rows.npy", _rows(seed))
    inference.fit_em(gaussian_mixture(2), source(folder / "rows.npy"), restarts=2, seed=seed)


def _sweep(seed, folder):
    inference.select_components(_rows(seed), [1, 2], "VVV", restarts=2, seed=seed)


_compiled = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **__: _compiled.append(event) if event.endswith("backend_compile_duration") else None
)


def _alive():
    gc.collect()
    return len(gc.get_objects()), len(jax.live_arrays()), len(_compiled)


@pytest.mark.quick("em", "gradients", reason="the others are the same passes")
@pytest.mark.parametrize("fitted", [_em, _gradients, _streamed, _sweep], ids=lambda verb: verb.__name__.strip("_"))
def test_nothing_is_kept_of_a_fit(fitted, tmp_path):
    for seed in range(CALLS):
        fitted(seed, tmp_path)
    objects, *arrays_and_programs = _alive()
    for seed in range(CALLS, 2 * CALLS):
        fitted(seed, tmp_path)
    more, *still = _alive()
    assert more - objects < CALLS
    assert still == arrays_and_programs
