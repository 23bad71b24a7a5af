"""Scripts that two processes of `jax.distributed` run together."""

import socket
import subprocess
import sys


def printed_by_two(script: str) -> list[str]:
    """What each prints, told a port and its number: `jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, int(sys.argv[2]))`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = [
        subprocess.Popen([sys.executable, "-c", script, port, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    try:
        printed = [process.communicate(timeout=300)[0] for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0]
    return printed
