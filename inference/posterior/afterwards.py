"""What comes after the draws never costs the draws: a step that fails costs its own group of the tree, and is said.

Sampling may take hours, what follows seconds. Everything that can fail without draws is tried before sampling (see `rehearsal`), and every
step after it runs within `Steps.step`: its exception, or Ctrl-C, leaves out what the step would have added. The tree's attribute `lost` names
these groups, with the reasons; a warning says so at once, and `check_posterior` later.
"""

import contextlib
import json
import warnings
from collections.abc import Iterator


class LostGroupWarning(UserWarning):
    """A group of a tree could not be made; its draws are there all the same."""


class Steps:
    """The steps after sampling, and which of them failed."""

    def __init__(self) -> None:
        self.lost: dict[str, str] = {}

    @contextlib.contextmanager
    def step(self, group: str) -> Iterator[None]:
        """One step: where it fails, `group` is lost.

        Args:
            group: what the step adds, in words that a user finds in the tree.
        """
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            text = str(error).strip().splitlines()
            self.lost[group] = f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__

    @property
    def attrs(self) -> dict[str, str]:
        """What to say of it in a tree's attributes."""
        return {"lost": json.dumps(self.lost)} if self.lost else {}

    def warn(self) -> None:
        """One warning for each group that was lost.

        Where the caller makes errors of warnings, none is raised: it would take the draws along. The tree's attribute says the same.
        """
        for group, reason in self.lost.items():
            with contextlib.suppress(LostGroupWarning):
                text = f"the draws are complete, but {group} could not be made ({reason})"
                warnings.warn(text, LostGroupWarning, stacklevel=2)
