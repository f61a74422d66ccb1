"""Faults to inject: full disks, folders that cannot be written to, files that are damaged."""

import ctypes
import json
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# How a disk is full: a small one has no room left, as far as this machine lets us mount one, or
# no file may grow, which every machine can do.
FULL = ("disk", "limit")
DISK_SIZE = 4_000_000

# Root without these is bound by the permissions of files, as everybody else is.
POWERS = (1, 2, 3)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
DROP = 24  # PR_CAPBSET_DROP

FILL = """
    import json, os, resource, shutil, sys
    from pathlib import Path

    how, before, attempts, rooms = json.loads(sys.argv[1])

    def fill(room):
        if how == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        else:
            disk = os.statvfs(".")
            Path("filler").write_bytes(bytes(disk.f_bavail * disk.f_frsize - room))

    def empty():
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        Path("filler").unlink(missing_ok=True)

    def read():
        return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}

    def attempt(name, room):
        old, error = read(), None
        fill(room)
        try:
            exec(attempts[name], names)
        except Exception as caught:
            error = f"{type(caught).__name__}: {caught}"
        empty()
        new = read()
        changed = [name for name in old if new.get(name) != old[name]]
        return [name, room, error, changed, sorted({*new} - {*old})]

    names = {}
    exec(before, names)
    told = [attempt(name, room) for name in attempts for room in rooms]
    for code in attempts.values():
        exec(code, names)
    shutil.copytree(".", "../after")
    print(json.dumps(told))
"""


def fill_disk(
    how: str, folder: Path, before: str, attempts: dict[str, str], rooms: list[int]
) -> list[list]:
    """Run code on a disk that is full, and then on one that is not.

    how: one of `FULL`.
    folder: where `folder`/disk is made, in which the code runs, and `folder`/after, which shows
        what the code has left there in the end.
    before: code that runs while there is room.
    attempts: code by names. Each runs for each of `rooms`, the bytes that are free; then all of
        them run once more without a limit.

    Returns for each run its name, the room, what was raised, as text or None, and the names of the
    files that it changed and that it added.
    """
    disk = folder / "disk"
    disk.mkdir()
    mount = []
    if how == "disk":
        if not can_mount():
            pytest.skip("this machine lets nobody mount a disk; the other way is tested")
        mount = [*UNSHARE, "sh", "-c", MOUNT, str(DISK_SIZE), str(disk)]
    given = json.dumps([how, textwrap.dedent(before), clean(attempts), rooms])
    told = run([*mount, sys.executable, "-c", textwrap.dedent(FILL), given], cwd=disk)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout.splitlines()[-1])


# In a namespace of its own: the disk is gone with the last process that sees it.
UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
MOUNT = 'mount -t tmpfs -o size=$0 tmpfs "$1" && cd "$1" && shift && exec "$@"'


def clean(attempts: dict[str, str]) -> dict[str, str]:
    return {name: textwrap.dedent(code) for name, code in attempts.items()}


@cache
def can_mount() -> bool:
    """Return whether this machine lets us mount disks that nobody else sees."""
    try:
        return run([*UNSHARE, "sh", "-c", 'mount -t tmpfs tmpfs "$0"', "/tmp"]).returncode == 0
    except FileNotFoundError:
        return False


def run_powerless(code: str, *arguments: Any, **options: Any) -> subprocess.CompletedProcess:
    """Run code in a Python that cannot write to a folder of mode 555, even if we are root."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return run(command, preexec_fn=_drop_powers, **options)


def _drop_powers() -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        for power in POWERS:
            libc.prctl(DROP, power, 0, 0, 0)


def run_read_only(
    code: str, folders: list[Path], *arguments: Any, **options: Any
) -> subprocess.CompletedProcess:
    """Run code in a Python for which some folders are read-only, or say that they are."""
    code, names = textwrap.dedent(code), [*map(str, folders)]
    if names and not can_mount():
        code = PRETEND.format(names) + code
    command = [sys.executable, "-c", code, *map(str, arguments)]
    if names and can_mount():
        command = [*UNSHARE, "sh", "-c", BIND, str(len(names)), *names, *command]
    return run(command, **options)


BIND = """
    for turn in $(seq $0)
    do mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift || exit 1
    done
    exec "$@"
"""
PRETEND = """
import os, tempfile
access, create_file = os.access, tempfile.TemporaryFile
read_only = tuple({})

def create(*arguments, dir=None, **options):
    if str(dir).startswith(read_only):
        raise PermissionError(str(dir))
    return create_file(*arguments, dir=dir, **options)

def may(path, mode):
    return access(path, mode) and not (mode & os.W_OK and str(path).startswith(read_only))

os.access, tempfile.TemporaryFile = may, create
"""


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def damage(content: bytes, count: int = 40) -> Iterator[bytes]:
    """Yield content as it may be after a fault: empty, cut off, zeroed, with a bit flipped."""
    chance = random.Random(0)
    yield b""
    yield bytes(len(content))
    for _ in range(count):
        yield content[: chance.randrange(1, len(content))]
        flipped = bytearray(content)
        flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        yield bytes(flipped)
