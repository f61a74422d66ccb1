"""ffmpeg as a process: pictures go in through a pipe, and a file comes out or an error says why."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import ffmpeg
import imageio_ffmpeg
import numpy as np

# So much of what ffmpeg says is told.
MAX_WORDS = 1000
REMEDY = "unset FFMPEG, or set it to an ffmpeg that works"


def find_ffmpeg() -> str:
    """Return the path of ffmpeg: what FFMPEG names, otherwise the one that imageio-ffmpeg finds.

    Raises FileNotFoundError when that is no program that may be run, or when there is none.
    """
    named = os.environ.get("FFMPEG")
    if named and not shutil.which(named):
        raise FileNotFoundError(
            f"FFMPEG must name a program, got {named!r}: unset it, or correct it"
        )
    with suppress(RuntimeError):  # imageio-ffmpeg brings none for this machine, and finds none
        program = named or imageio_ffmpeg.get_ffmpeg_exe()
        if shutil.which(program):
            return program
    raise FileNotFoundError("there is no ffmpeg: install it, or set FFMPEG to the path of one")


def run_ffmpeg(stream: ffmpeg.nodes.OutputStream, pictures: Iterable[np.ndarray]) -> None:
    """Run ffmpeg with pictures as its input, one by one and as soon as they are there.

    Raises RuntimeError with ffmpeg's own words when it fails, and whatever `pictures` raise.
    """
    stream = stream.global_args("-loglevel", "error").overwrite_output()
    # What ffmpeg says goes to a file: nobody reads its pipe while we write to the other one.
    with tempfile.TemporaryFile() as words:
        process = _start(ffmpeg.compile(stream, cmd=find_ffmpeg()), words)
        try:
            is_read = _feed(process.stdin, pictures)
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            _do(process.stdin.close)
            process.wait()
        if process.returncode != 0 or not is_read:
            words.seek(0)
            reason = _explain(process.returncode, words.read().decode(errors="replace"))
            raise RuntimeError(f"ffmpeg failed: {reason}")


def to_url(path: Path) -> str:
    """Return a path of which ffmpeg takes no part for an option or an address: -a, a:b, http:."""
    return f"file:{path}"


def get_size(path: Path) -> int:
    """Return the bytes of what ffmpeg has written. Raises RuntimeError when it has not."""
    if not path.is_file() or not path.stat().st_size:
        raise RuntimeError(f"ffmpeg failed: it wrote nothing: {REMEDY}")
    return path.stat().st_size


def _start(command: list[str], words: IO[bytes]) -> subprocess.Popen:
    try:
        # A list of words, of which no shell makes anything.
        return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=words)  # noqa: S603
    except OSError as error:
        raise RuntimeError(f"{command[0]!r} cannot be run ({error.strerror}): {REMEDY}") from error


def _feed(pipe: IO[bytes], pictures: Iterable[np.ndarray]) -> bool:
    """Write pictures to a pipe, close it, and return whether its reader took all of them."""
    return all(_do(pipe.write, picture) for picture in pictures) and _do(pipe.close)


def _do(act: Callable, *arguments: Any) -> bool:
    """Write to a pipe or close it, and return whether there was still a reader."""
    try:
        act(*arguments)
    except BrokenPipeError:
        return False
    return True


def _explain(code: int, words: str) -> str:
    """Return in one line why ffmpeg failed: what it said, or how it ended."""
    said = "; ".join(dict.fromkeys(line.strip() for line in words.strip().splitlines()))[:MAX_WORDS]
    if code < 0:
        end = f"signal {-code} ended it ({signal.strsignal(-code)})"
        return f"{said}; {end}: run it again" if said else f"{end}: run it again"
    if "Unknown encoder" in said:
        return f"{said}: unset FFMPEG, or set it to an ffmpeg that has it"
    how = f"it ended with {code}" if code else "it ended before it had read all frames"
    return said or f"{how}: {REMEDY}"
