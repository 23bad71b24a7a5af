"""EM of a source of rows: what it knows from a sample, what takes a pass over all, and how rows come to a pass.

Starts, coordinates, and how a restart is judged are of a sample, which is the one that starts of as many rows in memory are of. What the
result is made of (objectives, statistics, likelihoods) is of all rows, summed over blocks of one size by a tree.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inference.point.em.checkpoint import Checkpoint
from inference.point.em.closed_form import ClosedForm
from inference.point.em.e_step import Block
from inference.point.em.first_pass import looked_at
from inference.point.em.m_steps.carried import can_be_carried
from inference.point.em.m_steps.registry import closed_form
from inference.point.em.problem import EMProblem
from inference.point.em.settings import Settings
from inference.results import Origin
from inference.spread import Numbered, numbered
from mixtures import Mixture, Observations, Source
from mixtures.errors import DataError, ModelError
from mixtures.families import Product


@dataclass(frozen=True, eq=False)
class Streamed:
    """What `fit_em` was given in the place of rows in memory.

    Args:
        source: the rows, checked.
        weight: how many of them say anything.
        base: the part of their log likelihood that no parameter changes, see `ClosedForm.log_base`.
        sample: the rows that starts are made of, in memory: all, where there are few.
        checkpoint: where it is written down how far EM has come, or None.
        stepwise: by which rate restarts begin with a pass of stepwise EM, or None.
    """

    source: Source
    weight: float
    base: float
    sample: Observations
    checkpoint: Checkpoint | None = None
    stepwise: float | None = None

    def kept(self, path: Path, mixture: Mixture, settings: Settings, how: str) -> "Streamed":
        """The same with a checkpoint; `how`: what the result depends on beside the settings.

        Raises:
            StoredFileError: see `Checkpoint`.
        """
        settings_in_words = f"{how} {self.stepwise} {settings.in_words}"
        made_from = {
            "data": self.source.weighted_fingerprint,
            "declaration": repr(mixture),
            "settings": settings_in_words,
        }
        return replace(self, checkpoint=Checkpoint(path, made_from))

    def begun_stepwise(self, form: Any, alpha: float) -> "Streamed":
        """The same, whose restarts begin with a pass of stepwise EM.

        Raises:
            ModelError: M-steps whose statistics cannot be averaged while parameters move.
        """
        if not can_be_carried(form):
            got = f"{alpha:g}, and components whose statistics depend on parameters as {type(form).__name__} knows"
            raise ModelError(
                "stepwise", got=got, expected="Gaussians without factors, exponential families, and products of them"
            )
        return replace(self, stepwise=alpha)

    def origin(self, of_sample: Origin) -> Origin:
        """The origin of a result that is of all rows."""
        total = None if self.weight == self.source.rows else self.weight
        return replace(of_sample, fingerprint=self.source.fingerprint, rows=self.source.rows, total_weight=total)


def check_source(mixture: Any, source: Source, seed: int, **of_rows: Any) -> tuple[Mixture, Streamed]:
    """A declaration with its priors' numbers written out, and the rows, held against it; the sample is of this seed.

    Raises:
        ModelError: not a `Mixture`, or one that a stream of rows does not know enough for.
        DataError: known labels or weights of rows; rows that it cannot describe, by file or chunk and row.
    """
    form = _form_of(mixture, of_rows)
    if isinstance(mixture.family, Product):
        names = tuple(name for name, _ in mixture.family.pairs)
        own = source.feature_names
        source = source.select(names) if own and own != names and set(names) <= set(own) else source
    found, sample = looked_at(mixture, form, source, seed)
    moments = source.summary.moments
    if source.missing == "raise" and (moments.count != source.rows).any():
        got = f"{source.rows} rows when they were counted, and {np.max(moments.count)} when they were read"
        raise DataError("x", got=got, expected="the same rows each time: EM goes through them many times")
    blank = np.flatnonzero(np.atleast_1d(moments.count) == 0)
    if len(blank):
        column = source.feature_names[blank[0]] if source.feature_names else int(blank[0])
        raise DataError("x", got=f"no observed value in column {column!r}", expected="some")
    if not form.takes_missing and (moments.count < source.rows).any():
        raise ModelError(
            "mixture",
            got=f"{type(mixture.family).__name__} components, and a source of rows with missing cells",
            expected="complete rows, or families of counts, categories and waiting times",
            advice="Use rows in memory, x.take(rows) of the source, whose missing cells EM replaces by their moments.",
        )
    return mixture.scaled_to(source), Streamed(source, found.weight, found.base, sample)


def _form_of(mixture: Any, of_rows: Mapping[str, Any]) -> ClosedForm:
    """The closed form of a declaration that can be fitted to a stream of rows, of which no more is given.

    Raises:
        ModelError, DataError: as for `check_source`.
    """
    if not isinstance(mixture, Mixture):
        raise ModelError(
            "mixture", got=type(mixture).__name__, expected="a Mixture: EM needs to know the family of its components"
        )
    how_else = {"row_weights": "Name the column that has them: mixtures.source(data, weights='column')."}
    for name, given in of_rows.items():
        if given is not None:
            advice = how_else.get(name, "Use rows in memory: Observations(x).")
            raise DataError(name, got="some, and a source of rows", expected="none", advice=advice)
    got = (
        "a formula"
        if mixture.formula is not None
        else "covariates"
        if mixture.needs_covariates
        else f"{type(mixture.assignment).__name__}, under which rows hang together"
        if mixture.assignment.unit != "row"
        else ""
    )
    if got:
        raise ModelError(
            "mixture",
            got=f"{got}, and a source of rows",
            expected="rows that are independent, and known by their own columns",
            advice="Use rows in memory: x.take(rows) of the source.",
        )
    form = closed_form(mixture.family)
    if form is None or form.is_damped:
        raise ModelError(
            "mixture",
            got=f"{type(mixture.family).__name__} components of a source of rows, whose M-step is not closed",
            expected="closed M-steps, which are sums over rows",
            advice="Fit rows in memory: x.take(rows) of the source.",
        )
    return form


def of_source(problem: EMProblem, streamed: Streamed) -> EMProblem:
    """The problem of a sample as that of all rows."""
    # where cells are missing it differs from row to row, but then no M-step is left that streams
    jacobian = float(np.asarray(problem.closed_form.log_jacobian(problem.frame, problem.x)))
    return replace(
        problem,
        source=streamed.source,
        weight=streamed.weight,
        base=streamed.base,
        offset=streamed.base + streamed.weight * jacobian,
        checkpoint=streamed.checkpoint,
        stepwise=streamed.stepwise,
    )


def em_blocks(problem: EMProblem, blocks: Iterable[Numbered]) -> Iterator[Block]:
    """Blocks of a source's rows as EM knows them, (rows, columns) in the data's units."""
    return (em_block(problem, block) for _, block in blocks)


def em_block(problem: EMProblem, block: Observations) -> Block:
    """One of them."""
    assert problem.source is not None  # the caller has checked
    is_counted = problem.source.missing == "allow" or block.row_weights is not None
    return Block(problem.closed_form.columns(block), block.counts if is_counted else None)


def blocks_of(problem: EMProblem) -> Iterator[Block]:
    """All of them, read ahead."""
    assert problem.source is not None  # the caller has checked
    return em_blocks(problem, numbered(problem.source))
