"""How long relabelling takes, how much memory, and how both grow.

    python benchmarks/labels.py [--draws 4000] [--rows 1000] [--components 5] [--repeats 3]

Every method relabels draws with planted permutations (the answer is checked) of a mixture whose components overlap.
Times are medians; memory is the peak of what a method allocates beside its input. Stephens' method is also run on
1000 draws x 30 rows x 4 components, the size for which Papastamoulis (2016, JSS 69) reports 195 s in R and 7.3 s for a
port to C++, and beside a textbook implementation that tries all K! permutations of each draw.
"""

import argparse
import resource
import time
import tracemalloc
from collections.abc import Callable
from itertools import permutations as all_permutations
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import norm

from inference.backends import bind
from inference.labels.data_based import data_based
from inference.labels.diagnose import diagnose_labels
from inference.labels.ecr import ecr
from inference.labels.ecr_iterative_1 import ecr_iterative_1
from inference.labels.ecr_iterative_2 import ecr_iterative_2
from inference.labels.methods import METHODS
from inference.labels.ordering import ordering
from inference.labels.permutations import Relabelling, inverse
from inference.labels.pra import pra
from inference.labels.relabel import relabel
from inference.labels.sjw import MOST_COMPONENTS, sjw
from inference.labels.stephens import stephens
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws as SampledDraws
from mixtures import Observations, gaussian_mixture

PUBLISHED_R, PUBLISHED_CPP = 195.0, 7.3


class Draws(NamedTuple):
    """Scrambled draws of a Gaussian mixture."""

    x: np.ndarray
    parameters: np.ndarray
    p: np.ndarray
    z: np.ndarray
    answer: np.ndarray


def make(draws: int, rows: int, components: int, gap: float = 3.0, seed: int = 0) -> Draws:
    """Unit Gaussians `gap` standard deviations apart; draws as far from the truth as a posterior's."""
    rng = np.random.default_rng(seed)
    planted = rng.permuted(np.tile(np.arange(components), (draws, 1)), axis=1)
    planted[0] = np.arange(components)
    x = rng.normal(gap * (np.arange(rows) % components), 1.0)
    clean = gap * np.arange(components) + rng.normal(0, (components / rows) ** 0.5, (draws, components))
    parameters = np.take_along_axis(clean, planted, axis=1)[..., None]
    p = np.exp(-0.5 * (x[:, None] - parameters[:, None, :, 0]) ** 2)
    p /= p.sum(axis=2, keepdims=True)
    return Draws(x, parameters, p, p.argmax(axis=2).astype(np.int16), inverse(planted))


def methods(d: Draws) -> dict[str, Callable[[], Relabelling]]:
    """Each method as the verb `relabel` calls it, the iterative ones from ECR's start."""
    components, pivot = d.p.shape[2], d.z[0].astype(int)

    def start() -> np.ndarray:
        return ecr(d.p, pivot, components).permutations

    def log_joint(parameters: np.ndarray) -> np.ndarray:
        return norm.logpdf(d.x[:, None], parameters[:, 0])

    found = {
        "ecr": lambda: ecr(d.p, pivot, components),
        "ecr, sampled z": lambda: ecr(d.z, pivot, components),
        "ecr-iterative-1": lambda: ecr_iterative_1(d.z, components, start()),
        "ecr-iterative-2": lambda: ecr_iterative_2(d.p, start()),
        "stephens": lambda: stephens(d.p, start()),
        "pra": lambda: pra(d.parameters, d.parameters[0]),
        "ordering": lambda: ordering(d.parameters[:, :, 0]),
        "data-based": lambda: data_based(d.z, d.x[:, None], components, pivot),
    }
    return found | (
        {"sjw": lambda: sjw(d.p, d.parameters, log_joint, start())} if components <= MOST_COMPONENTS else {}
    )


def seconds(run: Callable[[], Relabelling], repeats: int) -> float:
    """The median time."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def megabytes(run: Callable[[], Relabelling]) -> float:
    """The peak of what is allocated."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def tree_of(d: Draws) -> xr.DataTree:
    """The draws as `sample_nuts` would return them, with their program, but sampled by `make`."""
    draws, components = d.parameters.shape[:2]
    x, program = Observations(d.x), gaussian_mixture(components)
    chained = d.parameters[:, :, 0].reshape(4, draws // 4, components)
    parameters = {
        "weights": np.full(chained.shape, 1 / components),
        "loc": chained,
        "scale": np.ones(chained.shape),
    }
    stats = {"lp": np.zeros(chained.shape[:2])}
    return build_tree(bind(program, x, "numpyro"), SampledDraws(parameters, stats), {})


def verbs(d: Draws) -> None:
    """What a user waits for: relabel and diagnose_labels on a tree, the program's responsibilities included."""
    tree = tree_of(d)
    print("\nThe verbs on a tree, responsibilities computed by the program (the first call compiles it)")
    for name in (*METHODS, "diagnose_labels"):
        began = time.perf_counter()
        if name == "diagnose_labels":
            diagnose_labels(tree)
        elif name != "sjw" or d.p.shape[2] <= MOST_COMPONENTS:
            relabel(tree, name)
        print(f"{name:<18}{time.perf_counter() - began:>9.3f} s, peak memory of the process so far {resident():.0f} MB")


def resident() -> float:
    """The greatest memory that the process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def textbook_stephens(p: np.ndarray) -> np.ndarray:
    """Stephens (2000) word for word: every permutation of every draw, until none changes."""
    draws, _, components = p.shape
    candidates = [list(s) for s in all_permutations(range(components))]
    chosen = [candidates[0]] * draws
    while True:
        mean = np.mean([p[t][:, chosen[t]] for t in range(draws)], axis=0)
        before, chosen = chosen, []
        for t in range(draws):
            divergences = [(p[t][:, s] * np.log(p[t][:, s] / mean)).sum() for s in candidates]
            chosen.append(candidates[int(np.argmin(divergences))])
        if chosen == before:
            return np.array(chosen)


def table(d: Draws, repeats: int) -> None:
    """All methods at one size."""
    print(
        f"\n{len(d.p)} draws x {len(d.x)} rows x {d.p.shape[2]} components: responsibilities {d.p.nbytes / 1e6:.0f} MB"
    )
    print(f"{'method':<18}{'seconds':>9}{'peak MB':>9}{'iterations':>12}{'recovered':>11}")
    total = 0.0
    for name, run in methods(d).items():
        took, result = seconds(run, repeats), run()
        total += 0.0 if name == "sjw" else took
        recovered = (result.permutations == d.answer).all(axis=1).mean()
        print(f"{name:<18}{took:>9.3f}{megabytes(run):>9.0f}{len(result.total_costs):>12}{recovered:>11.1%}")
    print(f"{'all but sjw':<18}{total:>9.3f}")


def growth(draws: int, rows: int, components: int, repeats: int) -> None:
    """Seconds as one size grows and the others stay."""
    shapes = {
        "draws": [(draws // 4, rows, components), (draws // 2, rows, components), (draws, rows, components)],
        "rows": [(draws, rows // 4, components), (draws, rows // 2, components), (draws, rows, components)],
        "components": [(draws // 2, rows // 2, k) for k in (2, 4, 8, 16)],
    }
    for size, grid in shapes.items():
        print(f"\nSeconds as {size} grow")
        print(f"{'method':<18}" + "".join(f"{' x '.join(map(str, shape)):>18}" for shape in grid))
        times = [{name: seconds(run, repeats) for name, run in methods(make(*shape)).items()} for shape in grid]
        for name in times[0]:
            print(f"{name:<18}" + "".join(f"{t[name]:>18.3f}" if name in t else f"{'-':>18}" for t in times))


def published(repeats: int) -> None:
    """Stephens at the published size, with components that overlap and labels as they come."""
    d = make(1000, 30, 4, gap=2.0)
    took, result = seconds(lambda: stephens(d.p), repeats), stephens(d.p)
    began = time.perf_counter()
    textbook = textbook_stephens(d.p)
    slow = time.perf_counter() - began
    same = (result.permutations == textbook).all(axis=1).mean()
    print(f"\nStephens, 1000 draws x 30 rows x 4 components, {len(result.total_costs)} iterations")
    print(f"this package                      {took:>9.3f} s")
    print(f"textbook, all K! permutations     {slow:>9.3f} s  {slow / took:>7.0f} times, {same:.1%} of draws alike")
    for who, published_seconds in (
        ("R package label.switching (2016)", PUBLISHED_R),
        ("its port to C++", PUBLISHED_CPP),
    ):
        print(f"{who:<34}{published_seconds:>9.1f} s  {published_seconds / took:>7.0f} times, on its authors' machine")


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("draws", 4000), ("rows", 1000), ("components", 5), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    sizes = parser.parse_args(argv)
    print(f"peak memory of the process at the start {resident():.0f} MB")
    verbs(make(sizes.draws, sizes.rows, sizes.components))
    table(make(sizes.draws, sizes.rows, sizes.components), sizes.repeats)
    published(sizes.repeats)
    growth(sizes.draws, sizes.rows, sizes.components, sizes.repeats)


if __name__ == "__main__":
    main()
