"""A run of NUTS: what was asked for, carried out from the beginning or from where a stored run ended."""

import dataclasses
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from inference.engines import engine
from inference.engines.nuts_options import NutsOptions
from inference.engines.protocol import Starts
from inference.posterior.generate import with_assignments, with_predictive
from inference.posterior.interrupt import stop_on_interrupt
from inference.posterior.samplers import Sampler
from inference.posterior.store import DrawStore
from inference.posterior.tree import build_tree
from inference.posterior.warnings import raise_if_unsound
from inference.results import versions
from mixtures import Observations, Program
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
            "data_fingerprint": x.fingerprint,
            "versions": versions(self.sampler.backend),
        }

    @classmethod
    def of_header(cls, header: Mapping[str, Any]) -> "Run":
        """What `header` kept."""
        parts = {"sampler": Sampler(**header["run"]["sampler"]), "nuts": NutsOptions(**header["run"]["nuts"])}
        return cls(**{**header["run"], **parts})


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
        program: the declaration, with the numbers of its priors.
        x: the data.
        starts: where the chains start.
        store: blocks of an earlier run, and the place for new ones.
        progress: show a progress bar; None shows one on a terminal.
        strict: raise if the draws have warnings.
    """
    backend, begin = engine(run.sampler.backend), time.perf_counter()
    chains = len(starts.vectors)
    with stop_on_interrupt() as is_stopped:
        drawn = backend.nuts(
            program,
            x,
            starts,
            run.nuts,
            progress=sys.stderr.isatty() if progress is None else progress,
            sampler=run.sampler.name,
            store=store,
            is_stopped=is_stopped,
        )
    attrs = {
        "seed": run.nuts.seed,
        "sampler": f"{run.sampler.name} NUTS",
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
    tree = build_tree(program, x, backend, backend.sites(program, x), drawn, attrs, pointwise=run.log_likelihood)
    own = np.random.SeedSequence(run.nuts.seed).generate_state(2)
    if run.predictive:
        tree = with_predictive(tree, int(own[0]))
    if run.assignments:
        tree = with_assignments(tree, int(own[1]))
    if strict:
        raise_if_unsound(tree)
    return tree
