"""A run of the telescoping sampler: what was asked for, and how it is carried out."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from inference.backends import Bound
from inference.checks import check_counts, check_proper
from inference.fit_files import built
from inference.posterior.afterwards import Steps
from inference.posterior.rehearsal import rehearse
from inference.posterior.run import Run
from inference.posterior.store import DrawStore
from inference.posterior.tree import build_tree
from inference.posterior.warnings import raise_if_unsound
from inference.samplers.options import TelescopeOptions
from inference.samplers.protocol import Draws
from mixtures import Mixture
from mixtures.assignments.clustering import CONCENTRATION, Clusters
from mixtures.component_counts import ComponentCount, named
from mixtures.interrupts import stop_on_interrupt
from mixtures.ppl import backend_module
from mixtures.seeds import check_seed, derived, generator

COMPONENTS_AT_START = 10
"""Chains whose number of components is drawn begin with so many, if the mixture has as many."""


@dataclass(frozen=True)
class TelescopeRun(Run):
    """What was asked for, beside program, data and starts; see `sample_telescope`."""

    verb: ClassVar[str] = "sample_telescope"

    options: TelescopeOptions
    prior_on_components: ComponentCount | None
    log_likelihood: bool | None

    @property
    def backend(self) -> str:
        return "numpyro"

    @classmethod
    def of_header(cls, asked: Mapping[str, Any]) -> "TelescopeRun":
        options, prior = built(TelescopeOptions, asked["options"]), asked["prior_on_components"]
        check_counts(draws=options.draws, tune=options.tune, sweeps=options.sweeps)
        check_seed(options.seed)
        if prior is not None:
            prior = named(prior["name"], *prior["parameters"])
        return built(cls, {**asked, "options": options, "prior_on_components": prior})

    def start_shapes(self, starts: Mapping[str, np.ndarray], bound: Bound) -> dict[str, tuple[int, ...]]:
        chains = min((len(np.atleast_1d(value)) for value in starts.values()), default=0)
        sites = {site.name: site.shape for site in bound.sites.parameters}
        return {name: (chains, *sites[name]) for name in own_sites(bound)}

    def carry_out(
        self,
        bound: Bound,
        starts: Mapping[str, np.ndarray],
        store: DrawStore | None,
        *,
        progress: bool | None,
        strict: bool,
    ) -> xr.DataTree:
        begin, options, prior = time.perf_counter(), self.options, self.prior_on_components
        rehearse(bound)
        check_proper(bound.prior_draw(derived(options.seed, "sample_telescope", "prior")))
        mixture, clusters = _mixture(bound)
        learned = mixture.assignment.priors_by_site.get(CONCENTRATION) if clusters.concentration is None else None
        sampler = backend_module(self.backend, "inference.samplers.telescope")
        target = bound.complete()
        with stop_on_interrupt() as is_stopped:
            drawn = sampler.sample(
                target,
                sampler.Kind(target.density, clusters, learned.name if learned else None, options.keeps_assignments),
                sampler.Begin(
                    values=dict(starts),
                    components=min(mixture.components, COMPONENTS_AT_START) if prior else mixture.components,
                    concentration=learned.centre if learned else clusters.concentration,
                    of_components=self._log_prior(mixture.components),
                ),
                options,
                progress=sys.stderr.isatty() if progress is None else progress,
                store=store,
                is_stopped=is_stopped,
            )
        chains = len(next(iter(starts.values())))
        attrs = {
            "seed": options.seed,
            "sampler": "telescoping",
            "tune": options.tune,
            "sweeps": options.sweeps,
            "prior_on_components": str(prior) if prior else "",
            "prior_left_out": prior.left_out(mixture.components) if prior else 0.0,
            "sampling_seconds": time.perf_counter() - begin,
            "complete": int(drawn.stats["lp"].shape == (chains, options.draws)),
        }
        tree = _tree(bound, drawn, attrs, self.log_likelihood)
        if strict:
            raise_if_unsound(tree)
        return tree

    def _log_prior(self, most: int) -> np.ndarray:
        """log P(K), K = 1, ..., most."""
        if self.prior_on_components is None:
            return np.where(np.arange(1, most + 1) == most, 0.0, -np.inf)
        return self.prior_on_components.log_probs(most)


def own_sites(bound: Bound) -> list[str]:
    """The sites of the family."""
    law = _mixture(bound)[0].assignment
    return [site.name for site in bound.sites.parameters if site.name not in law.sites]


def chain_starts(bound: Bound, chains: int, seed: int) -> dict[str, np.ndarray]:
    """Where each chain's components start: values of the family's sites, (chains, ...)."""
    mixture, _ = _mixture(bound)
    each = [mixture.start(bound.x, generator(seed, "sample_telescope", chain)) for chain in range(chains)]
    return {name: np.stack([np.asarray(values[name], dtype=float) for values in each]) for name in own_sites(bound)}


def _mixture(bound: Bound) -> tuple[Mixture, Clusters]:
    """The mixture and its law of partitions, which `sample_telescope` has checked to be there."""
    mixture = bound.program.mixture
    assert mixture is not None
    assert mixture.assignment.clusters is not None
    return mixture, mixture.assignment.clusters


def _tree(bound: Bound, drawn: Draws, attrs: dict[str, Any], log_likelihood: bool | None) -> xr.DataTree:
    """The tree: weights as the law's sites, the numbers of components and clusters beside the parameters."""
    mixture, clusters = _mixture(bound)
    stats = dict(drawn.stats)
    weights, concentration = np.exp(stats.pop("log_weights")), stats.pop("concentration")
    counts = {name: stats.pop(name) for name in ("n_components", "n_clusters")}
    assignment, left = stats.pop("assignment", None), stats.pop("left")
    if clusters.is_infinite:
        stats["truncated_weight"] = left
        del counts["n_components"]  # there are infinitely many
    law = mixture.assignment.weighted(weights, concentration)
    parameters = {site.name: {**law, **drawn.parameters}[site.name] for site in bound.sites.parameters}
    steps = Steps()
    tree = build_tree(bound, Draws(parameters, stats), attrs, pointwise=log_likelihood, steps=steps, has_prior=False)
    group = tree["posterior"].to_dataset().assign({name: (("chain", "draw"), value) for name, value in counts.items()})
    if assignment is not None:
        group["assignment"] = (("chain", "draw", "rows"), assignment)
    tree["posterior"] = xr.DataTree(group)
    known = [name for name in tree.attrs["deterministic"].split(",") if name]
    tree.attrs["deterministic"] = ",".join([*known, *counts])
    steps.warn()
    return tree
