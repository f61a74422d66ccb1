"""Run ffmpeg: pictures go in through a pipe, and a file comes out or an error says why not."""

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

# An error message quotes at most this many characters of ffmpeg's output.
MAX_LENGTH = 1000
REMEDY = "unset FFMPEG, or set it to an ffmpeg that works"


def find_ffmpeg() -> str:
    """Return the path of ffmpeg: the variable FFMPEG, otherwise the one that imageio-ffmpeg finds.

    Raises FileNotFoundError when FFMPEG does not name an executable, or when there is no ffmpeg.
    """
    named = os.environ.get("FFMPEG")
    if named and not shutil.which(named):
        raise FileNotFoundError(
            f"FFMPEG must name a program, got {named!r}: unset it, or correct it"
        )
    with suppress(RuntimeError):  # imageio-ffmpeg has none for this machine, and finds none
        program = named or imageio_ffmpeg.get_ffmpeg_exe()
        if shutil.which(program):
            return program
    raise FileNotFoundError("there is no ffmpeg: install it, or set FFMPEG to the path of one")


def run_ffmpeg(stream: ffmpeg.nodes.OutputStream, pictures: Iterable[np.ndarray]) -> None:
    """Run ffmpeg with pictures as its input, each written as soon as the iterable yields it.

    Raises RuntimeError with ffmpeg's own message when it fails, and whatever `pictures` raises.
    """
    stream = stream.global_args("-loglevel", "error").overwrite_output()
    # Messages go to a file: nobody would read a second pipe while we write to the first.
    with tempfile.TemporaryFile() as messages:
        process = _start(ffmpeg.compile(stream, cmd=find_ffmpeg()), messages)
        pipe: Any = process.stdin
        try:
            is_read = _feed(pipe, pictures)
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            _try_pipe(pipe.close)
            process.wait()
        if process.returncode != 0 or not is_read:
            messages.seek(0)
            reason = _explain(process.returncode, messages.read().decode(errors="replace"))
            raise RuntimeError(f"ffmpeg failed: {reason}")


def to_url(path: Path) -> str:
    """Return a path in a form that ffmpeg cannot mistake for an option, -a, or a URL, http:x."""
    return f"file:{path}"


def get_size(path: Path) -> int:
    """Return the size in bytes of a file by ffmpeg. Raises RuntimeError when it is missing."""
    if not path.is_file() or not path.stat().st_size:
        raise RuntimeError(f"ffmpeg failed: it wrote nothing: {REMEDY}")
    return path.stat().st_size


def _start(command: list[str], messages: IO[bytes]) -> subprocess.Popen:
    try:
        # The command is a list, which no shell interprets.
        return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=messages)  # noqa: S603
    except OSError as error:
        raise RuntimeError(f"{command[0]!r} cannot be run ({error.strerror}): {REMEDY}") from error


def _feed(pipe: IO[bytes], pictures: Iterable[np.ndarray]) -> bool:
    """Write pictures to a pipe, close it, and return whether its reader took all of them."""
    is_read = all(_try_pipe(pipe.write, picture) for picture in pictures)
    return is_read and _try_pipe(pipe.close)


def _try_pipe(act: Callable, *arguments: Any) -> bool:
    """Write to a pipe or close it, and return whether it still had a reader."""
    try:
        act(*arguments)
    except BrokenPipeError:
        return False
    return True


def _explain(code: int, output: str) -> str:
    """Return in one line why ffmpeg failed: its own message, or how it ended."""
    lines = dict.fromkeys(line.strip() for line in output.strip().splitlines())
    said = "; ".join(lines)[:MAX_LENGTH]
    if code < 0:
        end = f"signal {-code} ended it ({signal.strsignal(-code)})"
        return f"{said}; {end}: run it again" if said else f"{end}: run it again"
    if "Unknown encoder" in said:
        return f"{said}: unset FFMPEG, or set it to an ffmpeg that has it"
    how = f"it ended with {code}" if code else "it ended before it had read all frames"
    return said or f"{how}: {REMEDY}"
