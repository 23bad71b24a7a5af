"""Former names of arguments are taken, with a warning that says the new one; both at once are refused."""

import numpy as np
import pytest

import inference
from mixtures import gaussian_mixture
from mixtures.errors import ModelError

X = np.array([0.0, 1.0, 2.0, 5.0, 6.0])
MODEL = gaussian_mixture(2, "tied")


def test_former_names_of_fits():
    first = {"weights": [0.5, 0.5], "loc": [0.5, 5.5], "scale": 1.0}
    options = {"restarts": 1, "max_steps": 5, "seed": 0}
    with pytest.warns(FutureWarning, match=r"fit_em\(start=\.\.\.\) is called init=\.\.\. now"):
        former = inference.fit_em(MODEL, X, start=first, **options)
    now = inference.fit_em(MODEL, X, init=first, **options)
    assert former.log_likelihood == now.log_likelihood
    with pytest.warns(FutureWarning, match="strict"):
        inference.fit_em(MODEL, X, raise_if_bad=True, restarts=2, seed=0)
    with pytest.raises(ModelError, match="got start and init"):
        inference.fit_em(MODEL, X, start=first, init=first, **options)


def test_a_fit_is_a_place_to_begin():
    fit = inference.fit_em(MODEL, X, restarts=3, seed=0)
    for verb in (inference.fit_em, inference.fit_map, inference.fit_mle):
        again = verb(MODEL, X, init=fit, restarts=1, seed=1)
        assert abs(again.log_likelihood - fit.log_likelihood) < 5
    again = inference.fit_em(MODEL, X, init=[fit], restarts=1, seed=1)
    np.testing.assert_allclose(again.log_likelihood, fit.log_likelihood, rtol=1e-9)
