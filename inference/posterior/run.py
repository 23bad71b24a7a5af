"""A run of NUTS: what was asked for, carried out from the beginning or from where a stored run ended."""

import dataclasses
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from inference.backends import bind
from inference.checks import check_choice, check_count, check_share
from inference.fit_files import built
from inference.posterior.afterwards import Steps
from inference.posterior.generate import with_assignments, with_predictive
from inference.posterior.rehearsal import rehearse
from inference.posterior.store import DrawStore
from inference.posterior.tree import build_tree
from inference.posterior.warnings import raise_if_unsound
from inference.results import versions
from inference.samplers.choice import Sampler
from inference.samplers.options import METRICS, PRECISIONS, NutsOptions
from inference.samplers.protocol import Starts
from mixtures import Observations, Program
from mixtures.errors import ChoiceError
from mixtures.interrupts import stop_on_interrupt
from mixtures.seeds import check_seed
from mixtures.specification import to_json


@dataclass(frozen=True)
class Run:
    """What was asked for, beside program, data and starts; see `sample_nuts`."""

    nuts: NutsOptions
    sampler: Sampler
    predictive: bool
    assignments: bool
    log_likelihood: bool | None
    init_log_posterior: float | None

    def header(self, program: Program, x: Observations) -> dict[str, Any]:
        """Everything that a continuation must agree on."""
        return {
            "run": dataclasses.asdict(self),
            "program": to_json(program),
            "data_fingerprint": x.weighted_fingerprint,
            "versions": versions(self.sampler.backend),
        }

    @classmethod
    def of_header(cls, header: Mapping[str, Any]) -> "Run":
        """What `header` kept.

        Raises:
            KeyError, TypeError, ModelError, SeedError, ChoiceError: it kept something else.
        """
        sampler, nuts = built(Sampler, header["run"]["sampler"]), built(NutsOptions, header["run"]["nuts"])
        for name in ("draws", "tune"):
            check_count(name, getattr(nuts, name))
        check_share("target_accept", nuts.target_accept)
        check_seed(nuts.seed)
        for name, choices in {"precision": PRECISIONS, "metric": METRICS}.items():
            check_choice(name, getattr(nuts, name), choices)
        if not (sampler.has_store and sampler.backend == sampler.name):
            raise ChoiceError.of("sampler", sampler.name, ["numpyro"])
        return built(cls, {**header["run"], "sampler": sampler, "nuts": nuts})


def carry_out(
    run: Run,
    program: Program,
    x: Observations,
    starts: Starts,
    store: DrawStore | None,
    progress: bool | None,
    strict: bool,
) -> xr.DataTree:
    """Sample what the store does not have yet, and make the tree.

    Args:
        run: what was asked for.
        program: the declaration, its hyperparameters written out.
        x: the data.
        starts: where the chains start.
        store: blocks of an earlier run, and the place for new ones.
        progress: show a progress bar; None shows one on a terminal.
        strict: raise if the draws have warnings.
    """
    bound, begin = bind(program, x, run.sampler.backend), time.perf_counter()
    chains = len(starts.vectors)
    rehearse(bound, predictive=run.predictive, assignments=run.assignments)
    with stop_on_interrupt() as is_stopped:
        drawn = run.sampler.sample(
            bound.target(),
            starts,
            run.nuts,
            progress=sys.stderr.isatty() if progress is None else progress,
            store=store,
            is_stopped=is_stopped,
        )
    attrs = {
        "seed": run.nuts.seed,
        "sampler": str(run.sampler),
        "sampler_reason": run.sampler.reason,
        "tune": run.nuts.tune,
        "target_accept": run.nuts.target_accept,
        "precision": run.nuts.precision,
        "metric": run.nuts.metric,
        "sampling_seconds": time.perf_counter() - begin,
        "complete": int(drawn.stats["lp"].shape == (chains, run.nuts.draws)),
    }
    if run.init_log_posterior is not None:
        attrs["init_log_posterior"] = run.init_log_posterior
    steps = Steps()
    tree = build_tree(bound, drawn, attrs, pointwise=run.log_likelihood, steps=steps)
    if run.predictive:
        with steps.step("the groups of predicted data"):
            tree = with_predictive(tree, run.nuts.seed, program, x)
    if run.assignments:
        with steps.step("posterior.assignment"):
            tree = with_assignments(tree, run.nuts.seed, program, x)
    tree.attrs.update(steps.attrs)
    steps.warn()
    if strict:
        raise_if_unsound(tree)
    return tree
