"""What no memory can hold is refused with how much it would take, before any work."""

import numpy as np
import pytest

import inference
from mixtures import checks, gaussian_mixture, memory, simulate
from mixtures.errors import TooLargeError

MODEL, X, MANY = gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0], checks.MOST


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: inference.fit_map(MODEL, X, restarts=MANY, seed=0), ["restarts=2147483647, steps=500", "8.59 TB"]),
        (lambda: inference.fit_map(MODEL, X, steps=MANY, restarts=MANY, seed=0), ["steps=2147483647"]),
        (lambda: inference.fit_mle(MODEL, X, restarts=MANY, seed=0), ["restarts=2147483647, epochs=1000"]),
        (lambda: inference.fit_em(gaussian_mixture(4), np.ones((4, 1000)), restarts=MANY, seed=0), ["restarts=2147483647"]),
        (lambda: inference.sample_nuts(MODEL, X, chains=10_000, draws=MANY, seed=0), ["chains=10000, draws=2147483647"]),
        (lambda: inference.sample_smc(MODEL, X, particles=MANY, runs=1000, seed=0), ["runs=1000, particles=2147483647"]),
        (lambda: inference.fit_vi(gaussian_mixture(1000), X, draws=MANY, seed=0), ["draws=2147483647"]),
        (lambda: inference.fit_laplace(gaussian_mixture(1000), X, draws=MANY, seed=0), ["draws=2147483647"]),
        (lambda: inference.fit_map(gaussian_mixture(MANY), np.ones((1000, 2)), seed=0), ["rows=1000, components=2147483647"]),
        (lambda: simulate(MODEL, (MANY, 1000), seed=0), ["rows=2147483647, features=1000"]),
        (lambda: simulate(gaussian_mixture(MANY), 1000, seed=0), ["components=2147483647"]),
        (lambda: inference.select_components(X, MANY, restarts=MANY, seed=0), ["components=2147483647"]),
    ],
)  # fmt: skip
def test_it_is_said_how_much_it_would_take(ask, words):
    with pytest.raises(
        TooLargeError, match=r"got a need of [\d.e+]+ (GB|TB); expected at most the [\d.]+ \w+ there are"
    ) as caught:
        ask()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_the_memory_that_is_there_is_the_bound(monkeypatch):
    monkeypatch.setattr(memory, "LITTLE", 0.0)
    monkeypatch.setattr(memory, "available", lambda: 8000.0)
    checks.check_room(rows=10, features=100)
    with pytest.raises(TooLargeError, match="rows=11, features=100: got a need of 8.8 kB"):
        checks.check_room(rows=11, features=100)
    monkeypatch.setattr(memory, "available", lambda: float("inf"))  # a system that does not say
    checks.check_room(rows=2**30, features=2**30)
