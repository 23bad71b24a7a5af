"""Does the mixture have room for as many components as the data ask for? A prior on their number, and a process, are cut off at the most."""

from collections.abc import Iterator

import xarray as xr

from inference.draws import law_of
from inference.posterior.warning import PosteriorWarning

MOST_CUT_OFF = 0.01
"""Share of the draws at the most components, or of the weight beyond them, that is said."""


def short_of_room(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    """What is cut off.

    Args:
        posterior: draws as `whole` reads them.
        stats: the group `sample_stats`.
    """
    draws = posterior["posterior"].to_dataset()
    if "n_components" in draws and posterior.attrs.get("prior_on_components"):
        share = float((draws["n_components"] == draws.sizes["components"]).mean())
        if share > MOST_CUT_OFF:
            yield PosteriorWarning(
                "room",
                f"{share:.1%} of the draws have as many components as the mixture allows, {draws.sizes['components']}",
                "Declare the mixture with more components, so that the prior on their number is not cut off.",
            )
    is_exact = "truncated_weight" in stats
    left = stats["truncated_weight"] if is_exact else _last(posterior, draws)
    if left is not None and float(left.mean()) > MOST_CUT_OFF:
        beyond = f"{'' if is_exact else 'up to '}{float(left.mean()):.1%}"
        yield PosteriorWarning(
            "room",
            f"components beyond the mixture's {draws.sizes['components']} would have {beyond} of the weight",
            "Declare the mixture with more components, or with a smaller discount: the process is cut off.",
        )


def _last(posterior: xr.DataTree, draws: xr.Dataset) -> xr.DataArray | None:
    """The weight, draw by draw, of a process's last component, its own and all that would come after it; None of other laws."""
    law = law_of(posterior)
    clusters = None if law is None else law.clusters
    is_process = clusters is not None and clusters.is_infinite and "weights" in draws
    return draws["weights"].isel(components=-1) if is_process else None
