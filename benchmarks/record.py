"""Runs benchmarks, and keeps what each of them printed, with date, machine and versions: docs/measured/NAME.txt, which the site shows.

    python benchmarks/record.py [small "scale --workers 10000000" ...]

All of them, one after the other, unless some are named, each with arguments of its own if it is to have any; but for accelerator.py, which is
for a machine that has one.
"""

import argparse
import datetime
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
KEPT = HERE.parent / "docs" / "measured"
NAMES = sorted(script.stem for script in HERE.glob("*.py") if script.stem not in ("accelerator", "record"))
PACKAGES = ("bayes-mixtures", "numpyro", "jax", "nutpie", "blackjax", "numpy", "scipy", "scikit-learn")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    help_ = f"some of: {', '.join(NAMES)}; with arguments in quotes"
    parser.add_argument("runs", nargs="*", metavar="NAME", help=help_)
    runs = [shlex.split(one) for one in parser.parse_args(argv).runs or NAMES]
    if unknown := sorted({name for name, *_ in runs} - set(NAMES)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    KEPT.mkdir(exist_ok=True)
    for name, *arguments in runs:
        (KEPT / f"{name}.txt").write_text(run(name, arguments), encoding="utf-8")


def run(name: str, arguments: Sequence[str]) -> str:
    """What a benchmark prints, shown as it comes; nothing is kept of one that fails."""
    lines = [*head(name, arguments), ""]
    print("\n".join(lines), flush=True)
    with subprocess.Popen(
        [sys.executable, HERE / f"{name}.py", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    if process.returncode:
        raise SystemExit(f"benchmarks/{name}.py ended with status {process.returncode}")
    return "\n".join([*lines, ""])


def head(name: str, arguments: Sequence[str]) -> list[str]:
    command = shlex.join(["python", f"benchmarks/{name}.py", *arguments])
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in PACKAGES)
    load = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before"
    return [
        f"{command}: {datetime.date.today()}, {platform.system()} {platform.machine()}, {load}",
        f"Python {platform.python_version()}, {versions}",
    ]


if __name__ == "__main__":
    main()
