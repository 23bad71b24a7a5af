"""Warm-up is hot in its first half: by equal factors from block to block, and the likelihood alone is raised to a power."""

from types import SimpleNamespace

import numpy as np
import pytest

from inference.samplers.annealing import Annealed, powers


@pytest.mark.parametrize("warm", [0, 1, 2, 5, 8])
def test_powers_rise_by_equal_factors_and_meet(warm):
    rising = np.append(np.geomspace(0.4, 1.0, warm // 2 + 1), np.ones(9)) if warm > 1 else np.ones(9)
    for block in range(8):
        np.testing.assert_allclose(powers(block, warm), rising[block : block + 2], rtol=1e-14)


def test_the_prior_is_left_as_it_is():
    names = ("emissions", "of_rows", "of_components", "of_shared", "prior_draw", "components_draw", "constrain")
    density = SimpleNamespace(**{name: lambda *given: sum(given) for name in names})
    hot = Annealed(density, 0.5)
    assert (hot.emissions(1.0, 2.0, 5.0), hot.of_rows(1.0, 2.0, 9.0)) == (4.0, 6.0)
    assert (hot.of_components(1.0, 2.0, 5.0), hot.of_shared(2.0, 5.0)) == (8.0, 7.0)
    assert (hot.prior_draw(2.0, 5.0), hot.components_draw(1.0, 2.0, 5.0), hot.constrain(1.0, 2.0, 5.0)) == (
        7.0,
        8.0,
        8.0,
    )
