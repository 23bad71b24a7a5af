"""Hidden Markov chains: EM against hmmlearn from the same start, as many steps; NUTS against NumPyro's own enumeration of the same model.

    python benchmarks/chains.py

Data of four normal states, warm, the least of some runs in turns; log likelihoods are compared, so that both do the same. For NUTS: effective
draws of the means a second, both by NumPyro's sampler, 400 rows.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

STATES, STEPS, RUNS = 4, 20, 5
SHAPES = [(1, 1_000), (1_000, 100), (1, 100_000), (1, 1_000_000)]
"""Series, and rows of each."""

warnings.simplefilter("ignore")


def simulated(series: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Data and the series of each row: states that stay, and overlap."""
    rng = np.random.default_rng(0)
    moves = rng.random((series, length)) < 0.1
    fresh = rng.integers(STATES, size=(series, length))
    last = np.maximum.accumulate(np.where(moves, np.arange(length), 0), axis=1)
    states = np.take_along_axis(fresh, last, axis=1)
    return (1.5 * states + rng.normal(size=states.shape)).ravel(), np.repeat(np.arange(series), length)


def in_turns(*runs: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Seconds of each, the least of some runs in turns after one that compiles; and what each returned."""
    found, least = [run() for run in runs], [np.inf] * len(runs)
    for _ in range(RUNS):
        for which, run in enumerate(runs):
            begin = time.perf_counter()
            run()
            least[which] = min(least[which], time.perf_counter() - begin)
    return least, found


def em(series: int, length: int) -> tuple[float, float, float]:
    """Seconds of ours and hmmlearn's, and the difference of the log likelihoods."""
    from hmmlearn.hmm import GaussianHMM

    from inference import fit_em
    from mixtures import Observations, hidden_markov

    x, sequence = simulated(series, length)
    start = {
        "initial": np.full(STATES, 1 / STATES),
        "transition": np.full((STATES, STATES), 0.1) + 0.6 * np.eye(STATES),
    }
    start |= {"loc": np.linspace(0.0, 5.0, STATES), "scale": np.ones(STATES)}
    data = Observations(x, sequence=sequence)

    def ours() -> float:
        return fit_em(
            hidden_markov(STATES), data, init=start, restarts=1, max_steps=STEPS, tolerance=0.0, seed=0
        ).log_likelihood

    def theirs() -> float:
        model = GaussianHMM(
            STATES,
            "diag",
            n_iter=STEPS,
            tol=-np.inf,
            init_params="",
            min_covar=0.0,
            covars_weight=0.0,
            covars_prior=0.0,
        )
        model.startprob_, model.transmat_ = start["initial"], start["transition"]
        model.means_, model.covars_ = start["loc"][:, None], start["scale"][:, None] ** 2
        lengths = [length] * series
        model.fit(x[:, None], lengths)
        return model.score(x[:, None], lengths)

    (own, other), (likelihood, right) = in_turns(ours, theirs)
    return own, other, likelihood - right


def nuts() -> tuple[float, float]:
    """Effective draws a second, ours and NumPyro's own, of two states' means."""
    import jax
    from arviz_stats.base import array_stats
    from numpyro.infer import MCMC, NUTS, init_to_value

    from inference import fit_map, sample_nuts
    from mixtures import hidden_markov

    x, model = simulated(1, 400)[0], hidden_markov(2)
    fit, options = fit_map(model, x, restarts=5, seed=0), {"draws": 500, "tune": 500, "chains": 2}

    def rate(locs: np.ndarray, seconds: float) -> float:
        return min(array_stats.ess(locs[:, :, k], chain_axis=0, draw_axis=1) for k in range(2)) / seconds

    def ours() -> float:
        begin = time.perf_counter()
        tree = sample_nuts(model, x, init=fit, seed=0, progress=False, sampler="numpyro", spread=False, **options)
        return rate(tree["posterior"]["loc"].values, time.perf_counter() - begin)

    with jax.enable_x64(True):
        kernel = NUTS(model.scaled_to(x).numpyro, init_strategy=init_to_value(values=dict(fit.parameters)))
        sampler = MCMC(
            kernel, num_warmup=500, num_samples=500, num_chains=2, chain_method="sequential", progress_bar=False
        )
        sampler.run(jax.random.PRNGKey(0), jax.numpy.asarray(x))  # compiles
        begin = time.perf_counter()
        sampler.run(jax.random.PRNGKey(1), jax.numpy.asarray(x))
        theirs = rate(np.asarray(sampler.get_samples(group_by_chain=True)["loc"]), time.perf_counter() - begin)
    ours()
    return ours(), theirs


def main() -> None:
    """Measure, and print a table each."""
    print(f"EM, {STATES} states, {STEPS} steps: seconds, and the difference of the log likelihoods")
    rows = []
    for series, length in SHAPES:
        own, other, gap = em(series, length)
        rows.append((f"{series:,} x {length:,}", round(own, 3), round(other, 3), round(other / own, 2), f"{gap:.1e}"))
    names = ["series x rows", "here", "hmmlearn", "ratio", "difference"]
    print(pd.DataFrame(rows, columns=names).to_string(index=False))
    own, other = nuts()
    print(f"NUTS, effective draws a second: here {own:.1f}, NumPyro's enumeration {other:.1f}, ratio {own / other:.1f}")


if __name__ == "__main__":
    main()
