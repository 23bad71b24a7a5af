"""The pass over a source before EM's: its rows are checked, and what EM wants to know of all of them is found, in one reading."""

from dataclasses import dataclass

import numpy as np

from inference.checks import check_block
from inference.point.em.closed_form import ClosedForm
from inference.point.em.initial_partitions import ROWS_AT_MOST, sampled_rows
from inference.spread import Numbered, sum_over
from mixtures import Mixture, Observations, Source
from mixtures.blocks import rows_at_once
from mixtures.errors import DataError
from mixtures.sources.protocol import numbers_within
from mixtures.sources.survey import Survey


@dataclass(frozen=True, eq=False)
class Look:
    """What was found of some rows that follow one another; two make one.

    Args:
        weight: how many of them say anything.
        base: the part of their log likelihood that no parameter changes.
        sample: those of them that starts are made of.
        times: how often each of these counts; None: once.
        survey: see `Source.survey`; None where it was known.
    """

    weight: float
    base: float
    sample: np.ndarray
    times: np.ndarray | None
    survey: Survey | None

    def with_more(self, more: "Look") -> "Look":
        """These rows and those after them."""
        return Look(
            self.weight + more.weight,
            self.base + more.base,
            np.concatenate([self.sample, more.sample]),
            None if self.times is None or more.times is None else np.concatenate([self.times, more.times]),
            None if self.survey is None or more.survey is None else self.survey.with_more(more.survey),
        )


@dataclass(frozen=True, eq=False)
class Looking:
    """What rows are looked at with.

    Args:
        mixture: the declaration that they are held against.
        form: its family's closed form.
        numbers: of the rows of the sample, increasing.
        rows: of a block.
        centre: from where moments are told; None where the source is surveyed.
    """

    mixture: Mixture
    form: ClosedForm
    numbers: np.ndarray
    rows: int
    centre: np.ndarray | None

    def __call__(self, block: Observations, begin: int) -> Look:
        """Of a block whose first row has this number."""
        check_block(self.mixture, block)
        times = block.times
        own = numbers_within(self.numbers, begin, begin + len(block))
        return Look(
            float(times.sum()),
            float(np.sum(times * self.form.log_base(block))),
            block.x[own],
            None if block.row_weights is None else block.row_weights[own],
            None if self.centre is None else Survey.of(block.x, self.centre),
        )


def looked_at(mixture: Mixture, form: ClosedForm, source: Source, seed: int) -> tuple[Look, Observations]:
    """What is found of all rows, and the sample in memory; the source is surveyed then.

    Raises:
        DataError: rows that the declaration cannot describe, by file or chunk and row; none of the sample counts.
    """
    numbers = sampled_rows(source.rows, ROWS_AT_MOST, seed, "fit_em", "rows")
    centre = None if source.is_surveyed else source.centre
    looking = Looking(mixture, form, numbers, rows_at_once(source.features), centre)
    found = sum_over(source, looking, _look, Look.with_more)
    if found.survey is not None:
        source.learn(found.survey)
    sample = Observations(found.sample, source.feature_names, source.missing)
    if found.times is not None:
        if not found.times.any():
            got = f"only zeros among the {len(sample)} rows that starts are made of"
            advice = "Leave rows that do not count out of the source."
            raise DataError("weights", got=got, expected="some rows that count", advice=advice)
        sample = sample.with_row_weights(found.times)
    return found, sample


def _look(looking: Looking, numbered: Numbered) -> Look:
    number, block = numbered
    return looking(block, number * looking.rows)
