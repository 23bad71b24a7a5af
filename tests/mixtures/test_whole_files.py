"""What a process that was killed in the middle of a file has left is gone with the next file; what another one still writes is not."""

import signal
import subprocess
import sys

import pytest

from mixtures.whole_files import whole_file, write_whole

WRITE = """
import sys, time
from pathlib import Path
from mixtures.whole_files import whole_file

with whole_file(Path(sys.argv[1]), overwrite=True) as opened:
    opened.write(b"half of it")
    opened.flush()
    print("written", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """A process in the middle of a file."""
    process = subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path / "fit [1]")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"written\n"
    yield process
    process.kill()
    process.communicate()


def test_half_a_file_of_a_killed_process_is_deleted_and_of_a_live_one_is_not(writer, tmp_path):
    path, other = tmp_path / "fit [1]", tmp_path / "fit [1].json"
    (half,) = tmp_path.iterdir()
    write_whole(path, b"one", overwrite=True)
    assert half.read_bytes() == b"half of it" and path.read_bytes() == b"one"
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    write_whole(other, b"of another place", overwrite=True)
    assert half.exists() and path.read_bytes() == b"one"
    write_whole(path, b"two", overwrite=True)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {
        path.name: b"two",
        other.name: b"of another place",
    }


def test_two_files_of_one_place_do_not_delete_each_other(tmp_path):
    path = tmp_path / "x"
    with whole_file(path, overwrite=True) as one, whole_file(path, overwrite=True) as other:
        one.write(b"outer")
        other.write(b"inner")
    assert path.read_bytes() == b"outer" and list(tmp_path.iterdir()) == [path]
