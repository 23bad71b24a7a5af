"""Progress of long runs: one bar a chain, with draws a second, time left and divergences."""

from types import TracebackType

from tqdm import tqdm


class ChainBars:
    """Bars of several chains, one below the other; nothing is written unless they are shown.

    Args:
        chains: the number of chains.
        total: draws of each, warm-up included.
        is_shown: whether to write.
    """

    def __init__(self, chains: int, total: int, is_shown: bool):
        self._bars = [
            tqdm(total=total, desc=f"chain {chain + 1}", unit="draw", position=chain, disable=not is_shown)
            for chain in range(chains)
        ]

    def __enter__(self) -> "ChainBars":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        for bar in self._bars:
            bar.close()

    def reach(self, chain: int, draws: int, divergences: int | None = None) -> None:
        """Say how many draws a chain has by now, and how many of them diverged, where that is known."""
        bar = self._bars[chain]
        if divergences:
            bar.set_postfix(divergences=divergences, refresh=False)
        bar.update(min(draws, bar.total) - bar.n)
