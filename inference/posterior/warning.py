"""A reason not to believe draws as they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PosteriorWarning:
    """One reason not to believe draws as they are.

    Args:
        name: `"not a number"`, `"minor mode"`, `"approximation"`, `"evidence"`, `"r-hat"`, `"effective draws"`, `"divergences"`,
            `"energy"`, `"tree depth"`, `"room"`, `"incomplete"` or `"lost"`.
        found: what was found, in words.
        advice: what to do.
    """

    name: str
    found: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found}. {self.advice}"
