"""Movies, decoded again: their frames, rate, size, hold and colours."""

import imageio_ffmpeg
import numpy as np
import psutil
import pytest
from PIL import Image

from animated.video.frames import Frames, read_frame
from animated.video.movie import find_ffmpeg, write_gif, write_movie, write_poster

COLORS = [(255, 0, 0), (0, 200, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]


def decode(path):
    reader = imageio_ffmpeg.read_frames(str(path))
    metadata = next(reader)
    width, height = metadata["size"]
    frames = [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]
    return metadata, np.array(frames).astype(np.int16)  # differences must not wrap around


def read_gif(path):
    with Image.open(path) as gif:
        frames = []
        for number in range(gif.n_frames):
            gif.seek(number)
            frames.append(np.asarray(gif.convert("RGB")).astype(int))
        return frames


@pytest.fixture
def frames(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(len(COLORS))]
    for path, color in zip(paths, COLORS, strict=True):
        Image.new("RGB", (64, 48), color).save(path)
    return paths


@pytest.fixture
def noise(tmp_path):
    paths = [tmp_path / f"noise-{i}.png" for i in range(12)]
    rng = np.random.default_rng(0)
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)).save(path)
    return paths


@pytest.mark.parametrize(("fps", "hold", "n_held"), [(30, 2.0, 60), (10, 0.5, 5), (24, 0, 0)])
def test_movie(frames, tmp_path, fps, hold, n_held):
    path = write_movie(frames, tmp_path / "a.mp4", fps=fps, hold=hold)
    metadata, decoded = decode(path)
    assert metadata["codec"] == "h264"
    assert metadata["pix_fmt"].startswith("yuv420p(tv, bt709")
    assert metadata["fps"] == fps and metadata["size"] == (64, 48)
    assert len(decoded) == 5 + n_held
    for frame, color in zip(decoded, COLORS + [COLORS[-1]] * n_held, strict=True):
        assert np.abs(frame - color).max() < 12
    # Faststart: what a player needs to know comes before the pictures.
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_odd_sizes_are_made_even(tmp_path):
    path = tmp_path / "odd.png"
    Image.new("RGB", (33, 21), (255, 255, 255)).save(path)
    metadata, decoded = decode(write_movie([path] * 3, tmp_path / "a.mp4", hold=0))
    assert metadata["size"] == (34, 22)
    assert decoded[:, :20, :32].min() > 240 and decoded[:, :, 33].max() < 60


def test_too_large_movie_is_made_smaller(noise, tmp_path):
    full = write_movie(noise, tmp_path / "full.mp4", hold=0).stat().st_size
    small = write_movie(noise, tmp_path / "small.mp4", hold=0, max_bytes=full // 2)
    assert small.stat().st_size <= full // 2
    assert len(decode(small)[1]) == 12


def test_quality(noise, tmp_path):
    sizes = [
        write_movie(noise, tmp_path / "a.mp4", crf=crf, hold=0).stat().st_size
        for crf in (18, 20.5, 30)
    ]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 1.5 * sizes[2]


def test_gif(frames, tmp_path):
    path = write_gif(frames, tmp_path / "a.gif", width=32, fps=10, hold=1.5)
    with Image.open(path) as gif:
        assert gif.size == (32, 24) and gif.n_frames == 5
        assert gif.info["loop"] == 0
        for position, color in enumerate(COLORS):
            gif.seek(position)
            assert gif.info["duration"] == (1500 if position == 4 else 100)
            assert np.abs(np.asarray(gif.convert("RGB")).astype(int) - color).max() < 12


def test_too_large_gif_shows_fewer_frames(noise, tmp_path):
    full = write_gif(noise, tmp_path / "full.gif", width=128, hold=1)
    path = write_gif(
        noise, tmp_path / "small.gif", width=128, hold=1, max_bytes=full.stat().st_size * 0.6
    )
    assert path.stat().st_size <= full.stat().st_size * 0.6
    with Image.open(full) as all_frames, Image.open(path) as gif:
        assert all_frames.n_frames == 12 and 2 <= gif.n_frames < 8


@pytest.mark.parametrize("n_frames", [2, 5, 9, 12])
def test_first_and_last_frame_are_always_shown(n_frames, tmp_path):
    """A GIF that is never small enough ends at the largest step between frames."""
    pictures = [np.full((48, 64, 3), 20 * number, dtype=np.uint8) for number in range(n_frames)]
    shown = read_gif(write_gif(pictures, tmp_path / "a.gif", width=64, max_bytes=0))
    assert len(shown) == 2
    assert np.abs(shown[0] - pictures[0]).max() < 12 and np.abs(shown[1] - pictures[-1]).max() < 12


def test_frames_of_a_smaller_gif_are_counted_from_the_last(noise, tmp_path):
    """Of twelve every third, from 11 downward, and the first."""
    sizes = {}
    for step in (2, 3):
        chosen = [noise[number] for number in sorted({0, *range(11, -1, -step)})]
        sizes[step] = write_gif(chosen, tmp_path / f"{step}.gif", width=64, fps=30 / step, hold=1)
    limit = sizes[3].stat().st_size
    assert limit < sizes[2].stat().st_size
    path = write_gif(noise, tmp_path / "a.gif", width=64, hold=1, max_bytes=limit)
    assert path.read_bytes() == sizes[3].read_bytes()


def test_poster(frames, tmp_path):
    with Image.open(write_poster(frames, tmp_path / "poster.png")) as poster:
        assert poster.size == (64, 48) and poster.getpixel((0, 0)) == COLORS[-1]


def test_same_frames_same_bytes(noise, tmp_path):
    for write, name, options in ((write_movie, "a.mp4", {}), (write_gif, "a.gif", {"width": 96})):
        first = write(noise, tmp_path / name, **options).read_bytes()
        (tmp_path / name).unlink()
        assert write(noise, tmp_path / name, **options).read_bytes() == first


def test_interrupt_leaves_the_old_movie(frames, tmp_path):
    path = write_movie(frames, tmp_path / "a.mp4")
    content = path.read_bytes()

    def plot_frame(epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        return [Image.new("RGB", (64, 48), COLORS[epoch])]

    with pytest.raises(KeyboardInterrupt):
        write_movie(Frames(plot_frame, range(5), None, n_jobs=1), path)
    assert path.read_bytes() == content
    assert not list(tmp_path.glob(".*"))


def test_ffmpeg_that_dies_is_noticed_at_once(frames, tmp_path):
    path = write_movie(frames, tmp_path / "a.mp4")
    content, shown, killed = path.read_bytes(), [], []

    def plot_frame(epoch):
        shown.append(epoch)
        # Many frames may have been drawn before ffmpeg is started for the first of them.
        if not killed:
            for child in psutil.Process().children():
                if "ffmpeg" in child.name():
                    killed.append(child.kill())
        return [Image.new("RGB", (640, 480), COLORS[epoch % 5])]

    with pytest.raises(RuntimeError, match="ffmpeg failed: signal 9 ended it"):
        write_movie(Frames(plot_frame, range(2_000), tmp_path, n_jobs=2), path)
    assert killed and len(shown) < 150, "frames were drawn for nobody"
    assert path.read_bytes() == content
    assert not list(tmp_path.glob(".*"))


def test_frames_may_be_arrays(frames, tmp_path):
    arrays = [np.full((48, 64, 3), color, dtype=np.uint8) for color in COLORS]
    of_arrays = write_movie(arrays, tmp_path / "a.mp4").read_bytes()
    assert of_arrays == write_movie(frames, tmp_path / "b.mp4").read_bytes()


def test_first_drawn_then_read(frames, tmp_path):
    drawn = Frames(lambda epoch: [Image.open(frames[epoch])], range(5), tmp_path)
    movie_bytes = write_movie(drawn, tmp_path / "a.mp4").read_bytes()
    assert [read_frame(path).tolist() for path in drawn.paths] == [
        read_frame(path).tolist() for path in frames
    ]
    assert write_movie(drawn, tmp_path / "b.mp4").read_bytes() == movie_bytes
    gif = write_gif(drawn, tmp_path / "a.gif", width=32).read_bytes()
    assert gif == write_gif(frames, tmp_path / "b.gif", width=32).read_bytes()


def test_ffmpeg_is_that_of_the_wheel_or_the_one_named(monkeypatch):
    monkeypatch.delenv("FFMPEG", raising=False)
    assert find_ffmpeg() == imageio_ffmpeg.get_ffmpeg_exe()
    monkeypatch.setenv("FFMPEG", "/bin/sh")
    assert find_ffmpeg() == "/bin/sh"
    monkeypatch.setenv("FFMPEG", "no-such-program")
    with pytest.raises(FileNotFoundError, match="got 'no-such-program': unset it"):
        find_ffmpeg()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"frames": []}, ValueError, "at least one picture, got none"),
        ({"frames": ["no.png"]}, FileNotFoundError, "no frame 'no.png'"),
        ({"output_path": "a.avi"}, ValueError, "must end in .mp4, got 'a.avi'"),
        ({"output_path": "no/a.mp4"}, FileNotFoundError, "folder of 'no/a.mp4' does not exist"),
        ({"fps": 0}, ValueError, "fps must be a number from 1 to 240, got 0"),
        ({"hold": -1}, ValueError, "hold must be a number from 0 to 60, got -1"),
        ({"crf": 99}, ValueError, "crf must be a number from 0 to 51, got 99"),
        ({"crf": "good"}, ValueError, "got 'good'"),
    ],
)
def test_bad_input(frames, tmp_path, monkeypatch, change, error, message):
    monkeypatch.chdir(tmp_path)
    arguments = {"frames": frames, "output_path": "a.mp4"} | change
    with pytest.raises(error, match=message):
        write_movie(**arguments)
    assert not list(tmp_path.glob("*.mp4"))


def test_frames_of_different_sizes(frames, tmp_path):
    Image.new("RGB", (10, 10)).save(frames[2])
    with pytest.raises(ValueError, match="all be 64 x 48 pixels, got 10 x 10 at 2"):
        write_movie(frames, tmp_path / "a.mp4")
