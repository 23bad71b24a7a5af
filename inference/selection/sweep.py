"""Fits of several families and numbers of components: each by itself, or every one in the lanes of one compiled program."""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference.backends import Engine, engine
from inference.criteria import Criteria
from inference.point.em.fit import fit_em
from inference.point.em.initial_partitions import Partitions
from inference.point.em.m_steps.registry import closed_form
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem, EMResult
from inference.point.em.restarts import run_restarts
from inference.point.em.runs import Beginning, beginnings, padded, part_of, problem_of, stacked, summarise
from inference.point.restarts import best_restart
from inference.selection.refits import SHORT_STEPS, SHORT_TOLERANCE, EMOptions
from inference.status import Status
from inference.tasks import each_of
from inference.workers import working
from mixtures import Mixture, Observations, Source

PROMISING = 3
"""How many of a model's restarts, at different optima, run on to the full tolerance."""

DESCRIBED = 1024
"""How many models' numbers of free parameters are kept."""

Models = dict[str, list[Mixture]]
"""By name, one family with several numbers of components."""

Found = tuple[Mixture, dict[str, Any], dict[str, np.ndarray]]
"""A declaration, what the table says of its best fit, and that fit's parameters."""


def one_by_one(models: Models, x: Observations | Source, options: EMOptions) -> dict[str, list[Found]]:
    """Every model by a fit of its own, a piece of work each; of a source it is its passes that workers share out among them."""
    every = [model for several in models.values() for model in several]
    is_shared = isinstance(x, Source)
    found = iter([_fitted(model, x, options) for model in every] if is_shared else each_of(_fitted, every, x, options))
    return {name: [next(found) for _ in several] for name, several in models.items()}


def _fitted(model: Mixture, x: Observations | Source, options: EMOptions) -> Found:
    fit = fit_em(
        model,
        x,
        restarts=1 if model.components == 1 else options.restarts,
        tolerance=options.tolerance,
        max_steps=options.max_steps,
        seed=options.seed,
        backend=options.backend,
    )
    return model, _line(fit.criteria, fit.status), fit.parameters


def sweep(models: Models, x: Observations, options: EMOptions) -> dict[str, list[Found]]:
    """Every model of Gaussians, complete data and plain weights, in one program; a piece of work is a structure."""
    # counted from the programs; tracing them is not safe in threads
    backend = engine(options.backend)
    free = {model: _free_parameters(model, x.features, backend) for several in models.values() for model in several}
    columns = x.x if x.x.ndim == 2 else x.x[:, None]
    task = _Sweep(x, options, Partitions(columns, options.seed, "select_components"), free)
    names = list(models)
    found = [closed_form(models[name][0].family) for name in names]
    closed_forms = tuple(MixtureEM(closed) for closed in found if closed is not None)  # Gaussians all have one

    pieces = [(index, models[name]) for index, name in enumerate(names)]
    if working() is not None:
        return dict(zip(names, each_of(_of_structure, pieces, task, closed_forms), strict=True))
    fitted = functools.partial(_of_structure, task=task, closed_forms=closed_forms)
    # the first call compiles for all; compiled programs run outside Python's lock, a core each
    first = fitted(pieces[0])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        every = [first, *pool.map(fitted, pieces[1:])]
    return dict(zip(names, every, strict=True))


@functools.lru_cache(DESCRIBED)
def _free_parameters(model: Mixture, features: int | None, backend: Engine) -> int:
    """Counted from the program of a Gaussian mixture, on any two rows: the number has nothing to do with what and how many they are."""
    rows = np.arange(2.0 * (features or 1)).reshape(2, features or 1)
    return backend.sites(model, Observations(rows[:, 0] if features is None else rows)).free_parameters


def _of_structure(piece: tuple[int, list[Mixture]], task: "_Sweep", closed_forms: tuple[Any, ...]) -> list[Found]:
    return task.fit(closed_forms, *piece)


def _line(criteria: Criteria, status: Status) -> dict[str, Any]:
    """What the table says of a fit."""
    return {
        "log_likelihood": criteria.log_likelihood,
        "free_parameters": criteria.free_parameters,
        "aic": criteria.aic,
        "bic": criteria.bic,
        "icl": criteria.icl,
        "sabic": criteria.sabic,
        "caic": criteria.caic,
        "status": status,
    }


@dataclass(frozen=True, eq=False)
class _Sweep:
    """Fits of one structure with several numbers of components, all in the lanes of one program: fewer components are padded."""

    x: Observations
    options: EMOptions
    partitions: Partitions
    free_parameters: dict[Mixture, int]

    def fit(self, closed_forms: tuple[Any, ...], index: int, models: list[Mixture]) -> list[Found]:
        """What was found of each model."""
        most = max(model.components for model in models)
        short = problem_of(
            closed_forms,
            index,
            self.x,
            row_weights=self.x.counts,
            fixed=dict.fromkeys(closed_forms[index].fixable, False),
            tolerance=max(self.options.tolerance, SHORT_TOLERANCE),
            max_steps=min(self.options.max_steps, SHORT_STEPS),
        )
        groups = [self._starts(short, model.components) for model in models]
        long = replace(short, tolerance=self.options.tolerance, max_steps=self.options.max_steps)
        if self.options.restarts > 1:
            groups = [self._promising(short, starts, ends) for starts, ends in self._run(short, groups, most)]
        results = []
        for model, (starts, ends) in zip(models, self._run(long, groups, most), strict=True):
            runs = summarise(long, starts, ends)
            best = best_restart(runs.table)
            free, counts = self.free_parameters[model], self.x.counts
            size = len(self.x) if counts is None else float(counts.sum())
            criteria = Criteria(*runs.likelihoods(best), free, size, len(self.x))
            results.append((model, _line(criteria, runs.table.at[best, "status"]), runs.parameters(best)))
        return results

    def _starts(self, problem: EMProblem, components: int) -> list[Beginning]:
        count = 1 if components == 1 else self.options.restarts
        return beginnings(problem, components, count, self.options.seed, partitions=self.partitions)

    def _run(
        self, problem: EMProblem, groups: list[list[Beginning]], most: int
    ) -> list[tuple[list[Beginning], EMResult]]:
        """EM from every group's starts together: fewer components are padded with components of weight 0."""
        closed = problem.closed_form
        together = [padded(closed, start, most) for group in groups for start in group]
        found = run_restarts(self.options.backend, problem, stacked(together))
        ends = np.cumsum([len(group) for group in groups])
        return [
            (group, part_of(closed, found, slice(end - len(group), end), len(group[0].state["weights"])))
            for group, end in zip(groups, ends, strict=True)
        ]

    def _promising(self, problem: EMProblem, starts: list[Beginning], ends: EMResult) -> list[Beginning]:
        """Where the best restarts stand, one for each optimum: short runs choose who runs on (Biernacki, Celeux & Govaert 2003)."""
        table = summarise(problem, starts, ends).table
        order = table["objective"].to_numpy().argsort()
        # numbered by their objectives; -1 is none, and taken where there is no other
        optimum, first = np.unique(table["optimum"].to_numpy()[order], return_index=True)
        chosen = order[first[(optimum >= 0) | (optimum.max() < 0)]]
        return [
            Beginning(starts[row].rule, starts[row].seed, {name: value[row] for name, value in ends.states.items()})
            for row in chosen[:PROMISING]
        ]
