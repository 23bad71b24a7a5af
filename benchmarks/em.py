"""EM against scikit-learn's GaussianMixture, full covariances, float64, the same starts; and a sweep of all structures.

    python benchmarks/em.py [rows features components]...

Large data: 50 iterations from the same start, warm, medians of three; each program in a process of its own, so that its peak memory is its
own. The machine's matrix-product rate is measured in the same run. Small data: cold, from process start to the result of 50 restarts.
"""

import json
import subprocess
import sys
import time

SIZES = [(200_000, 8, 6), (1_000_000, 16, 10)]
ITERATIONS, RUNS, RESTARTS = 50, 3, 50

DATA = """
import json, resource, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
rows, features, components, iterations, runs = map(int, sys.argv[1:6])
rng = np.random.default_rng(0)
means = 2 * rng.normal(size=(components, features))
x = rng.normal(size=(rows, features)) @ (0.5 * rng.normal(size=(features, features)) + np.eye(features))
x += means[rng.integers(components, size=rows)]
start = x[rng.choice(rows, components, replace=False)].copy()
seconds = []
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
"""

OURS = (
    DATA
    + """
from inference import fit_em
from mixtures import Observations, gaussian_mixture
model = gaussian_mixture(components)
given = {"weights": np.full(components, 1 / components), "loc": start, "scale": np.ones((components, features)),
         "correlation_cholesky": np.stack([np.eye(features)] * components)}
few = x[: max(8000, rows // 50)]
options = dict(init=given, restarts=1, tolerance=0.0, seed=0)
fit_em(model, few, max_steps=1, **options)
before = peak()
for run in range(runs + 1):
    begin = time.perf_counter()
    fit = fit_em(model, x, max_steps=iterations, **options)
    seconds.append(time.perf_counter() - begin)
print(json.dumps({"seconds": sorted(seconds[1:])[runs // 2], "likelihood": fit.log_likelihood,
                  "memory": (peak() - before) / x.nbytes}))
"""
)

PEER = (
    DATA
    + """
from sklearn.mixture import GaussianMixture
before = peak()
for run in range(1 if rows > 500_000 else runs):
    model = GaussianMixture(components, max_iter=iterations, tol=0, reg_covar=0, weights_init=np.full(components, 1 / components),
                            means_init=start, precisions_init=np.stack([np.eye(features)] * components))
    begin = time.perf_counter()
    model.fit(x)
    seconds.append(time.perf_counter() - begin)
print(json.dumps({"seconds": sorted(seconds)[len(seconds) // 2], "likelihood": model.score(x) * rows,
                  "memory": (peak() - before) / x.nbytes}))
"""
)

COLD_OURS = f"""
from inference import fit_em
from mixtures import gaussian_mixture, load_dataset
print(fit_em(gaussian_mixture(3), load_dataset("faithful"), restarts={RESTARTS}, seed=0).log_likelihood)
"""

COLD_PEER = f"""
from sklearn.mixture import GaussianMixture
from mixtures import load_dataset
x = load_dataset("faithful").x
print(GaussianMixture(3, n_init={RESTARTS}, random_state=0).fit(x).score(x) * len(x))
"""

SWEEP = """
import time
begin = time.perf_counter()
from inference import select_components
from mixtures import load_dataset
x = load_dataset("faithful")
select_components(x, seed=0)
cold = time.perf_counter() - begin
begin = time.perf_counter()
best = select_components(x, seed=1).best_model
print(cold, time.perf_counter() - begin, *best)
"""


def run(code: str, *arguments: object) -> tuple[str, float]:
    """The last line that a fresh Python process prints, and the seconds from its start to its end."""
    begin = time.perf_counter()
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1], time.perf_counter() - begin


def product_rate(size: int = 2000) -> float:
    """Floating point operations a second of a large float64 matrix product: the best of three."""
    import numpy as np

    a = np.random.default_rng(0).normal(size=(size, size))
    rates = []
    for _ in range(3):
        begin = time.perf_counter()
        a @ a
        rates.append(2 * size**3 / (time.perf_counter() - begin))
    return max(rates)


def main(argv: list[str]) -> None:
    """Print a line for each size, then the small data."""
    sizes = [tuple(map(int, argv[i : i + 3])) for i in range(0, len(argv), 3)] or SIZES
    for rows, features, components in sizes:
        ours, peer = (json.loads(run(code, rows, features, components, ITERATIONS, RUNS)[0]) for code in (OURS, PEER))
        # whitening and scatter: two products of (components features) x features x rows each pass
        work = 2 * 2 * components * features**2 * rows * (ITERATIONS + 1)
        rate = product_rate()
        print(
            f"{rows:,} x {features}, {components} components, {ITERATIONS} iterations: ours {ours['seconds']:.2f} s, scikit-learn "
            f"{peer['seconds']:.2f} s, ratio {peer['seconds'] / ours['seconds']:.1f}; log likelihoods {ours['likelihood']:.2f} and "
            f"{peer['likelihood']:.2f}; memory beyond the data {ours['memory']:.2f} and {peer['memory']:.2f} times the data; "
            f"{work / ours['seconds'] / 1e9:.1f} of {rate / 1e9:.1f} GFLOP/s, {work / ours['seconds'] / rate:.0%} of the machine's "
            "matrix products"
        )
    (ours_value, ours_time), (peer_value, peer_time) = run(COLD_OURS), run(COLD_PEER)
    print(
        f"Old Faithful, 3 components, {RESTARTS} restarts, process start to result: ours {ours_time:.1f} s ({float(ours_value):.3f}), "
        f"scikit-learn {peer_time:.1f} s ({float(peer_value):.3f}), ratio {ours_time / peer_time:.1f}"
    )
    cold, warm, structure, count = run(SWEEP)[0].split()
    print(
        f"14 structures x 9 numbers of components: cold {float(cold):.1f} s, warm {float(warm):.1f} s; best {structure}, {count}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
