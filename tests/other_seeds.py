"""Do statistical tests hold with other random numbers? Runs those marked `statistical` with shifted seeds, and counts: `make test-seeds`.

A shift enters every stream: the package's, which all come from `mixtures.seeds.sequence`, and those that tests make from a number of
their own. All shifts of one file run in one process, one session of pytest after the other, so that programs are compiled once.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from mixtures import seeds

REIMPORTED = "pytest.PytestAssertRewriteWarning"
"""Plugins are imported already when the second session begins."""

SEQUENCE, DEFAULT_RNG = seeds.sequence, np.random.default_rng


def shift_seeds(shift: int) -> None:
    """From now on every seed gives other random numbers, the same for the same shift; 0 gives the usual ones."""
    seeds.sequence = SEQUENCE if shift == 0 else lambda seed, *purpose: SEQUENCE(seed, *purpose, "shift", shift)
    np.random.default_rng = DEFAULT_RNG if shift == 0 else lambda seed=None: _generator(seed, shift)


def _generator(seed: object, shift: int) -> np.random.Generator:
    return DEFAULT_RNG(SEQUENCE(seed, "shift", shift) if isinstance(seed, int) else seed)


@dataclass
class Outcomes:
    """What became of a file's tests: the shifts that each passed and failed with, and its seconds; a plugin of pytest."""

    shift: int = 0
    passed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: it fails where its fixtures do, too."""
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed[report.nodeid].append(self.shift)
        elif report.when == "call":
            self.passed[report.nodeid].append(self.shift)


def run_file(path: str, first: int, last: int, marks: str) -> Outcomes:
    """All shifts of one file."""
    outcomes = Outcomes()
    for outcomes.shift in range(first, last + 1):
        options = ["-q", "--no-summary", "-p", "no:cacheprovider", "-W", f"ignore::{REIMPORTED}", "-m", marks]
        with open(os.devnull, "w") as nowhere:
            terminal, sys.stdout = sys.stdout, nowhere
            try:
                pytest.main([path, *options, f"--seed-shift={outcomes.shift}"], plugins=[outcomes])
            finally:
                sys.stdout = terminal
        failed = [test for test, shifts in outcomes.failed.items() if outcomes.shift in shifts]
        print(f"{path}, shift {outcomes.shift}: {len(failed)} failed {failed or ''}", file=sys.stderr, flush=True)
    return outcomes


def statistical_files(paths: list[str]) -> list[str]:
    """The test files that name the mark."""
    files = [
        file
        for path in paths
        for file in ([Path(path)] if path.endswith(".py") else sorted(Path(path).rglob("test_*.py")))
    ]
    return [str(file) for file in files if "mark.statistical" in file.read_text()]


def main(argv: list[str] | None = None) -> int:
    """Print a line a test, failures first in each file; the exit status is 1 if any test failed with any shift."""
    parser = argparse.ArgumentParser(prog="python -m tests.other_seeds", description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", default=["tests"], help="files or folders")
    parser.add_argument("--seeds", type=int, default=50, help="how many shifts (default: 50)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default: 1)")
    parser.add_argument("--slow", action="store_true", help="the slow tests too")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4), help="files at a time")
    args = parser.parse_args(argv)
    marks = "statistical" if args.slow else "statistical and not slow"
    files, begin, is_bad = statistical_files(args.paths), time.perf_counter(), False
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        last = args.first + args.seeds - 1
        runs = [pool.submit(run_file, file, args.first, last, marks) for file in files]
        for run in as_completed(runs):
            outcomes = run.result()
            for test in outcomes.seconds:
                passed, failed = outcomes.passed[test], outcomes.failed[test]
                each = outcomes.seconds[test] / max(1, len(passed) + len(failed))
                which = f"  failed with shifts {sorted(set(failed))}" if failed else ""
                print(f"{len(passed):3} of {args.seeds}  {each:6.2f} s  {test}{which}", flush=True)
                is_bad |= len(passed) < args.seeds
    print(f"{'some tests depend on their seeds' if is_bad else 'all hold'}; {time.perf_counter() - begin:.0f} s")
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())
