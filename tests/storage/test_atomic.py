"""Atomic files and locks, whoever else writes and whoever is killed."""

import errno
import fcntl
import linecache
import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager

import pytest
from faults import run_powerless
from filelock import FileLock

from animated.storage import atomic
from animated.storage.atomic import (
    check_folder,
    claiming,
    clear_partial,
    explaining_full,
    replacing,
)

NAMES = [
    "a b.bin", "it's.bin", 'say "x".bin', "two\nlines.bin", "100%d%%.bin", "http:x.bin", "-a.bin",
    "back\\slash.bin", "[1]*?.bin", "цифры.bin", "数字.bin", "🎉" * 50 + ".bin", "x" * 240 + ".bin",
    "no ending", "an.odd ending!",
]  # fmt: skip


def read_files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def running(code, *arguments):
    """Run code in its own process, wait for its first line of output, and kill it in the end."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_whole_or_not_there(tmp_path):
    path = tmp_path / "a.bin"
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyError
    assert read_files(tmp_path) == {}
    with replacing(path) as temporary:
        temporary.write_bytes(b"old")
        assert temporary.suffix == ".bin" and temporary.parent == tmp_path and not path.exists()
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_bytes(b"new")
        raise KeyError
    assert read_files(tmp_path) == {"a.bin": b"old"}


@pytest.mark.parametrize("when", [0, 1, 2**31, 2**33])
def test_what_does_not_change_is_left_alone_whatever_the_clock_says(tmp_path, when):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    os.utime(path, (when, when))
    for content in (b"abc", b"abd", b"abcd"):
        with replacing(path) as temporary:
            temporary.write_bytes(content)
            os.utime(temporary, (when, when))
        assert path.read_bytes() == content
        assert path.stat().st_mtime == when


@pytest.mark.parametrize("name", NAMES)
def test_names(tmp_path, name):
    with claiming(tmp_path / name), replacing(tmp_path / name) as temporary:
        temporary.write_bytes(b"abc")
        clear_partial(tmp_path)
        with pytest.raises(RuntimeError, match="being written by another run"):
            claiming(tmp_path / name).__enter__()
    (tmp_path / temporary.name).write_bytes(b"left by a killed process")
    clear_partial(tmp_path)
    assert read_files(tmp_path) == {name: b"abc"}


def test_what_cannot_be_written_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for path, error, message in [
        ("no/a.bin", FileNotFoundError, r"folder of 'no/a.bin' does not exist: create /.*/no$"),
        ("file/a.bin", FileNotFoundError, "folder of 'file/a.bin' does not exist"),
        ("folder", IsADirectoryError, "'folder' is a folder: remove it, or choose another name"),
        ("folder/", IsADirectoryError, "'folder/?' is a folder"),
    ]:
        for act in (check_folder, replacing, claiming):
            with pytest.raises(error, match=message), act(path) or pytest.fail():
                pytest.fail("work has begun")
    assert read_files(tmp_path / "folder") == {}


def test_read_only_folder(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    tmp_path.chmod(0o555)
    code = """
        import sys
        from animated.storage.atomic import claiming, replacing
        for act in (replacing, claiming):
            try:
                with act(sys.argv[1]):
                    print("work has begun")
            except PermissionError as error:
                print(error)
    """
    outcome = run_powerless(code, tmp_path / "a.bin")
    tmp_path.chmod(0o755)
    sentence = (
        f"the folder of '{tmp_path}/a.bin' cannot be written to: "
        f"change the permissions of {tmp_path}, or choose another"
    )
    assert outcome.stdout.splitlines() == [sentence] * 2, outcome.stderr
    assert read_files(tmp_path) == {"a.bin": b"old"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/tmp/x"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        RuntimeError("ffmpeg failed: Error writing trailer: No space left on device"),
        ValueError("IOError: [Errno 28] Error writing bytes. Detail: No space left on device"),
    ],
)
def test_full_disk_in_whatever_words(error):
    sentence = "there is no room for 'a.bin': free space on its disk, then run it again"
    with pytest.raises(OSError, match=sentence) as caught, explaining_full("a.bin"):
        raise error
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(KeyError, match="'room'"), explaining_full("a.bin"):
        raise KeyError("room")


WRITING = """
    import sys, time
    from animated.storage.atomic import replacing
    with replacing(sys.argv[1]) as temporary:
        temporary.write_bytes(b"half")
        print("writing", flush=True)
        time.sleep(60)
"""


def test_what_the_living_write_stays_and_what_the_killed_left_goes(tmp_path):
    (tmp_path / ".a-1-0.partial.txt").mkdir()  # not one of ours: no file
    (tmp_path / ".note.partial").write_bytes(b"somebody else's")
    with running(WRITING, tmp_path / "a.bin") as process:
        one, *_ = tmp_path.glob(".a-*.bin")
        clear_partial(tmp_path)
        assert one.read_bytes() == b"half"
        process.kill()
        process.wait()
        assert one.exists()
        with replacing(tmp_path / "b.bin") as temporary:
            temporary.write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {
        "b.bin", ".note.partial", ".a-1-0.partial.txt",
    }  # fmt: skip


def test_lock_mistaken_for_a_leftover_before_it_is_held(tmp_path, monkeypatch):
    """Another process may clear the folder after a lock's file is created and before it is held."""
    flock, lost = fcntl.flock, []

    def clear_first(descriptor, operation):
        if not lost:
            lost.extend(tmp_path.iterdir())
            clear_partial(tmp_path)
            assert read_files(tmp_path) == {}
        return flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", clear_first)
    with replacing(tmp_path / "a.bin", is_durable=False) as temporary:
        assert [path.suffix for path in lost] == [".lock"] and temporary.exists()
        clear_partial(tmp_path)
        assert temporary.exists()
        temporary.write_bytes(b"whole")
    assert read_files(tmp_path) == {"a.bin": b"whole"}


def replace(path):
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")


def claim(path):
    with claiming(path):
        pass


class Interrupting:
    """Interrupts as Ctrl-C may, but at a chosen one of the lines of a module."""

    def __init__(self, module, moment):
        self.path, self.moment, self.place = module.__file__, moment, None

    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename != self.path:
            return None
        line = linecache.getline(self.path, frame.f_lineno).strip()
        # Python itself lets nothing in between the last line of a `with` and its end.
        if event == "line" and not line.startswith("with "):
            self.moment -= 1
            if self.moment == -1:
                self.place = line
                raise KeyboardInterrupt
        return self


def interrupt(action, path, moment):
    """Return the line that was interrupted and the error, or None when there are not so many."""
    interrupting = Interrupting(atomic, moment)
    before = sys.gettrace()
    sys.settrace(interrupting)
    try:
        action(path)
    except KeyboardInterrupt as error:
        return interrupting.place, error
    finally:
        sys.settrace(before)
    return None


@pytest.mark.parametrize("action", [replace, claim])
def test_interrupted_at_every_line(tmp_path, action):
    """Also between a file's creation and its locking, and though a notebook keeps the error."""
    path, kept = tmp_path / "a.bin", []
    while interrupted := interrupt(action, path, len(kept)):
        kept.append(interrupted)
        left = {*read_files(tmp_path)} - {"a.bin"}
        # Only the removal itself cannot be made up for at once.
        assert not left or "unlink" in interrupted[0] or action is claim, interrupted
        assert read_files(tmp_path).get("a.bin", b"whole") == b"whole"
        action(path)
        assert {*read_files(tmp_path)} <= {"a.bin"}, interrupted
        path.unlink(missing_ok=True)
    assert len(kept) > 10


@pytest.mark.parametrize("action", [replace, claim])
def test_interrupted_as_the_lock_is_acquired(tmp_path, monkeypatch, action):
    """The lock is released though a notebook keeps the error, and with it all objects."""
    path, acquire = tmp_path / "a.bin", FileLock.acquire

    def acquire_and_interrupt(lock, *arguments, **options):
        acquire(lock, *arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt) as kept:
        patch.setattr(FileLock, "acquire", acquire_and_interrupt)
        action(path)
    action(path)
    assert kept.value and {*read_files(tmp_path)} <= {"a.bin"}


MANY = """
    import sys
    from pathlib import Path
    from animated.storage.atomic import clear_partial, replacing
    folder, me = Path(sys.argv[1]), sys.argv[2]
    for turn in range(40):
        for name in (me, "shared"):
            with replacing(folder / name) as temporary:
                temporary.write_bytes(me.encode() * 1000)
        assert (folder / me).read_bytes() == me.encode() * 1000
        assert len({*(folder / "shared").read_bytes()}) == 1
"""


def run_many(code, folder, count=4):
    command = [sys.executable, "-c", textwrap.dedent(code), str(folder)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*command, str(k)], **options) for k in range(count)]
    outputs = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0] * count, outputs
    return [output for output, _ in outputs]


def test_many_processes_write_into_one_folder(tmp_path):
    run_many(MANY, tmp_path)
    assert sorted(read_files(tmp_path)) == [*"0123", "shared"]


CLAIMING = """
    import os, sys, time
    from pathlib import Path
    from animated.storage.atomic import claiming
    path, inside = Path(sys.argv[1]) / "a.bin", Path(sys.argv[1]) / "inside"
    claims = refusals = 0
    while claims < 50:
        try:
            with claiming(path):
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails when another is there
                claims += 1
                os.unlink(inside)
        except RuntimeError:
            refusals += 1
            time.sleep(0.0005)
    print(refusals)
"""


def test_never_two_at_once(tmp_path):
    refusals = run_many(CLAIMING, tmp_path)
    assert sum(map(int, refusals)) > 0, "they never met"
    assert read_files(tmp_path) == {}


def test_claim_ends_with_its_process(tmp_path):
    code = """
        import sys, time
        from animated.storage.atomic import claiming
        with claiming(sys.argv[1]):
            print("claimed", flush=True)
            time.sleep(60)
    """
    path = tmp_path / "a.bin"
    with running(code, path) as process:
        with pytest.raises(RuntimeError, match="is being written by another run: wait until"):
            claiming(path).__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with claiming(path):
            pass
    assert read_files(tmp_path) == {}


def test_claim_ends_with_its_block_though_the_error_is_kept(tmp_path):
    path, kept = tmp_path / "a.bin", []
    try:
        with claiming(path), replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyError("as in a notebook, which keeps the last traceback")
    except KeyError as error:
        kept.append(error)
    with claiming(path), replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert kept[0].__traceback__ and read_files(tmp_path) == {"a.bin": b"whole"}


def test_two_threads(tmp_path):
    path, errors = tmp_path / "a.bin", []

    def claim():
        try:
            claiming(path).__enter__()
        except RuntimeError as error:
            errors.append(error)

    with claiming(path):
        thread = threading.Thread(target=claim)
        thread.start()
        thread.join()
    assert len(errors) == 1
    with claiming(path):
        pass


def test_claims_of_other_files_and_through_other_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with claiming("a.bin"), claiming("b.bin"), pytest.raises(RuntimeError):
        claiming(tmp_path / "a.bin").__enter__()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_file_systems_without_locks(tmp_path, monkeypatch, number):
    def fail(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    left = tmp_path / ".a-1-2.partial.bin"
    left.write_bytes(b"perhaps somebody writes it")
    for content in (b"one", b"two"):
        with claiming(tmp_path / "a.bin"), replacing(tmp_path / "a.bin") as temporary:
            temporary.write_bytes(content)
    expected = {"a.bin": b"two", left.name: b"perhaps somebody writes it"}
    assert read_files(tmp_path) == expected


def test_lock_of_another_user(tmp_path):
    """Their run may still write, so the file is not taken from them."""
    (tmp_path / ".a.bin.lock").touch(mode=0o444)
    code = """
        import sys
        from animated.storage.atomic import claiming
        try:
            with claiming(sys.argv[1]):
                print("claimed")
        except PermissionError as error:
            print("refused")
    """
    assert run_powerless(code, tmp_path / "a.bin").stdout == "refused\n"
