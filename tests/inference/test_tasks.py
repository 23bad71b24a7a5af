"""Models, replicates and folds that Dask's workers fit are those that this process fits, whichever of the workers are lost."""

import os
import signal
import threading
import time
from contextlib import nullcontext

import numpy as np
import pytest
from distributed import CancelledError, KilledWorker
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from inference import bootstrap, bootstrap_test, cluster, fit_em, number_of_components, sample_nuts, select_components
from inference.point.em import restarts
from inference.tasks import each_of, shares_of
from inference.workers import in_words_of_cluster, working
from mixtures import Mixture, families, gaussian_mixture, source
from mixtures.errors import BackendError, DataError
from tests.dask_clients import clients

X = np.random.default_rng(0).normal(size=60) + np.repeat([0.0, 2.5], [40, 20])


@pytest.fixture(scope="module")
def two():
    with clients(2) as client:
        yield client


def both(two, verb):
    """What a verb finds without workers, and with them."""
    serial = verb()
    with cluster(two):
        return serial, verb()


def same_models(serial, spread):
    assert_frame_equal(spread.table, serial.table, check_exact=True)
    for cell, parameters in serial.parameters.items():
        for name, value in parameters.items():
            assert_array_equal(spread.parameters[cell][name], value)


def times(piece, factor):
    return piece * factor, working()


def test_pieces_come_back_in_order_and_know_no_workers(two):
    assert each_of(times, range(5), 3) == [(3 * i, None) for i in range(5)] == each_of(times, range(5), 3)
    with cluster(two):
        assert each_of(times, range(5), 3) == [(3 * i, None) for i in range(5)]
        assert [list(share) for share in shares_of(range(3, 10))] == [[3, 4], [5, 6], [7, 8], [9]]
        assert shares_of(range(0)) == []
    assert shares_of(range(7)) == [range(7)]


def size_of(piece, x):
    return x.size


def test_many_megabytes_are_held_without_a_warning(two):
    with cluster(two):
        assert each_of(size_of, [0, 1], np.zeros(1_500_000)) == [1_500_000] * 2


def test_gaussians_of_every_structure(two):
    same_models(*both(two, lambda: select_components(X, [1, 2], ["E", "V"], restarts=4, seed=0)))


def test_families_each_of_which_is_fitted_by_itself(two):
    counts = np.floor(np.exp(X / 2))
    options = {"family": {"Poisson": families.Poisson(), "binomial": families.Binomial(20)}, "backend": "pyro"}
    found = both(two, lambda: select_components(counts, [1, 2], restarts=3, seed=0, **options))
    same_models(*found)
    assert found[1].best.log_likelihood == found[0].best.log_likelihood


def test_fits_of_a_source_are_spread_pass_by_pass(two):
    rows = source(X[:, None])
    same_models(*both(two, lambda: select_components(rows, [1, 2], ["EII"], restarts=1, max_steps=3, seed=0)))


@pytest.mark.parametrize("kind", ["nonparametric", "parametric", "weighted"])
def test_replicates(kind, two):
    fit = fit_em(gaussian_mixture(2, "V"), X, restarts=4, seed=0)
    serial, spread = both(two, lambda: bootstrap(fit, X, kind=kind, replicates=11, seed=1))
    assert_frame_equal(spread.replicates, serial.replicates, rtol=1e-10)
    assert_frame_equal(spread.table, serial.table, rtol=1e-10)
    assert_series_equal(spread.statuses, serial.statuses)


CASES = {
    "closed M-steps": (gaussian_mixture(1, "E"), X),
    "no closed M-step": pytest.param((Mixture(1, families.Gamma()), np.exp(X / 4)), marks=pytest.mark.slow),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_likelihood_ratios_of_replicates(case, two):
    serial, spread = both(two, lambda: bootstrap_test(*case, replicates=9, level=0.2, restarts=2, seed=2))
    np.testing.assert_allclose(spread.replicates[1], serial.replicates[1], rtol=1e-10, atol=1e-10)
    assert_frame_equal(spread.table, serial.table, rtol=1e-10)


def test_numbers_of_components_and_folds(two):
    options = {"folds": 3, "restarts": 3, "seed": 0, "backend": "pyro"}
    serial, spread = both(two, lambda: number_of_components(gaussian_mixture(1, "E"), X, [1, 2], **options))
    assert_frame_equal(spread.table, serial.table, check_exact=True)
    assert_array_equal(spread.rows["log_score"], serial.rows["log_score"])


@pytest.mark.parametrize("backend", ["pyro", pytest.param("numpyro", marks=pytest.mark.slow)])
def test_restarts_of_many_rows(backend, two, monkeypatch):
    monkeypatch.setattr(restarts, "SHARED_CELLS", 0)
    monkeypatch.setattr("inference.point.em.numpyro.restarts.LANE_CELLS", 1)  # as many rows have it
    shares = []
    monkeypatch.setattr(
        restarts, "each_of", lambda run, some, *held: shares.append(len(some)) or each_of(run, some, *held)
    )
    options = {"restarts": 6, "seed": 0, "backend": backend}
    serial, spread = both(two, lambda: fit_em(gaussian_mixture(2, "V"), X, **options))
    assert shares[0] == 3
    assert_frame_equal(spread.restarts, serial.restarts, check_exact=True)
    assert_array_equal(spread.losses, serial.losses)
    assert_array_equal(spread.parameters["loc"], serial.parameters["loc"])


def refused(piece):
    raise DataError("x", got=f"piece {piece}", expected="none", advice="Leave it out.")


def test_errors_of_a_piece_are_those_of_the_verb(two):
    for where in (nullcontext(), cluster(two)):
        with where, pytest.raises(DataError, match="^x: got piece 4; expected none. Leave it out.$"):
            each_of(refused, [4])


def sleep(piece, log):
    log.write_text(log.read_text() + "x") if log.exists() else log.write_text("x")
    time.sleep(0.1)


@pytest.fixture
def answered():
    """Ctrl-C raises, as in a terminal: of a process that a script began in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_calls_off_what_has_not_begun(two, tmp_path, answered):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    with cluster(two):
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            each_of(sleep, range(200), tmp_path / "log")
        time.sleep(0.2)
        assert each_of(times, [1], 2) == [(2, None)]
    assert 0 < len((tmp_path / "log").read_text()) < 30


def ended_once(piece, folder):
    """A piece that ends its worker, the first time."""
    mark = folder / "ended"
    if piece == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return piece**2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_lost_costs_its_pieces_again(tmp_path):
    with clients(2, processes=True) as client, cluster(client):
        assert each_of(ended_once, range(6), tmp_path) == [0, 1, 4, 9, 16, 25]
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KilledWorker("a", None, 3), "a task that ended 4 workers, one after the other"),
        (CancelledError("a"), "a scheduler that was lost"),
    ],
)
def test_what_is_lost_is_said(error, words):
    with pytest.raises(BackendError, match=words), in_words_of_cluster():
        raise error


@pytest.mark.quick("numpyro", "nutpie", reason="a chain is told its number in the same words")
@pytest.mark.parametrize("sampler", ["numpyro", "nutpie", "pyro"])
def test_chains_are_those_of_this_process(two, sampler):
    if sampler == "nutpie":
        pytest.importorskip("nutpie")
    options = {"draws": 12, "tune": 20, "chains": 3, "seed": 4, "progress": False, "log_likelihood": False}
    serial, spread = both(two, lambda: sample_nuts(gaussian_mixture(2, "tied"), X, sampler=sampler, **options))
    assert spread.attrs["sampler"] == serial.attrs["sampler"]
    for group in ("posterior", "sample_stats"):
        for name, values in serial[group].data_vars.items():
            assert_array_equal(spread[group][name], values)


def test_the_first_ctrl_c_calls_chains_off(monkeypatch):
    monkeypatch.setattr("inference.posterior.nuts_run.working", object)
    monkeypatch.setattr("inference.posterior.nuts_run.by_workers", lambda *_: signal.raise_signal(signal.SIGINT))
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            sample_nuts(gaussian_mixture(2, "tied"), X, draws=12, tune=20, chains=3, seed=4, progress=False)
    finally:
        signal.signal(signal.SIGINT, found)
