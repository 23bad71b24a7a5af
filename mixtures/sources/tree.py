"""Sums by a fixed tree: of many blocks, one after the other, the same digits however they came."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Tree:
    """Adds up values by the pairs (1 + 2) + (3 + 4), ...: the tree depends on how many there are alone, and a few of its nodes are kept.

    Rounding errors grow with the logarithm of the number of values (Higham 1993).

    Args:
        combine: two values, the earlier first -> one.

    Example:
        >>> tree = Tree(lambda a, b: f"({a}{b})")
        >>> for letter in "abcde":
        ...     tree.push(letter)
        >>> tree.total()
        '(((ab)(cd))e)'
    """

    def __init__(self, combine: Callable[[Any, Any], Any]):
        self._combine = combine
        self._nodes: list[tuple[int, Any]] = []  # of decreasing height, as the digits of a binary number

    def push(self, value: Any) -> None:
        """The next value."""
        height = 0
        while self._nodes and self._nodes[-1][0] == height:
            value = self._combine(self._nodes.pop()[1], value)
            height += 1
        self._nodes.append((height, value))

    def total(self) -> Any:
        """Of all values so far; at least one."""
        *earlier, (_, total) = self._nodes
        for _, value in reversed(earlier):
            total = self._combine(value, total)
        return total


def added(some: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The sums of both, by name."""
    return {name: value + more[name] for name, value in some.items()}


def summed(values: Iterable[Any], add: Callable[[Any, Any], Any] = added) -> Any:
    """All of them, at least one, by the tree.

    Example:
        >>> summed([1.0, 2.0, 3.0], max)
        3.0
    """
    tree = Tree(add)
    for value in values:
        tree.push(value)
    return tree.total()
