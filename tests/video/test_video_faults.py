"""Frames and movies when something fails: what was there stays, one sentence says why."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import imageio_ffmpeg
import matplotlib as mpl
import numpy as np
import pandas as pd
import psutil
import pytest
from conftest import split_tiers
from faults import FULL, damage, fill_disk, run_powerless
from matplotlib.font_manager import FontEntry, fontManager
from PIL import Image
from plotnine import aes, element_text, geom_point, ggplot, labs, theme
from reuse import list_planted, plant
from test_movie import COLORS, decode

from animated.plots.stages import forget_stages
from animated.video import ffmpeg
from animated.video.frames import Frames
from animated.video.movie import find_ffmpeg, write_gif, write_movie, write_poster
from animated.video.png import encode_png, read_fingerprint, read_frame, split_png

PICTURES = [np.full((48, 64, 3), color, dtype=np.uint8) for color in COLORS]


def show(epoch):
    """Return the plots of a frame: a picture, of which fifteen in a row differ."""
    return [np.roll(PICTURES[epoch % 5], epoch, axis=2)]


def look(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def check_movie(path, expected, tmp_path):
    """Assert that a movie shows pictures, whatever its name."""
    frames = decode(shutil.copy(path, tmp_path / "decoded.mp4"))[1]
    assert len(frames) == len(expected) + 60
    for frame, picture in zip(frames, [*expected, *expected[-1:] * 60], strict=True):
        assert np.abs(frame - picture).max() < 12


# Damaged frames.


@pytest.fixture
def find_started():
    """What this process has started since the test began, and has not ended."""
    before = {*psutil.Process().children()}
    return lambda: {*psutil.Process().children()} - before


@pytest.fixture(scope="module")
def picture():
    noise = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    return np.pad(noise, ((3, 6), (4, 7), (0, 0)))


def test_every_flipped_bit_is_noticed(picture, tmp_path):
    path, content = tmp_path / "a.png", encode_png(picture, "a" * 64)
    path.write_bytes(content)
    assert read_fingerprint(path) == "a" * 64 and np.array_equal(read_frame(path), picture)
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="PNG"):
            split_png(bytes(flipped))
        if bit % 7:
            continue
        path.write_bytes(flipped)
        assert read_fingerprint(path) is None
        with pytest.raises(ValueError, match=r"a.png' is damaged or not a picture: run again what"):
            read_frame(path)


def test_every_cut_is_noticed(picture, tmp_path):
    path, content = tmp_path / "a.png", encode_png(picture, "a" * 64)
    for size in range(len(content)):
        path.write_bytes(content[:size])
        assert read_fingerprint(path) is None
        with pytest.raises(ValueError, match="is damaged or not a picture"):
            read_frame(path)


def test_flipped_bits_in_pictures_of_others(picture, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path)
    assert read_fingerprint(path) is None and np.array_equal(read_frame(path), picture)
    for content in damage(path.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged or not a picture"):
            read_frame(path)


@pytest.mark.parametrize("when", [0, 1_000_000_000, 2**33])
def test_damaged_frames_are_drawn_again_whatever_the_clock_says(when, tmp_path):
    paths = Frames(show, range(6), tmp_path).save()
    whole = look(tmp_path)
    for position, content in enumerate(damage(paths[0].read_bytes(), 10)):
        number = position % 6
        for path in paths:
            path.write_bytes(whole[path.name])
        others = [path for path in paths if path != paths[number]]
        plant(others)
        paths[number].write_bytes(content if number == 0 else whole[paths[number].name][:-position])
        for path in paths:
            os.utime(path, (when, when))
        pictures = list(Frames(show, range(6), tmp_path))
        assert list_planted(tmp_path) == [path.name for path in others]
        assert paths[number].read_bytes() == whole[paths[number].name]
        assert np.array_equal(pictures[number], show(number)[0])
        assert [picture.any() for picture in pictures] == [k == number for k in range(6)]


def test_frame_damaged_after_it_was_drawn(tmp_path):
    frames = Frames(show, range(3), tmp_path)
    paths = frames.save()
    content = bytearray(paths[1].read_bytes())
    content[-20] ^= 1
    paths[1].write_bytes(content)
    sentence = r"combined-000001.png' is damaged or not a picture: run again what made it"
    for read in (lambda: list(frames), lambda: frames[1], lambda: write_movie(paths, "a.mp4")):
        with pytest.raises(ValueError, match=sentence):
            read()
    again = Frames(show, range(3), tmp_path)
    assert np.array_equal(list(again)[1], show(1)[0])
    assert np.array_equal(frames[1], show(1)[0])


def test_pictures_that_are_none(tmp_path):
    path = tmp_path / "a.png"
    for content in (b"", b"text", bytes(100)):
        path.write_bytes(content)
        for write, name in ((write_movie, "a.mp4"), (write_poster, "poster.png")):
            with pytest.raises(ValueError, match=r"a.png' is damaged or not a picture"):
                write([path], tmp_path / name)
    assert [*look(tmp_path)] == ["a.png"]


# ffmpeg.


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """Let FFMPEG name a shell script."""

    def name(script, mode=0o755):
        path = tmp_path / "stub"
        path.write_text(script)
        path.chmod(mode)
        monkeypatch.setenv("FFMPEG", str(path))

    return name


REAL = shlex.quote(imageio_ffmpeg.get_ffmpeg_exe())
REMEDY = "unset FFMPEG, or set it to an ffmpeg that works"
# What each says when it is to take 20 frames of 64 x 48 pixels, or more.
STUBS = {
    "dies": ("head -c 9000 >/dev/null; exit 3", f"ffmpeg failed: it ended with 3: {REMEDY}"),
    "dies at once": ("exit 1", f"ffmpeg failed: it ended with 1: {REMEDY}"),
    "says why": (
        "head -c 9000 >/dev/null; echo one >&2; echo two >&2; echo two >&2; exit 1",
        "ffmpeg failed: one; two",
    ),
    "is killed": (
        "head -c 9000 >/dev/null; kill -9 $$",
        "ffmpeg failed: signal 9 ended it (Killed): run it again",
    ),
    "closes its input": (
        "exec 0<&-; sleep 0.1; echo movie > last",
        f"ffmpeg failed: it ended before it had read all frames: {REMEDY}",
    ),
    "reads too little": (
        f'head -c 9216 | {REAL} "$@"',
        f"ffmpeg failed: it ended before it had read all frames: {REMEDY}",
    ),
    "writes nothing": ("cat >/dev/null", f"ffmpeg failed: it wrote nothing: {REMEDY}"),
    "removes its file": (
        "cat >/dev/null; for last; do :; done; rm -- .a-*.partial.mp4",
        f"ffmpeg failed: it wrote nothing: {REMEDY}",
    ),
    "has no libx264": (
        f"""case "$*" in *libx264*) echo "Unknown encoder 'libx264'" >&2; exit 8;; esac
        exec {REAL} "$@" """,
        "ffmpeg failed: Unknown encoder 'libx264': "
        "unset FFMPEG, or set it to an ffmpeg that has it",
    ),
    "has no room": (
        "cat >/dev/null; echo 'Error writing trailer: No space left on device' >&2; exit 228",
        "there is no room for 'a.mp4': free space on its disk, then run it again",
    ),
    "is not for this machine": (None, f"cannot be run (Exec format error): {REMEDY}"),
}


N_FRAMES = 40


@pytest.mark.parametrize("name", STUBS)
def test_ffmpeg_that_fails(name, stub, tmp_path, monkeypatch, find_started):
    script, sentence = STUBS[name]
    monkeypatch.chdir(tmp_path)
    frames = Path("frames")
    frames.mkdir()
    old = write_movie(PICTURES, "a.mp4").read_bytes()
    stub("#!/bin/sh\n" + script if script else "\0\0\0\0")
    with pytest.raises((RuntimeError, OSError)) as caught:
        write_movie(Frames(show, range(N_FRAMES), frames), "a.mp4")
    assert str(caught.value).endswith(sentence) and "\n" not in str(caught.value)
    assert Path("a.mp4").read_bytes() == old
    assert not [path for path in tmp_path.rglob(".*")]
    assert not find_started(), "there is a zombie"

    # The frames that were drawn stay, and are not drawn again.
    done = sorted(look(frames))
    assert 0 < len(done) <= N_FRAMES
    plant(frames.iterdir())
    monkeypatch.delenv("FFMPEG")
    write_movie(Frames(show, range(N_FRAMES), frames), "a.mp4")
    assert list_planted(frames) == done and len(look(frames)) == N_FRAMES
    black = np.zeros_like(PICTURES[0])
    names = [f"combined-{k:06}.png" for k in range(N_FRAMES)]
    expected = [black if name in done else show(k)[0] for k, name in enumerate(names)]
    check_movie("a.mp4", expected, tmp_path)


def test_broken_pipe_of_somebody_else_is_not_taken_for_ffmpeg(tmp_path, find_started):
    def plot_frame(epoch):
        if epoch == 3:
            raise BrokenPipeError("of a worker, say")
        return show(epoch)

    with pytest.raises(BrokenPipeError, match="of a worker, say"):
        write_movie(Frames(plot_frame, range(5), None, n_jobs=1), tmp_path / "a.mp4")
    assert look(tmp_path) == {}
    assert not find_started()


def test_interrupt_while_ffmpeg_finishes(tmp_path, stub, monkeypatch, find_started):
    stub("#!/bin/sh\ncat >/dev/null; exec sleep 60")
    wait = subprocess.Popen.wait

    def interrupt(process, *options):
        monkeypatch.setattr(subprocess.Popen, "wait", wait)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupt)
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        write_movie(PICTURES, tmp_path / "a.mp4")
    assert time.perf_counter() - start < 30 and [*look(tmp_path)] == ["stub"]
    assert not find_started(), "ffmpeg goes on for nobody"


@pytest.mark.parametrize("named", ["no-such-program", "/", __file__, " ", "./stub/"])
def test_ffmpeg_that_is_no_program(named, tmp_path, monkeypatch):
    monkeypatch.setenv("FFMPEG", named)
    started = Frames(lambda epoch: pytest.fail("work has begun"), range(3), tmp_path)
    for write, name in ((write_movie, "a.mp4"), (write_gif, "a.gif")):
        with pytest.raises(FileNotFoundError) as caught:
            write(started, tmp_path / name)
        sentence = f"FFMPEG must name a program, got {named!r}: unset it, or correct it"
        assert str(caught.value) == sentence
    assert look(tmp_path) == {}


def test_no_ffmpeg_at_all(tmp_path, monkeypatch):
    def find_none():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setenv("FFMPEG", "")
    assert find_ffmpeg() == imageio_ffmpeg.get_ffmpeg_exe(), "an empty name is none"
    sentence = "there is no ffmpeg: install it, or set FFMPEG to the path of one"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/no/such/ffmpeg")
    with pytest.raises(FileNotFoundError, match=sentence):
        write_movie(PICTURES, tmp_path / "a.mp4")
    monkeypatch.setattr(ffmpeg.imageio_ffmpeg, "get_ffmpeg_exe", find_none)
    with pytest.raises(FileNotFoundError, match=sentence):
        write_movie(PICTURES, tmp_path / "a.mp4")
    assert look(tmp_path) == {}


# Names.

NAMES = [
    "a b", "it's", 'say "x"', "two\nlines", "%d", "100%%", "a:b", "http:x", "file:x", "pipe:1",
    "-y", "back\\slash", "[1]*?", "a|b", "$HOME", "числа", "数字", "🎉" * 49, "x" * 200,
]  # fmt: skip


@pytest.mark.parametrize("name", split_tiers(NAMES))
def test_names(name, tmp_path, monkeypatch):
    work = tmp_path / "work"
    # The folder has the same name, and there is another that a pattern would find.
    (work / name).mkdir(parents=True)
    (work / "1a").mkdir()
    monkeypatch.chdir(work)
    for place in (Path(), Path(name)):
        check_movie(write_movie(PICTURES, place / f"{name}.mp4"), PICTURES, tmp_path)
    with Image.open(write_gif(PICTURES, f"{name}/{name}.gif", width=64)) as gif:
        assert gif.n_frames == 5
        assert np.abs(np.asarray(gif.convert("RGB")).astype(int) - COLORS[0]).max() < 12
    with Image.open(write_poster(PICTURES, f"{name}/{name}.png")) as poster:
        assert np.array_equal(poster, PICTURES[-1])
    paths = Frames(show, range(3), name, name=name).save()
    assert [path.name for path in paths] == [f"{name}-00000{k}.png" for k in range(3)]
    assert all(np.array_equal(read_frame(path), show(k)[0]) for k, path in enumerate(paths))
    assert len(look(Path())) == 1 + 3 + 3 and not look(Path("1a"))


def test_names_that_the_system_refuses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for act in (
        lambda: write_movie(PICTURES, "x" * 256 + ".mp4"),
        lambda: write_poster(PICTURES, "x" * 256 + ".png"),
        lambda: Frames(show, range(2), ".", name="x" * 256).save(),
    ):
        with pytest.raises(OSError, match=r"File name too long: '.*xxx"):
            act()
    with pytest.raises(ValueError, match="name must be a file name without a folder, got 'a/b"):
        Frames(show, range(2), ".", name="a/b")
    assert look(tmp_path) == {}


# Disks and folders.

BEFORE = """
    import os
    from pathlib import Path
    import numpy as np
    from animated.video.frames import Frames
    from animated.video.movie import write_gif, write_movie, write_poster

    os.environ["TQDM_DISABLE"] = "1"
    pictures = np.random.default_rng(0).integers(0, 256, (8, 96, 64, 3), dtype=np.uint8)
    plot_frame = lambda epoch: [pictures[epoch, :48]]
    Path("frames").mkdir()
    Frames(plot_frame, range(1), "frames").save()
    write_movie([*pictures[:2]], "a.mp4")
    write_gif([*pictures[:2]], "a.gif", width=64)
    write_poster([*pictures[:2]], "a.png")
"""
ATTEMPTS = {
    "frames/combined-000001.png": "Frames(plot_frame, range(8), 'frames', n_jobs=1).save()",
    "a.mp4": "write_movie([*pictures], 'a.mp4')",
    "a.gif": "write_gif([*pictures], 'a.gif', width=64)",
    "a.png": "write_poster([*pictures], 'a.png')",
}


@pytest.mark.parametrize("how", split_tiers(FULL))
def test_full_disk(how, tmp_path):
    # The disk has room for one frame, the limit for any number of them.
    rooms = [0, 4096, *([16384] if how == "disk" else [])]
    told = fill_disk(how, tmp_path, BEFORE, ATTEMPTS, rooms)
    for name, room, error, changed, added in told:
        is_second = room == 16384 and name in added
        name = name.replace("1.png", "2.png") if is_second else name
        sentence = f"there is no room for '{name}': free space on its disk, then run it again"
        assert (error, changed) == (f"OSError: {sentence}", [])
        assert added == (["frames/combined-000001.png"] if is_second else [])
    assert len(told) == 4 * len(rooms) and is_second is False
    assert how == "limit" or told[2][-1], "no frame was drawn"

    after = tmp_path / "after"
    pictures = np.random.default_rng(0).integers(0, 256, (8, 96, 64, 3), dtype=np.uint8)
    assert len(decode(after / "a.mp4")[1]) == 8 + 60
    with Image.open(after / "a.gif") as gif:
        assert gif.n_frames == 8
    assert np.array_equal(read_frame(after / "a.png"), pictures[-1])
    for k in range(8):
        assert np.array_equal(read_frame(after / f"frames/combined-{k:06}.png"), pictures[k, :48])
    assert len(look(after)) == 8 + 3


def test_read_only_folder(tmp_path):
    code = """
        import os, sys
        import numpy as np
        from animated.video.frames import Frames
        from animated.video.movie import write_gif, write_movie, write_poster

        os.chdir(sys.argv[1])
        started = Frames(lambda epoch: print("work has begun"), range(3), None)
        for act in (
            lambda: Frames(print, range(3), "."),
            lambda: write_movie(started, "a.mp4"),
            lambda: write_gif(started, "a.gif"),
            lambda: write_poster(started, "a.png"),
        ):
            try:
                act()
            except PermissionError as error:
                print(error)
    """
    (tmp_path / "a.mp4").write_bytes(b"old")
    tmp_path.chmod(0o555)
    told = run_powerless(code, tmp_path)
    tmp_path.chmod(0o755)
    names = ("combined-000000.png", "a.mp4", "a.gif", "a.png")
    remedy = f"change the permissions of {tmp_path}, or choose another"
    assert told.stdout.splitlines() == [
        f"the folder of '{name}' cannot be written to: {remedy}" for name in names
    ], told.stderr
    assert look(tmp_path) == {"a.mp4": b"old"}


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("no/a", FileNotFoundError, r"the folder of 'no/a\.\w+' does not exist: create "),
        ("file/a", FileNotFoundError, r"the folder of 'file/a\.\w+' does not exist: create "),
        ("folder/a", IsADirectoryError, r"'folder/a\.\w+' is a folder: remove it, or choose"),
    ],
)
@pytest.mark.parametrize("kind", ["mp4", "gif", "png"])
def test_unwritable_paths(path, error, message, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path(f"folder/a.{kind}").mkdir(parents=True)
    write = {"mp4": write_movie, "gif": write_gif, "png": write_poster}[kind]
    started = Frames(lambda epoch: pytest.fail("work has begun"), range(3), None)
    with pytest.raises(error, match=message):
        write(started, f"{path}.{kind}")
    with pytest.raises(ValueError, match=f"output_path must end in .{kind}, got 'folder/'"):
        write(started, "folder/")
    assert look(tmp_path) == {"file": b""}


def test_unwritable_frames(tmp_path):
    (tmp_path / "combined-000001.png").mkdir()
    (tmp_path / "file").touch()
    for folder in ("file", "no"):
        with pytest.raises(FileNotFoundError, match=f"no folder '.*{folder}' for the frames"):
            Frames(show, range(3), tmp_path / folder)
    with pytest.raises(IsADirectoryError, match=r"combined-000001.png' is a folder: remove it"):
        Frames(show, range(3), tmp_path)


# Two runs at once.

SLOW = """
    import os, sys, time
    from pathlib import Path
    import numpy as np
    from animated.video.frames import Frames
    from animated.video.movie import write_movie

    def plot_frame(epoch):
        print(epoch, flush=True)
        while epoch == 4 and not Path(sys.argv[2]).exists():
            time.sleep(0.01)
        return [np.full((48, 64, 3), 50 * epoch, dtype=np.uint8)]

    start = time.perf_counter()
    try:
        write_movie(Frames(plot_frame, range(5), None, n_jobs=1), sys.argv[1])
    finally:
        print("after", time.perf_counter() - start)
"""


def start_python(code, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **options)


def test_second_run_leaves_the_first_alone(tmp_path):
    path, go = tmp_path / "a.mp4", tmp_path / "go"
    first = start_python(SLOW, path, go)
    try:
        while first.stdout.readline().strip() != "4":
            assert first.poll() is None, first.stderr.read()
        before = {*look(tmp_path)}
        second = start_python(SLOW, path, go)
        out, words = second.communicate(timeout=60)
        assert second.returncode == 1 and "a.mp4' is being written by another run" in words
        assert words.splitlines()[-1].startswith("RuntimeError: ")
        assert out.startswith("after") and float(out.split()[1]) < 1
        assert {*look(tmp_path)} == before and not path.exists()
        go.touch()
        assert first.wait(timeout=60) == 0, first.stderr.read()
    finally:
        first.kill()
        first.communicate()
    assert sorted(look(tmp_path)) == ["a.mp4", "go"]
    check_movie(path, [np.full((48, 64, 3), 50 * k) for k in range(5)], tmp_path)


def noise(epoch):
    return np.random.default_rng(epoch).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_two_runs_may_draw_the_same_frames(tmp_path):
    code = """
        import sys, time
        import numpy as np
        from animated.video.frames import Frames

        def plot_frame(epoch):
            time.sleep(0.01)
            return [np.random.default_rng(epoch).integers(0, 256, (48, 64, 3), dtype=np.uint8)]

        Frames(plot_frame, range(40), sys.argv[1]).save()
    """
    runs = [start_python(code, tmp_path) for _ in range(2)]
    told = [run.communicate(timeout=100)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    both = look(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    Frames(lambda epoch: [noise(epoch)], range(40), tmp_path).save()
    assert look(tmp_path) == both and len(both) == 40


# Fonts.


@pytest.fixture
def fonts(tmp_path, monkeypatch):
    """Let matplotlib know a font of this name, a copy of one that it brings, or forget it."""
    own = [*fontManager.ttflist]

    def name(family, change=lambda content: content):
        forget_stages()
        fontManager._findfont_cached.cache_clear()
        path = tmp_path / f"{family}.ttf"
        source = Path(mpl.get_data_path()) / "fonts/ttf/STIXGeneral.ttf"
        path.write_bytes(change(source.read_bytes()))
        entry = FontEntry(str(path), 0, family, "normal", "normal", 400, "normal", "scalable")
        monkeypatch.setattr(fontManager, "ttflist", [*own, entry])
        return path

    yield name
    fontManager._findfont_cached.cache_clear()


def save_title(family, folder):
    data = pd.DataFrame({"x": [0, 1], "y": [0, 1]})
    plot = ggplot(data, aes("x", "y")) + geom_point() + labs(title="A title")
    plot += theme(figure_size=(2, 1.5), plot_title=element_text(family=family))
    return Frames(lambda epoch: [plot], [0], folder, n_jobs=1).save()[0]


def test_font_that_is_installed_later(tmp_path, fonts):
    without = read_frame(path := save_title("Late Font", tmp_path))
    plant([path])
    save_title("Late Font", tmp_path)
    assert list_planted(tmp_path) == [path.name]
    font = fonts("Late Font")
    with_font = read_frame(save_title("Late Font", tmp_path))
    assert with_font.any() and not np.array_equal(with_font, without)
    plant([path])
    save_title("Late Font", tmp_path)
    assert list_planted(tmp_path) == [path.name], "the same font, the same frame"
    # The same letters look the same wherever their file is.
    other = tmp_path / "elsewhere/a.ttf"
    other.parent.mkdir()
    font.rename(other)
    old = fontManager.ttflist[-1]
    names = ("name", "style", "variant", "weight", "stretch", "size")
    fontManager.ttflist[-1] = FontEntry(str(other), 0, *(getattr(old, name) for name in names))
    fontManager._findfont_cached.cache_clear()
    save_title("Late Font", tmp_path)
    assert list_planted(tmp_path) == [path.name]


def test_font_that_is_gone(tmp_path, fonts):
    fallback = read_frame(save_title("DejaVu Sans", tmp_path))
    fonts("Gone Font").unlink()
    assert np.array_equal(read_frame(save_title("Gone Font", tmp_path)), fallback)


@pytest.mark.parametrize("change", [lambda content: b"", lambda content: content[:20_000]])
def test_font_that_is_damaged(tmp_path, fonts, change):
    path = fonts("Broken Font", change)
    with pytest.raises(ValueError) as caught:
        save_title("Broken Font", tmp_path)
    assert str(caught.value) == f"{str(path)!r} is a damaged font: replace or remove it"
    assert not [*tmp_path.glob("*.png")]
    fonts("Broken Font")
    assert read_frame(save_title("Broken Font", tmp_path)).shape == (150, 200, 3)


def test_clock_that_jumps(tmp_path, monkeypatch):
    ticks = iter(range(10**6, 0, -1000))
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(ticks)))
    expected = write_movie(PICTURES, tmp_path / "a.mp4").read_bytes()
    monkeypatch.undo()
    assert write_movie(PICTURES, tmp_path / "b.mp4").read_bytes() == expected
    # Bytes of the box mvhd: version and flags, the time of creation, that of modification.
    assert expected.partition(b"mvhd")[2][4:12] == bytes(8), "there is a date in the movie"
    assert not re.search(rb"Lavf\d", expected), "there is a version of ffmpeg in the movie"
