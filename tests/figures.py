"""What the page of evidence says of each table of figures: its columns, what would be a failure, and what chance has of as many rows."""

from collections.abc import Callable

NOTES = {
    "Approximations of posteriors in closed form": """
        The exact evidence and means are sums over all 32 assignments of five rows, parameters integrated in closed form. A k-hat above
        .7, or too few effective draws, takes the trust away. Means by importance weights fail beyond five standard errors where
        trusted; the evidence is shown, not tested: an approximation about one mode has half of the evidence of two components whose
        names can be exchanged, an error of log(1/2) = -.693, and means that no exchange changes.
    """,
    "Bad arguments refused": """
        Calls are public functions and classes, arguments all of theirs, values those that were put in the place of a right one, one at
        a time. A fault is an answer, a foreign exception, a hang, or a text without what was got; one is a failure.
    """,
    "Damaged and forged files": """
        Damage is a bit flipped, a file cut short, twenty bytes put in, or two parts in each other's place, at random places. A forged
        fit has junk, a gap or another part in some place of its JSON. A file is refused with an error of this package, or what is read
        is whole: of the right types, and printed; anything else is a failure.
    """,
    "Evidence in closed form": """
        The exact log evidence is a sum over all 32 assignments of five rows, parameters integrated in closed form. After ± is a
        standard error, estimated from 12 runs: a difference beyond 5 standard errors (Student's t of 11 degrees) is a failure.
    """,
    "Evidence of the galaxies": """
        Log evidence of Richardson & Green's normals by importance sampling about the modes, in NumPy, and by `sample_smc`, each with
        its standard error after ±. A difference beyond 4 of both is a failure.
    """,
    "Means and standard deviations by 200 of 3,000 rows": """
        NUTS on a log likelihood estimated from 200 rows against NUTS on all: the largest of the differences of means and standard
        deviations, with its Monte Carlo error after ±. More than .05 + 5 errors is a failure.
    """,
    "Posteriors with reference draws": """
        (mean - reference mean) / Monte Carlo standard error of both, and the ratio of the standard deviations, which fails outside .93
        to 1.07. NUTS must have 1500 effective draws and R-hat below 1.01 too.
    """,
    "Simulation-based calibration": """
        A parameter drawn from its prior must have a uniform rank among draws of its posterior, given data drawn by it. Ranks are of the
        log likelihood and of symmetric functions of each site. The p-value is that of the quantity farthest from uniform, times the
        number of quantities and 1 at most (Bonferroni): 1 is usual, small is suspect. Below .001 three times as many replications
        decide, below 1e-7. Wrong priors, the data counted twice, and a sampler that stays where it began fail by the same measure, in
        the same file.
    """,
    "The published record": """
        Published numbers as they are printed; after ± a Monte Carlo standard error, where a source has none a supposed one. What a
        difference may be: half a unit of the last digit printed, four standard errors, and what the other program's stop before the
        maximum explains, which `tests/published` has for each case. A log likelihood may lie above a published one by so much, below by
        half a unit alone. Anything else is a failure.
    """,
}
"""By the title of the table."""

Rows = list[dict[str, str]]


def _scores(rows: Rows) -> str:
    beyond = [sum(abs(float(row["z-score"])) > bound for row in rows) for bound in (2, 3)]
    chance = " and ".join(f"{share * len(rows):.1f}" for share in (0.0455, 0.0027))
    return f"Of {len(rows)} z-scores {beyond[0]} are beyond 2 and {beyond[1]} beyond 3; chance alone has {chance}."


def _p_values(rows: Rows) -> str:
    least = min(float(row["p-value"]) for row in rows)
    return f"Of {len(rows)} p-values the smallest is {least:g}; chance alone has one near {1 / (1 + len(rows)):.1g} or above."


def _sources(rows: Rows) -> str:
    return f"{len(rows)} numbers from {len({row['source'] for row in rows})} sources."


SUMMARIES: dict[str, Callable[[Rows], str]] = {"z-score": _scores, "p-value": _p_values, "source": _sources}
"""What is said of all rows together, by a column that they have."""


def said_of(title: str, rows: Rows) -> list[str]:
    """What is said of a table, in sentences."""
    note = " ".join(NOTES.get(title, "").split())
    summaries = [summary(rows) for column, summary in SUMMARIES.items() if column in rows[0]]
    return [note, *summaries] if note else summaries
