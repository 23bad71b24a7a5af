"""EM on torch tensors: the same array code as the compiled EM of NumPyro's engine, one restart after the other."""

import numpy as np
import torch
from array_api_compat import torch as torch_namespace

from inference.engines.closed_form import Climb, ClosedForm, EMProblem, Outcome, State
from inference.engines.e_step import e_step, with_prior
from inference.engines.pyro_programs import Values, as_torch

BLOCK_CELLS = 400_000
"""Numbers of whitened data in one block of rows: about 3 MB, a core's cache."""


def climb(problem: EMProblem, states: State) -> Climb:
    """EM from every state, (restarts, ...) by name."""
    closed = problem.closed_forms[problem.which]
    blocks = _blocks(problem, states["weights"].shape[-1])
    fixed = {name: torch.tensor(value) for name, value in problem.fixed.items()}
    ends = []
    with torch.no_grad():
        for restart in range(len(states["weights"])):
            state = as_torch({name: value[restart] for name, value in states.items()})
            ends.append(_climb_one(problem, closed, blocks, fixed, state))
    return Climb(
        {name: np.stack([end[0][name].numpy() for end in ends]) for name in states},
        [np.array(end[1]) for end in ends],
        [end[2] for end in ends],
        np.stack([end[3].numpy() for end in ends]),
    )


def _blocks(problem: EMProblem, components: int) -> list[Values]:
    """The rows in blocks, features first, in EM's coordinates."""
    x = as_torch((problem.x - problem.frame.centre) / problem.frame.unit).T
    features, rows = x.shape
    size = max(256, BLOCK_CELLS // (components * features))
    weights = None if problem.row_weights is None else as_torch(problem.row_weights)
    labels = None if problem.labels is None else torch.tensor(problem.labels)
    return [
        {
            "x": x[:, begin : begin + size].contiguous(),
            "row_weights": None if weights is None else weights[begin : begin + size],
            "labels": None if labels is None else labels[begin : begin + size],
        }
        for begin in range(0, rows, size)
    ]


def _climb_one(
    problem: EMProblem, closed: ClosedForm, blocks: list[Values], fixed: Values, state: State
) -> tuple[State, list[float], Outcome, torch.Tensor]:
    numbers = torch.arange(len(state["weights"]))[:, None]
    pseudo = None if problem.pseudo is None else as_torch(dict(problem.pseudo))
    total = len(problem.x) if problem.row_weights is None else float(problem.row_weights.sum())
    objectives: list[float] = []
    while True:
        parts = [
            e_step(torch_namespace, closed, state, **block, numbers=numbers, is_hard=problem.is_hard)
            for block in blocks
        ]
        objective = float(sum(part[0] for part in parts))
        statistics = {name: sum(part[1][name] for part in parts) for name in parts[0][1]}
        occupancy = statistics["rows"]
        if pseudo is not None:
            total_objective, statistics = with_prior(torch_namespace, closed, state, objective, statistics, pseudo)
            objective = float(total_objective)
        last = objectives[-1] if objectives else -np.inf
        objectives.append(objective)
        if objective - last <= problem.tolerance * max(abs(objective), total):
            return state, objectives, Outcome.AT_REST, occupancy
        if len(objectives) > problem.max_steps:
            return state, objectives, Outcome.OUT_OF_STEPS, occupancy
        try:
            moved = closed.m_step(torch_namespace, statistics, state, fixed)
        except torch.linalg.LinAlgError:  # a covariance that is singular to the last digit
            return state, objectives, Outcome.BROKEN, occupancy
        if not np.isfinite(objective) or not all(bool(value.isfinite().all()) for value in moved.values()):
            return state, objectives, Outcome.BROKEN, occupancy
        state = moved
