"""NUTS on a log likelihood that some of the rows estimate, beside NUTS on all rows: effective draws by a second of the processor.

    python benchmarks/subsampling.py [--max-rows 500] [--draws 500] [--tune 300] [rows]...

Two overlapping components in two columns, covariances of their own; 20,000 and 200,000 rows if not said otherwise. Two chains from one fit,
whose time is not counted; programs are compiled before. Seconds are those of the processor, of all threads, for the whole call, in which the
log density of all rows is computed at each kept draw. `ESS` is the least over weights, locations and scales, `error` the standard deviation of
the estimate of the log likelihood.
"""

import argparse
import time
from typing import Any

import numpy as np

TRUTH = {
    "weights": [0.6, 0.4],
    "loc": [[0.0, 0.0], [2.0, 1.0]],
    "scale": [[1.0, 1.0], [0.8, 0.7]],
    "correlation_cholesky": [[[1.0, 0.0], [0.3, np.sqrt(0.91)]], [[1.0, 0.0], [-0.4, np.sqrt(0.84)]]],
}


def timed(model: Any, x: np.ndarray, **options: Any) -> tuple[Any, float]:
    """The draws, and processor seconds of the call; the second one, for which everything is compiled."""
    import inference

    for _ in range(2):
        begin = time.process_time()
        tree = inference.sample_nuts(model, x, chains=2, seed=0, log_likelihood=False, progress=False, **options)
    return tree, time.process_time() - begin


def least(tree: Any) -> float:
    """Of the effective sample sizes."""
    from arviz_stats import ess

    found = ess(tree["posterior"].to_dataset()[["weights", "loc", "scale"]])
    return min(float(values.min()) for values in found.data_vars.values())


def main() -> None:
    """Print a line for each contender and number of rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", type=int, default=[20_000, 200_000])
    for name, usual in {"--max-rows": 500, "--draws": 500, "--tune": 300}.items():
        parser.add_argument(name, type=int, default=usual)
    asked = parser.parse_args()

    import inference
    from mixtures import gaussian_mixture, simulate

    model = gaussian_mixture(2, "full")
    contenders = (("nutpie", None), ("numpyro", None), ("numpyro", asked.max_rows))
    print(f"{'rows':>8} {'sampler':>8} {'by':>9} {'seconds':>8} {'ESS':>6} {'ESS/s':>7} {'steps':>6} {'error':>6}")
    for rows in asked.rows:
        x = simulate(model, (rows, 2), seed=1, given=TRUTH)["obs"]
        run = {"init": inference.fit_em(model, x, seed=0, restarts=2), "draws": asked.draws, "tune": asked.tune}
        for sampler, max_rows in contenders:
            tree, seconds = timed(model, x, sampler=sampler, max_rows=max_rows, **run)
            stats, effective = tree["sample_stats"], least(tree)
            error = float(stats["log_likelihood_variance"].mean()) ** 0.5 if max_rows else 0.0
            print(
                f"{rows:8} {sampler:>8} {max_rows or 'all rows'!s:>9} {seconds:8.1f} {effective:6.0f} {effective / seconds:7.1f} "
                f"{float(stats['n_steps'].mean()):6.1f} {error:6.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
