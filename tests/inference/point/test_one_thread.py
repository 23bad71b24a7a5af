"""BLAS has one thread where points are polished, and as many as before where the last of those who polish has ended."""

import pytest
from scipy import linalg
from threadpoolctl import ThreadpoolController, threadpool_limits

from inference.point.one_thread import one_thread_of_blas


def threads() -> set[int]:
    return {library.num_threads for library in ThreadpoolController().select(user_api="blas").lib_controllers}


@pytest.fixture
def _two_threads():
    linalg.cholesky([[1.0]])  # SciPy's BLAS is there
    with threadpool_limits(2, user_api="blas"):
        yield


@pytest.mark.usefixtures("_two_threads")
def test_threads_are_as_before_where_the_last_has_left():
    before, first, second = threads(), one_thread_of_blas(), one_thread_of_blas()
    first.__enter__()
    second.__enter__()  # of another thread: it neither begins nor ends within the first
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == before == {2}


@pytest.mark.usefixtures("_two_threads")
def test_threads_are_as_before_after_an_error():
    with pytest.raises(ZeroDivisionError), one_thread_of_blas():
        raise ZeroDivisionError
    assert threads() == {2}
