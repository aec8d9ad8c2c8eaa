"""`python -m imaging.renderer` reads jobs from standard input until it ends. It never forks: libvips hangs after a fork."""

import ctypes
import gc
import os
import resource
import select
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

os.environ["VIPS_BLOCK_UNTRUSTED"] = "1"  # before libvips is loaded

import pyvips

from imaging.domain.limits import ImageRefusedError
from imaging.pipe import read_message, write_message
from imaging.renderer.opening import first_line
from imaging.renderer.rendering import render

MEMORY_BYTES = 3 * 2**30
CPU_S_A_JOB = 20
IDLE_S = 10.0
ALLOWED_LOADERS = (
    "VipsForeignLoadJpeg",
    "VipsForeignLoadPng",
    "VipsForeignLoadWebp",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadHeif",
    "VipsForeignLoadTiff",
)
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000


def confine() -> str:
    """No network where the system lets us cut it off, bounded memory, only the loaders of the allow-list.

    Returns why the network could not be cut off; nothing where it was.
    """
    why_not = cut_off_network()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003 - pyvips takes it by position
    for loader in ALLOWED_LOADERS:
        pyvips.operation_block_set(loader, False)  # noqa: FBT003
    pyvips.cache_set_max(0)
    return why_not


def cut_off_network() -> str:
    """Why the system does not let us; nothing where it does."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
            return ""
    except (OSError, AttributeError) as error:  # not Linux
        return f"unshare: {error}"
    return f"unshare: {os.strerror(ctypes.get_errno())}"


def give_memory_back() -> None:
    """What the allocator keeps for the next photo (glibc), and no photo is coming."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    gc.freeze()  # what was imported stays, and need not be looked through for each photo
    if why_not := confine():
        write_message(sink, {"has_network": why_not})
    while message := read_message(source):
        job, body = message
        _allow_cpu(job.get("cpu_s", CPU_S_A_JOB))
        try:
            render(
                job, body, lambda header, data: write_message(sink, header, data), lambda data: ask(source, sink, data)
            )
            write_message(sink, {"done": True, "peak_kib": _peak_kib()})
        except ImageRefusedError as error:
            write_message(sink, {"refused": error.reason, "detail": error.detail})
        except (pyvips.Error, MemoryError) as error:
            write_message(sink, {"refused": "damaged", "detail": f"cannot be worked on: {first_line(error)}"})
        del message, body
        if not select.select([source], [], [], IDLE_S)[0]:
            give_memory_back()


def ask(source: BinaryIO, sink: BinaryIO, data: bytes) -> bytes:
    """The signature of these bytes, from whoever started us."""
    write_message(sink, {"sign": True}, data)
    answer = read_message(source)
    return answer[1] if answer else b""


def _peak_kib() -> int:
    """The most that this process ever held. Linux's ru_maxrss begins with what the parent held when it started us."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
