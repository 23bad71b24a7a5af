"""The command `mixtures`: the main job on Old Faithful, or on a table of the user's.

Tables go to the standard output, progress and errors to the standard error.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import inference
from inference import plots
from inference.checks import check_counts, check_room, sizes_of
from inference.compiled_programs import keep_compiled_programs
from inference.report import data_text, occupancy_text, restarts_text, summary_text
from inference.results import PointFit
from inference.run_folder import RunFolder
from inference.text_tables import read_frame
from mixtures import Mixture, Observations, __version__, gaussian_mixture, load_dataset
from mixtures.errors import DataError, MixturesError, ModelError
from mixtures.seeds import check_seed

DATA_ADVICE = "Choose columns of numbers with --columns a,b; drop or mend rows with empty cells."

FAILED, UNSOUND, INTERRUPTED = 1, 3, 130

EXIT_CODES = """exit codes:
    0  done
    1  bad data, or a result that could not be had or written; one line says why
    2  bad use of the command
    3  done, but the best fit is not sound: see its status
  130  interrupted by Ctrl-C; what was written before is kept
"""


def command() -> int:
    """The process of the command: `main`, with what is compiled kept for the next one."""
    keep_compiled_programs()
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; None takes the process's.

    Returns:
        The exit code.
    """
    args = _parser().parse_args(argv)
    try:
        check_seed(args.seed)  # found before anything is printed
        return args.run(args)
    except (MixturesError, OSError) as error:
        print(f"mixtures: error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("mixtures: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mixtures", description="Bayesian mixture models.", epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="Old Faithful: point fit, posterior, labels, pictures")
    # Chains that start apart show what labels do; they take a moment longer than from the fit, and may get stuck on harder data.
    demo.set_defaults(run=_demo, nuts=True, start_at_fit=False, is_stored=False)

    fit = commands.add_parser("fit", help="the same for a CSV file: a header row, and columns of numbers")
    fit.add_argument("data", metavar="DATA.csv", type=Path)
    fit.add_argument("--components", type=int, required=True, metavar="K")
    fit.add_argument("--covariance", default="full", help="full, tied, diag, spherical, or a code of mclust's")
    fit.add_argument("--columns", metavar="A,B", help="which columns; all of them if not given")
    fit.add_argument("--nuts", action="store_true", help="sample the posterior too")
    fit.set_defaults(run=_fit, start_at_fit=True, is_stored=True)

    for command in (demo, fit):
        command.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="parent of the run's folder")
        command.add_argument("--backend", choices=("numpyro", "pyro"), default="numpyro", help="what runs the model")
        command.add_argument("--seed", type=int, default=0, help="an int from 0; the same seed gives the same results")
        command.add_argument("--restarts", type=int, default=20, help="starts of the point fit")
        command.add_argument("--draws", type=int, default=1000, help="kept draws of each chain")
        command.add_argument("--tune", type=int, default=1000, help="warm-up draws of each chain")
        command.add_argument(
            "--chains", type=int, default=4, help="chains of the posterior, each from a start of its own"
        )
    return parser


def _demo(args: argparse.Namespace) -> int:
    x = load_dataset("faithful")
    print(f"Old Faithful: {data_text(x)}, minutes\n")
    return _job(args, gaussian_mixture(2), x, name="faithful", unit=" (minutes)")


def _fit(args: argparse.Namespace) -> int:
    x = read_table(args.data, args.columns.split(",") if args.columns else None)
    model = gaussian_mixture(args.components, covariance=args.covariance)
    if model.components > len(x):
        raise ModelError("--components", got=f"{model.components}", expected=f"at most the {len(x)} rows of the table")
    print(f"{args.data.name}: {data_text(x)}\n")
    return _job(args, model, x, name=args.data.stem)


def read_table(path: Path, columns: Sequence[str] | None = None) -> Observations:
    """Observations from a text file with a header row; a first column without a name holds the rows' names.

    How it was read is said on the standard error: see `inference.text_tables`.

    Raises:
        OSError: the file cannot be read.
        DataError: it is no table, lacks a column, or has columns that are not numbers.
    """
    table, read = read_frame(path)
    chosen = [name.strip() for name in columns or ()]
    missing = [name for name in chosen if name not in table.columns]
    if missing:
        raise DataError("--columns", got=f"{missing}", expected=f"some of {list(table.columns)} ({read})")
    try:
        x = Observations(table[chosen] if chosen else table)
    except DataError as error:
        raise DataError(path.name, got=f"{error.got} ({read})", expected=error.expected, advice=DATA_ADVICE) from error
    print(f"{path.name}: {read}", file=sys.stderr)
    return x


def _job(args: argparse.Namespace, model: Mixture, x: Observations, name: str, unit: str = "") -> int:
    """The main job: fit, classify, sample, diagnose, relabel; write what is had as soon as it is had."""
    check_counts(restarts=args.restarts, chains=args.chains, draws=args.draws, tune=args.tune)
    check_room(chains=args.chains, draws=args.draws, **sizes_of(model, x))
    args.out.mkdir(parents=True, exist_ok=True)  # an unwritable place is best found before the work
    print(f"{model.scaled_to(x)}\n")
    with _step(f"MAP: best of {args.restarts} starts on {args.backend}"):
        fit = inference.fit_map(model, x, restarts=args.restarts, seed=args.seed, backend=args.backend)
    folder = RunFolder.new(args.out, name)
    folder.save(fit, "fit.json")
    with _step("classification"):
        classes = inference.classify(fit, x)
        probabilities = {"probability": inference.responsibilities(fit, x)}
    folder.write_assignments(x, classes, probabilities)
    print(f"{fit}\n\n{restarts_text(fit)}\n\n{occupancy_text(classes, model.components)}\n")
    with _step("pictures of the fit"):
        _draw_fit(folder, fit, x, classes, unit)
    if args.nuts:
        probabilities["posterior_probability"] = _sample(args, model, x, fit, folder)
        folder.write_assignments(x, classes, probabilities)
    print(f"Results, assignments and pictures are in {folder.path}")
    return 0 if fit.status.is_sound else UNSOUND


def _sample(args: argparse.Namespace, model: Mixture, x: Observations, fit: PointFit, folder: RunFolder) -> np.ndarray:
    """Posterior, diagnosis of labels, relabelling; returns each row's probabilities averaged over the relabelled draws."""
    sizes = {"chains": args.chains, "tune": args.tune, "draws": args.draws}
    init = fit if args.start_at_fit else None
    store = folder.path / "draws" if args.is_stored and args.backend == "numpyro" else None
    if store is not None:
        print(f"Draws are kept in {store} while they are made; inference.resume continues there.", file=sys.stderr)
    with _step(f"NUTS: {args.chains} chains of {args.tune} + {args.draws} draws"):
        posterior = inference.sample_nuts(
            model, x, **sizes, seed=args.seed, backend=args.backend, init=init, store=store
        )
    folder.save(posterior, "posterior.nc")  # as sampled, until there is one labelling
    if store is not None and posterior.attrs["complete"]:
        shutil.rmtree(store)
    with _step("labels"):
        report = inference.diagnose_labels(posterior, reference_fit=fit)
        posterior = inference.relabel(posterior, method="ecr", pivot=fit)
    folder.save(posterior, "posterior.nc")
    print(f"{inference.check_posterior(posterior)}\n\n{report}\n")
    print(f"Posterior, relabelled so that components are those of the fit:\n\n{summary_text(posterior)}\n")
    with _step("pictures of the posterior"):
        with folder.picture("traces", (8.5, 5.0), rows=2) as axes:
            for ax, group in zip(axes, ("posterior_raw", "posterior"), strict=True):
                plots.plot_traces(posterior, ax, group=group)
        if model.components > 1:
            with folder.picture("location_pair", (10.5, 4.5), columns=2) as axes:
                for ax, group in zip(axes, ("posterior_raw", "posterior"), strict=True):
                    plots.plot_location_pair(posterior, ax, group=group)
    return inference.responsibilities(posterior, x)


def _draw_fit(folder: RunFolder, fit: PointFit, x: Observations, classes: np.ndarray, unit: str) -> None:
    with folder.picture("convergence", (7.5, 5.5), rows=2) as (above, below):
        plots.plot_losses(fit, above)
        plots.plot_gradient_norms(fit, below)
    if x.features is None:
        with folder.picture("density", (7.5, 4.0)) as ax:
            plots.plot_density(fit, x, ax)
        with folder.picture("classes", (7.5, 3.0)) as ax:
            line = np.linspace(x.x.min(), x.x.max(), 500)
            plots.plot_classes(line, inference.classify(fit, line), inference.responsibilities(fit, line), ax)
            ax.set_xlabel(x.feature_names[0] if x.feature_names else "x")
        return
    with folder.picture("ellipses", (7.0, 5.5)) as ax:
        plots.plot_ellipses(fit, x, ax, classes=classes)
        ax.set(xlabel=ax.get_xlabel() + unit, ylabel=ax.get_ylabel() + unit)


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"{what} ...", end=" ", flush=True, file=sys.stderr)
    begin = time.perf_counter()
    yield
    print(f"{time.perf_counter() - begin:.1f} s", file=sys.stderr)
