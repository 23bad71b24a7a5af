"""A run of NUTS: what was asked for, and how it is carried out."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from inference.backends import Bound
from inference.checks import check_choice, check_count, check_share
from inference.fit_files import built
from inference.posterior.afterwards import Steps
from inference.posterior.generate import with_assignments, with_predictive
from inference.posterior.rehearsal import rehearse
from inference.posterior.run import Run
from inference.posterior.some_rows import with_weights
from inference.posterior.spread_chains import by_workers
from inference.posterior.store import DrawStore
from inference.posterior.tree import build_tree
from inference.posterior.warnings import raise_if_unsound
from inference.samplers.choice import Sampler
from inference.samplers.options import METRICS, PRECISIONS, NutsOptions
from inference.samplers.protocol import Draws, Starts
from inference.workers import chained, working
from mixtures.errors import ChoiceError
from mixtures.interrupts import stop_on_interrupt
from mixtures.ppl import backend_module
from mixtures.seeds import check_seed


@dataclass(frozen=True)
class NutsRun(Run):
    """What was asked for, beside program, data and starts; see `sample_nuts`."""

    verb: ClassVar[str] = "sample_nuts"

    nuts: NutsOptions
    sampler: Sampler
    predictive: bool
    assignments: bool
    log_likelihood: bool | None
    init_log_posterior: float | None

    @property
    def backend(self) -> str:
        return self.sampler.backend

    @classmethod
    def of_header(cls, asked: Mapping[str, Any]) -> "NutsRun":
        sampler, nuts = built(Sampler, asked["sampler"]), built(NutsOptions, asked["nuts"])
        for name in ("draws", "tune"):
            check_count(name, getattr(nuts, name))
        if nuts.max_rows is not None:
            check_count("max_rows", nuts.max_rows, least=2)
        check_share("target_accept", nuts.target_accept)
        check_seed(nuts.seed)
        for name, choices in {"precision": PRECISIONS, "metric": METRICS}.items():
            check_choice(name, getattr(nuts, name), choices)
        if not (sampler.has_store and sampler.backend == sampler.name):
            raise ChoiceError.of("sampler", sampler.name, ["numpyro"])
        return built(cls, {**asked, "sampler": sampler, "nuts": nuts})

    def start_shapes(self, starts: Mapping[str, np.ndarray], bound: Bound) -> dict[str, tuple[int, ...]]:
        size = bound.sites.coordinates
        chains = len(np.atleast_1d(starts.get("vectors", ())))
        return {"vectors": (chains, size), "centre": (size,), "unit": (size,)}

    def carry_out(
        self,
        bound: Bound,
        starts: Mapping[str, np.ndarray],
        store: DrawStore | None,
        *,
        progress: bool | None,
        strict: bool,
    ) -> xr.DataTree:
        begin, chains = time.perf_counter(), Starts.unpacked(starts)
        rehearse(bound, predictive=self.predictive, assignments=self.assignments)
        drawn = self._drawn(bound, chains, store, sys.stderr.isatty() if progress is None else progress)
        attrs = {
            "seed": self.nuts.seed,
            "sampler": str(self.sampler),
            "sampler_reason": self.sampler.reason,
            "tune": self.nuts.tune,
            "target_accept": self.nuts.target_accept,
            "precision": self.nuts.precision,
            "metric": self.nuts.metric,
            "sampling_seconds": time.perf_counter() - begin,
            "complete": int(drawn.stats["lp"].shape == (len(chains.vectors), self.nuts.draws)),
        }
        if self.init_log_posterior is not None:
            attrs["init_log_posterior"] = self.init_log_posterior
        if self.nuts.max_rows is not None:
            attrs["max_rows"] = self.nuts.max_rows
        steps = Steps()
        tree = build_tree(bound, drawn, attrs, pointwise=self.log_likelihood, steps=steps)
        if self.nuts.max_rows is not None:
            tree = with_weights(tree, steps)
        tree = self._with_groups(tree, bound, steps)
        tree.attrs.update(steps.attrs)
        steps.warn()
        if strict:
            raise_if_unsound(tree)
        return tree

    def _drawn(self, bound: Bound, starts: Starts, store: DrawStore | None, progress: bool) -> Draws:
        """By Dask's workers, by the processes of a mesh, or here, as chains that are stored always are."""
        if store is None and working() is not None:
            return by_workers(self.sampler, bound, starts, self.nuts)  # nobody there reads a flag: Ctrl-C interrupts
        with stop_on_interrupt() as is_stopped:

            def draw(starts: Starts) -> Draws:
                return self.sampler.sample(
                    bound.target(), starts, self.nuts, progress=progress, store=store, is_stopped=is_stopped
                )

            if store is None and chained():
                return backend_module("numpyro", "inference.samplers.processes").by_processes(draw, starts)
            return draw(starts)

    def _with_groups(self, tree: xr.DataTree, bound: Bound, steps: Steps) -> xr.DataTree:
        """The tree with what was asked for beside the draws."""
        if self.predictive:
            with steps.step("the groups of predicted data"):
                tree = with_predictive(tree, self.nuts.seed, bound.program, bound.x)
        if self.assignments:
            with steps.step("posterior.assignment"):
                tree = with_assignments(tree, self.nuts.seed, bound.program, bound.x)
        return tree
