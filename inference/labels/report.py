"""LabelReport: what diagnose_labels found, as a value, a table and a Dataset."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from inference.html import InNotebooks
from inference.labels.comparison import TRUSTED, Comparison
from inference.labels.switching import Switching
from inference.labels.verdict import LEAST_AGREEMENT, MOST_UNSURE, WORST_R_HAT, Verdict

MOST_LABELLINGS_SHOWN = 6
SMALLEST_SHOWN = 0.0005  # less is 0.0%


@dataclass(frozen=True, eq=False, repr=False)
class LabelReport(InNotebooks):
    """How the labels behaved, and what may be read from the draws.

    `print` it: a verdict and what it rests on where components can be read, every figure where they cannot. `print(report.details)` shows
    all of them anyway.

    Args:
        verdict: the sentence.
        method: the relabelling reported on.
        shape: chains and draws a chain.
        switching: labellings visited, switches within and between chains.
        convergence: `r_hat`, `ess_bulk`, `ess_tail` of raw and relabelled parameters and of label-invariant quantities,
            along `quantity`, with coordinates `site` and `kind`. NaN R-hat is a constant.
        comparison: how far the methods agree, and the reasons where they disagree.
        density_gaps: how far each chain's best log posterior density lies below the reference's, (chain,); NaN without
            a reference.
        expected_gap: how far below it the log posterior density of a typical draw would lie.
    """

    verdict: Verdict
    method: str
    shape: tuple[int, int]
    switching: Switching
    convergence: xr.Dataset
    comparison: Comparison
    density_gaps: Float[np.ndarray, " chain"]
    expected_gap: float

    def to_dataset(self) -> xr.Dataset:
        """All figures in one Dataset; what is one number is an attribute."""
        switching = self.switching
        figures = {
            "labelling": (("visited", "components"), switching.labellings),
            "share": (("chain", "visited"), switching.shares),
            "switch_rate": (("chain",), switching.rates),
            "disputed": (("components",), self.comparison.by_component),
            "agreement": self.comparison.agreement,
            "density_gap": (("chain",), self.density_gaps),
        }
        attrs = {
            "verdict": self.verdict.value,
            "method": self.method,
            "visited_fraction": switching.visited / switching.possible,
            "chains_apart": switching.chains_apart,
            "unsure": switching.unsure,
            "disputed": self.comparison.disputed,
            "disputed_empty": self.comparison.empty,
            "disputed_close": self.comparison.close,
            "expected_gap": self.expected_gap,
        }
        return xr.Dataset(figures, attrs=attrs).merge(self.convergence)

    def __str__(self) -> str:
        return "\n".join([*self._head(), *self._basis()]) if self.verdict.is_readable else self.details

    def _head(self) -> list[str]:
        chains, draws = self.shape
        components = self.switching.labellings.shape[1]
        return [
            f"Labels of {_counted(components, 'component')} in {_counted(chains, 'chain')} of {_counted(draws, 'draw')}",
            f"Verdict: {self.verdict.value}.",
        ]

    def _basis(self) -> list[str]:
        """What a good verdict rests on, in a line."""
        worst = self.convergence["r_hat"].isel(quantity=self.convergence["kind"].values != "raw").max()
        r_hat = "" if np.isnan(worst) else f"R-hat {float(worst):.3f} at most, once relabelled; "
        return [
            f"It rests on: {r_hat}{self.switching.visited} of {self.switching.possible} labellings visited; "
            f"methods dispute {self.comparison.disputed:.1%} of the draws. See report.details."
        ]

    @property
    def details(self) -> str:
        """Every figure: labellings and switches, convergence of raw, relabelled and invariant quantities, agreement of the methods."""
        parts = [
            *self._head(),
            self._labellings(),
            self._convergence(),
            self._agreement(),
            f"Limits of the verdict: R-hat {WORST_R_HAT}, disputed draws {1 - LEAST_AGREEMENT:.0%}, "
            f"close calls {MOST_UNSURE:.0%}.",
        ]
        if not np.isnan(self.density_gaps).all():
            gaps = ", ".join(f"{gap:.1f}" for gap in self.density_gaps)
            parts.append(
                f"Log density: the best draws lie {gaps} below the reference fit (by chain); "
                f"a typical draw should by {self.expected_gap:.1f}."
            )
        return "\n\n".join(parts)

    def _labellings(self) -> str:
        switching = self.switching
        lines = [
            f"Labellings visited: {switching.visited} of {switching.possible}. "
            f"Switches a step: {', '.join(f'{rate:.1%}' for rate in switching.rates)} (by chain). "
            f"Pairs of chains apart: {switching.chains_apart:.0%}. Too close to call: {switching.unsure:.1%} of draws.",
            f"{'labelling':<24}" + "".join(f"{f'chain {chain}':>10}" for chain in range(self.shape[0])),
        ]
        for labelling, shares in list(zip(switching.labellings, switching.shares.T, strict=True))[
            :MOST_LABELLINGS_SHOWN
        ]:
            lines.append(f"{' '.join(map(str, labelling)):<24}" + "".join(f"{share:>10.1%}" for share in shares))
        left = switching.visited - MOST_LABELLINGS_SHOWN
        return "\n".join(lines + ([f"... and {left} more"] if left > 0 else []))

    def _convergence(self) -> str:
        lines = [f"{'':<36}{'R-hat':>10}{'bulk ESS':>10}{'tail ESS':>10}   (the worst of each)"]
        for kind in ("raw", "relabelled", "invariant"):
            of_kind = self.convergence.isel(quantity=self.convergence["kind"].values == kind)
            for site in dict.fromkeys(of_kind["site"].values):
                rows = of_kind.isel(quantity=of_kind["site"].values == site)
                figures = [f"{float(rows['r_hat'].max()):.3f}"]
                figures += [f"{float(rows[name].min()):.0f}" for name in ("ess_bulk", "ess_tail")]
                is_constant = bool(rows["r_hat"].isnull().all())
                lines.append(
                    f"{f'{site}, {kind}':<36}" + "".join(f"{f:>10}" for f in ["constant"] * is_constant or figures)
                )
        return "\n".join(lines)

    def _agreement(self) -> str:
        comparison = self.comparison
        names = list(comparison.agreement["one"].values)
        lines = ["Draws that two methods label alike:"]
        lines.append(" " * 18 + "".join(f"{name:>17}" for name in names))
        for name, shares in zip(names, comparison.agreement.values, strict=True):
            lines.append(f"{name:<18}" + "".join(f"{share:>17.1%}" for share in shares))
        lines.append(f"Disputed among {', '.join(TRUSTED)}: {comparison.disputed:.1%} of draws.")
        if comparison.disputed >= SMALLEST_SHOWN:
            by_component = ", ".join(f"{share:.1%} ({k})" for k, share in enumerate(comparison.by_component))
            lines.append(
                f"Where: {by_component}, by component. Why: a component without a row of its own in "
                f"{comparison.empty:.0%} of the disputed draws, components that overlap (a close call) in "
                f"{comparison.close:.0%}."
            )
        return "\n".join(lines)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
