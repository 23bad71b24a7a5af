"""Collapsed NUTS in Pyro: the assignments are summed out before the sampler sees the density.

Chains run one after the other in this process, each from its own start and seed.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from pyro.infer import MCMC, NUTS
from pyro.ops.integrator import potential_grad

from inference.backends.pyro.programs import as_numpy, as_torch, isolated
from inference.backends.pyro.terms import Values
from inference.backends.target import Target
from inference.samplers.options import NutsOptions
from inference.samplers.protocol import NO_DRAWS, BlockKeeper, Draws, Starts
from inference.samplers.start_check import check_starts
from mixtures.seeds import derived

KEPT = ("energy", "step_size", "acceptance_rate", "n_steps", "tree_depth")
"""What is recorded of every trajectory; the energy is that at its start."""


def sample(
    target: Target,
    starts: Starts,
    options: NutsOptions,
    *,
    progress: bool,
    store: BlockKeeper | None,
    is_stopped: Callable[[], bool],
) -> Draws:
    """Draws of every parameter, one chain from each start; if stopped, those chains and draws that are most together."""
    del store  # Pyro's driver cannot be taken up where it was left
    with isolated():  # each chain has a seed of its own
        return _sample(target, starts, options, progress, is_stopped)


def _sample(
    target: Target, starts: Starts, options: NutsOptions, progress: bool, is_stopped: Callable[[], bool]
) -> Draws:
    density, data = target.density, target.data
    centre, unit = as_torch(starts.frame.centre), as_torch(starts.frame.unit)

    def potential(moved: Values) -> torch.Tensor:
        likelihood, rest = density.parts(centre + unit * moved["v"], data)
        return -(likelihood + rest)

    begins = as_torch(starts.frame.inward(starts.vectors))
    _check(potential, [{"v": begin} for begin in begins], starts.first)
    results: list[Draws] = []
    for chain, begin in zip(starts.numbers, begins, strict=True):
        if results and is_stopped():
            break
        torch.default_generator.manual_seed(derived(options.seed, "sample_nuts", chain))
        v, stats = _chain(potential, begin, options, progress, is_stopped)
        with torch.no_grad():
            values = torch.vmap(lambda u: density.constrain(u, data))(centre + unit * v)
        results.append(Draws(as_numpy(values), stats))
    return _joined(results)


def _check(potential: Callable[[Values], torch.Tensor], begins: list[Values], first: int) -> None:
    found = [potential_grad(potential, begin) for begin in begins]
    slopes = [torch.cat([value.reshape(-1) for value in slope.values()]).numpy() for slope, _ in found]
    check_starts(-np.array([energy.item() for _, energy in found]), np.array(slopes), first=first)


def _joined(chains: list[Draws]) -> Draws:
    """Chains of one length: of a run that was stopped, the last is shorter than the others, or left out, whichever keeps more draws."""
    length = {True: len(chains[0].stats["lp"]), False: len(chains[-1].stats["lp"])}
    is_last_left_out = length[True] * (len(chains) - 1) > length[False] * len(chains)
    kept, count = chains[:-1] if is_last_left_out else chains, length[is_last_left_out]
    if count == 0:
        raise KeyboardInterrupt(NO_DRAWS)
    parameters = {name: np.stack([chain.parameters[name][:count] for chain in kept]) for name in chains[0].parameters}
    stats = {name: np.stack([chain.stats[name][:count] for chain in kept]) for name in chains[0].stats}
    return Draws(parameters, stats)


class _StopError(Exception):
    """Leaves Pyro's driver, which has no other way out."""


class _RecordingNUTS(NUTS):
    """Pyro's NUTS, which also says of its last trajectory what Pyro keeps to itself."""

    def sample(self, params: Values) -> Values:
        self.energy, self.n_steps, self.tree_depth, self._acceptance = 0.0, 0, 0, 0.0
        return super().sample(params)

    @property
    def acceptance_rate(self) -> float:
        """Mean acceptance probability along the trajectory."""
        return self._acceptance / max(self.n_steps, 1)

    def _build_basetree(self, z, r, z_grads, log_slice, direction, energy_current):
        leaf = super()._build_basetree(z, r, z_grads, log_slice, direction, energy_current)
        self.energy = float(energy_current)
        self.n_steps += 1
        self._acceptance += float(leaf.sum_accept_probs)
        return leaf

    def _build_tree(self, z, r, z_grads, log_slice, direction, tree_depth, energy_current):
        self.tree_depth = max(self.tree_depth, tree_depth + 1)  # recursion goes down from the tree that is added
        return super()._build_tree(z, r, z_grads, log_slice, direction, tree_depth, energy_current)


def _chain(
    potential: Callable[[Values], torch.Tensor],
    start: torch.Tensor,
    options: NutsOptions,
    progress: bool,
    is_stopped: Callable[[], bool],
) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """One chain's draws, (draws, size), and statistics."""
    draws: list[torch.Tensor] = []
    record: dict[str, list[float]] = {name: [] for name in ("lp", *KEPT)}

    def keep(kernel: Any, moved: Values, stage: str, count: int) -> None:
        if stage.lower().startswith("sample"):
            draws.append(moved["v"].clone())
            record["lp"].append(-float(kernel._potential_energy_last))
            for name in KEPT:
                record[name].append(getattr(kernel, name))
        if is_stopped():
            raise _StopError

    def guarded(free: Values) -> torch.Tensor:
        if is_stopped():  # a trajectory may take a thousand of these
            raise _StopError
        return potential(free)

    kernel = _RecordingNUTS(potential_fn=guarded, target_accept_prob=options.target_accept, full_mass=options.is_dense)
    mcmc = MCMC(
        kernel,
        num_samples=options.draws,
        warmup_steps=options.tune,
        initial_params={"v": start},
        disable_progbar=not progress,
        hook_fn=keep,
    )
    with suppress(_StopError):
        mcmc.run()
    stats = {name: np.array(values) for name, values in record.items()}
    stats["diverging"] = np.isin(np.arange(len(draws)), kernel._divergences)
    return torch.stack(draws) if draws else start.new_empty((0, len(start))), stats
