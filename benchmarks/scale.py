"""EM over Parquet files that need not fit into memory: rows per second, peak memory, growth with the rows; beside scikit-learn.

    python benchmarks/scale.py [--workers] [rows]...

Writes so many rows of 8 columns in files of 2,000,000, fits 10 diagonal components in 5 iterations, and deletes them; 10,000,000 rows if not
said otherwise. Each fit is a process of its own, so that its peak memory is its own. scikit-learn's `GaussianMixture` is given as many of the
rows as fit, from the same start, and as many iterations. Ours are whole calls: beside the passes of the iterations one that checks the files and
scales priors, and the E-step at the end. With `--workers` also a line for the passes of EM by one and by two of
Dask's workers: seconds by the clock, so that a quiet machine is needed; calls of 1 and of 6 iterations, whose difference is five passes.
Seconds by the clock, and processor seconds of all threads, which a busy machine changes less.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (1_000_000, 10_000_000)
FEATURES, COMPONENTS, ITERATIONS = 8, 10, 5
OF_FILE, OF_PEER = 2_000_000, 1_000_000

BEGIN = """
import json, resource, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
components, features, iterations = map(int, sys.argv[2:5])
start = 2 * np.random.default_rng(1).normal(size=(components, features))

def timed(function):
    wall, processor = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - wall, time.process_time() - processor
"""

OURS = (
    BEGIN
    + """
from inference import fit_em, responsibilities
from mixtures import gaussian_mixture, source
given = {"weights": np.full(components, 1 / components), "loc": start, "scale": np.ones((components, features))}
rows = source(sys.argv[1])
options = dict(init=given, restarts=1, tolerance=0.0, seed=0)
model = gaussian_mixture(components, "diag")
fit_em(model, source(np.random.default_rng(0).normal(size=(70_000, features))), max_steps=1, **options)  # compiled
fit, wall, processor = timed(lambda: fit_em(model, rows, max_steps=iterations, **options))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"rows": rows.rows, "wall": wall, "processor": processor, "peak": peak, "likelihood": fit.log_likelihood}))
"""
)

WORKERS = (
    BEGIN
    + """
import distributed
from inference import cluster, fit_em
from mixtures import gaussian_mixture, source
if __name__ == "__main__":
    given = {"weights": np.full(components, 1 / components), "loc": start, "scale": np.ones((components, features))}
    rows = source(sys.argv[1])
    options = dict(init=given, restarts=1, tolerance=0.0, seed=0)
    found = {}
    for workers in (1, 2):
        with distributed.Client(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as client, cluster(client):
            call = lambda steps: timed(lambda: fit_em(gaussian_mixture(components, "diag"), rows, max_steps=steps, **options))
            call(1)  # compiled
            few, many = call(1), call(1 + iterations)
            found[str(workers)] = many[1] - few[1]
    print(json.dumps(found))
"""
)

PEER = (
    BEGIN
    + """
import pyarrow.dataset as datasets
from sklearn.mixture import GaussianMixture
x = datasets.dataset(sys.argv[1]).head(int(sys.argv[5])).to_pandas().to_numpy()
model = GaussianMixture(components, covariance_type="diag", max_iter=iterations, tol=0, reg_covar=0, means_init=start,
                        weights_init=np.full(components, 1 / components), precisions_init=np.ones((components, features)))
_, wall, processor = timed(lambda: model.fit(x))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"rows": len(x), "wall": wall, "processor": processor, "peak": peak}))
"""
)


def write(folder: Path, rows: int) -> None:
    """Rows of ten components that overlap, in files."""
    import numpy as np
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    centres = 2 * np.random.default_rng(1).normal(size=(COMPONENTS, FEATURES))
    for number, begin in enumerate(range(0, rows, OF_FILE)):
        rng = np.random.default_rng([2, number])
        count = min(OF_FILE, rows - begin)
        x = centres[rng.integers(COMPONENTS, size=count)] + rng.normal(size=(count, FEATURES))
        table = arrow.table({f"x{column}": x[:, column] for column in range(FEATURES)})
        parquet.write_table(table, folder / f"part-{number:04}.parquet", compression="none", use_dictionary=False)


def run(code: str, *arguments: object) -> dict[str, float]:
    """What a fresh Python process prints last."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def main(argv: list[str]) -> None:
    """Print a line for each size, and one for the peer."""
    sizes = [argument for argument in argv if argument != "--workers"]
    for rows in [int(size.replace("_", "").replace(",", "")) for size in sizes] or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), rows)
            ours = run(OURS, folder, COMPONENTS, FEATURES, ITERATIONS)
            peer = run(PEER, folder, COMPONENTS, FEATURES, ITERATIONS, min(rows, OF_PEER))
            spread_out = run(WORKERS, folder, COMPONENTS, FEATURES, ITERATIONS) if "--workers" in argv else {}
        speeds = {kind: ITERATIONS * ours["rows"] / ours[kind] / 1e6 for kind in ("wall", "processor")}
        peers = {kind: ITERATIONS * peer["rows"] / peer[kind] / 1e6 for kind in ("wall", "processor")}
        print(
            f"{rows:,} x {FEATURES}, {COMPONENTS} diagonal components, {ITERATIONS} iterations from Parquet: {ours['wall']:.1f} s, "
            f"{speeds['wall']:.2f} million rows a second, {speeds['processor']:.2f} a processor second (scikit-learn, {peer['rows']:,} rows "
            f"in memory: {peers['wall']:.2f} and {peers['processor']:.2f}, ratios {speeds['wall'] / peers['wall']:.1f} and "
            f"{speeds['processor'] / peers['processor']:.1f}); peak memory {ours['peak'] / 1e9:.2f} GB (scikit-learn {peer['peak'] / 1e9:.2f})",
            flush=True,
        )
        if spread_out:
            one, two = spread_out["1"], spread_out["2"]
            print(
                f"  the passes alone by Dask: one worker {one:.1f} s, two {two:.1f} s, ratio {one / two:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
