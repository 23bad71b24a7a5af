"""999 bootstrap replicates of Old Faithful, VVV, 1 against 2 components, against mclust's mclustBootstrapLRT where R has it.

    python benchmarks/bootstrap.py [replicates]

mclust fits each replicate from one start and stops at a relative gain of 1e-5; we are timed with the same (`restarts=1`,
`tolerance=1e-5`), and as we are by default, eight starts and 1e-8. A higher median of the replicates' statistics is a better search: each
is a maximum that was found.
"""

import shutil
import subprocess
import sys
import time

import numpy as np

from inference import bootstrap_test
from mixtures import gaussian_mixture, load_dataset

PEER = """
suppressMessages(library(mclust)); set.seed(0)
seconds <- system.time(b <- mclustBootstrapLRT(faithful, modelName = "VVV", nboot = {replicates}, maxG = 1, verbose = FALSE))[["elapsed"]]
cat(seconds, b$obs[1], median(b$boot[, 1]), min(b$boot[, 1]))
"""

SEARCHES = {"1 start, 1e-5": {"restarts": 1, "tolerance": 1e-5}, "8 starts, 1e-8 (default)": {}}


def main(replicates: int) -> None:
    """Print a line for each search, then the ratio."""
    x, model = load_dataset("faithful"), gaussian_mixture(1, "VVV")
    taken = {}
    for name, search in SEARCHES.items():
        seconds = []
        for seed in range(2):  # the first compiles
            begin = time.perf_counter()
            test = bootstrap_test(model, x, replicates=replicates, seed=seed, **search)
            seconds.append(time.perf_counter() - begin)
        found = test.replicates[1]
        taken[name] = seconds[1]
        print(
            f"{replicates} replicates, {name}: cold {seconds[0]:.1f} s, warm {seconds[1]:.1f} s; statistic {test.table['statistic'][0]:.2f}, "
            f"replicates' median {np.nanmedian(found):.2f}, least {np.nanmin(found):.2f}, {test.table['failed'][0]} failed"
        )
    if shutil.which("Rscript") is None:
        return
    done = subprocess.run(["Rscript", "-e", PEER.format(replicates=replicates)], capture_output=True, text=True)
    if done.returncode:
        print(f"mclust: {done.stderr.splitlines()[0] if done.stderr else 'failed'}")
        return
    peer, observed, median, least = map(float, done.stdout.split())
    print(f"mclust: {peer:.1f} s; statistic {observed:.2f}, replicates' median {median:.2f}, least {least:.2f}")
    print("; ".join(f"{name}: ratio {peer / own:.2f}" for name, own in taken.items()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 999)
