"""The words written down: run a program with these and read it in statistical notation.

Every value is a symbol, every distribution its text; so `print(model)` shows the program that runs, not a description kept beside it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

INDEX = {"components": "k", "rows": "i"}
"""The letter of each plate."""


@dataclass(frozen=True)
class Symbol:
    """A value, or a distribution, known by its text alone."""

    content: str
    batch_shape: tuple[int, ...] = ()
    shape: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return self.content

    def __getitem__(self, key: Any) -> "Symbol":
        return Symbol(f"{self}[{key}]") if isinstance(key, Symbol) else self

    def __mul__(self, other: Any) -> "Symbol":
        if ONE in (self, other):
            return other if self == ONE else self
        return Symbol(f"{self} * {other}")

    def __rmul__(self, other: Any) -> "Symbol":
        return Symbol(str(other)) * self

    def __add__(self, other: Any) -> "Symbol":
        return Symbol(f"{self} + {other}")

    def __matmul__(self, other: Any) -> "Symbol":
        return Symbol(f"{self} @ {other}")

    @property
    def T(self) -> "Symbol":  # noqa: N802 (as arrays have it)
        return self

    def expand(self, *_: Any) -> "Symbol":
        return self

    def mask(self, *_: Any) -> "Symbol":
        return self

    def to_event(self, *_: Any) -> "Symbol":
        return self


ONE = Symbol("1")


class Extent(int):
    """The number of columns where it is not known yet: counts as the int, is written as a letter."""

    def __new__(cls, value: int, letter: str = "d") -> "Extent":
        made = super().__new__(cls, value)
        made.letter = letter
        return made

    letter: str

    def __str__(self) -> str:
        return self.letter


class _Calls:
    """A namespace whose every function returns the text of its call."""

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Symbol:
            texts = [str(value) for value in args]
            texts += [str(value) if key in _OBVIOUS else f"{key}={value}" for key, value in kwargs.items()]
            return Symbol(f"{name}({', '.join(texts)})")

        return call


_OBVIOUS = frozenset(
    {"loc", "scale", "concentration", "concentration1", "concentration0", "rate", "low", "high", "df", "probs"}
)


class _Namespace(_Calls):
    """The array namespace: ones are neutral, so that a constant repeated over components reads as the constant."""

    def ones(self, *_: Any, **__: Any) -> Symbol:
        return ONE

    def sum(self, value: Any, axis: int) -> Symbol:
        return Symbol(f"sum({value})")


@dataclass
class Notation:
    """Words that write the program down, line by line."""

    name: str = "notation"
    dist: Any = field(default_factory=_Calls)
    xp: Any = field(default_factory=_Namespace)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    _plate: tuple[str, Any] | None = None

    def sample(self, name: str, fn: Any, obs: Any = None, dims: Sequence[str] = ()) -> Symbol:
        index = f"[{INDEX.get(self._plate[0], 'j')}]" if self._plate else ""
        extent = f"{index[1:-1]} = 1, ..., {self._plate[1]}" if self._plate else ""
        self.lines.append((f"{name}{index}", str(fn), extent))
        return Symbol(name)

    @contextmanager
    def plate(self, name: str, size: Any) -> Iterator[None]:
        self._plate = (name, size)
        yield
        self._plate = None

    def assign(self, name: str, probs: Any = None, logits: Any = None) -> Symbol:
        self.sample(name, f"Categorical({f'logits={logits}' if probs is None else probs})")
        return Symbol(f"{name}[i]")

    def factor(self, name: str, log_factor: Any) -> None:
        self.lines.append((name, f"factor({log_factor})", ""))

    def array(self, value: Any) -> Symbol:
        return Symbol(str(value))

    def text(self, title: str) -> str:
        """The lines, aligned, and what the indices run over."""
        width = max(len(name) for name, _, _ in self.lines)
        extents = dict.fromkeys(extent for _, _, extent in self.lines if extent)
        rows = [f"    {name:<{width}} ~ {fn}" for name, fn, _ in self.lines]
        return "\n".join([title, "", *rows, "", f"    {'; '.join(extents)}"])
