"""numba works where it could not cache, or could not read its cache, and nothing else changes."""

import ast
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults import run_powerless, run_read_only
from plotnine import aes, geom_point, ggplot, theme

from animated.video.frames import Frames
from animated.video.movie import write_movie

ROOT = Path(__file__).parent.parent.parent
# As in umap-learn: code that is compiled on import, and code that is compiled when it is called.
SOURCE = """
    import numba

    @numba.njit("i8(i8)", cache=True)
    def double(x):
        return 2 * x

    @numba.njit(cache=True)
    def halve(x):
        return x // 2

    @numba.njit(cache=True)
    def forget(x):
        return 0
"""
CALL = """
    import os, stat, sys
    from importlib import import_module
    from pathlib import Path

    import animated.storage.numba_cache

    sys.path[:0] = sys.argv[1], f"{sys.argv[1]}/storage"
    for name in sys.argv[2:]:
        module = import_module(name)
        print(module.double(21), module.halve(42))
    cache = os.environ.get("NUMBA_CACHE_DIR", "")
    print(cache, oct(stat.S_IMODE(Path(cache).stat().st_mode)) if cache else "")
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "module.py").write_text(textwrap.dedent(SOURCE))
    return folder


@pytest.fixture
def environment(tmp_path):
    """Return variables for a user with an empty home, who asks numba for nothing."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("XDG_") and name != "NUMBA_CACHE_DIR"
    }
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    return variables | {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}


def list_caches(folder):
    return sorted(path.name.split("-")[0] for path in folder.rglob("*.nbc"))


def call(folder, environment, *names, **options):
    done = run_powerless(CALL, folder, *names, env=environment, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


CALLED = ["module.double", "module.halve"]


def test_usual_machine_is_left_alone(folder, environment, tmp_path):
    assert call(folder, environment, "module") == ["42 21", " "]
    assert list_caches(folder / "__pycache__") == CALLED
    assert not [*(tmp_path / "temporary").iterdir()]


def test_read_only_folder(folder, environment, tmp_path):
    folder.chmod(0o555)
    assert call(folder, environment, "module") == ["42 21", " "]
    assert list_caches(tmp_path / "home") == CALLED


def test_nowhere_to_write_to(folder, environment, tmp_path):
    folder.chmod(0o555)
    environment["HOME"] = "/dev/null/none"
    numbers, place = call(folder, environment, "module")
    cache, mode = place.split()
    assert numbers == "42 21" and mode == "0o700"
    assert Path(cache).parent == tmp_path / "temporary"
    assert not Path(cache).exists(), "it stays behind"


def test_user_without_a_home(folder, environment, tmp_path):
    """Whose paths begin with ~, which numba would create in the current folder."""
    folder.chmod(0o555)
    environment["XDG_CACHE_HOME"] = "~/.cache"
    numbers, place = call(folder, environment, "module", cwd=tmp_path)
    assert numbers == "42 21" and place.startswith(str(tmp_path / "temporary"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "modules", "temporary"]


# What a power failure, or a fault of the disk, makes of a file.
DAMAGES = {
    "nothing": lambda content: b"",
    "cut": lambda content: content[:512],
    "cut_early": lambda content: content[:20],
    "cut_late": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "noise": lambda content: np.random.default_rng(0).bytes(len(content)),
}


@pytest.mark.parametrize("ending", ["nbi", pytest.param("nbc", marks=pytest.mark.slow)])
def test_what_cannot_be_read_is_compiled_again(folder, environment, ending):
    for name in DAMAGES:
        (folder / f"{name}.py").write_text(textwrap.dedent(SOURCE))
    expected = ["42 21"] * len(DAMAGES) + [" "]
    assert call(folder, environment, *DAMAGES) == expected
    caches = folder / "__pycache__"
    for name, damage in DAMAGES.items():
        paths = [*caches.glob(f"{name}.*.{ending}")]
        assert len(paths) == 2
        for path in paths:
            path.write_bytes(damage(path.read_bytes()))
        # Of a function that nobody calls: numba never fails to read it.
        halve = next(caches.glob(f"{name}.halve-8.*.nbi"))
        halve.with_name(halve.name.replace("halve-8", "forget-12")).write_bytes(b"damaged")
    damaged = {path: path.read_bytes() for path in caches.glob(f"*.{ending}")}
    assert call(folder, environment, *DAMAGES) == expected
    for path, content in damaged.items():
        assert (path.read_bytes() == content) == ("forget" in path.name), path.name
    whole = {path: path.read_bytes() for path in caches.iterdir()}
    assert call(folder, environment, *DAMAGES) == expected
    assert {path: path.read_bytes() for path in caches.iterdir()} == whole, "compiled once more"


@pytest.mark.slow
def test_without_us_numba_fails(folder, environment):
    """Or else this module has no reason to be."""
    assert call(folder, environment, "module")[0] == "42 21"
    for path in folder.rglob("*.nbi"):
        path.write_bytes(b"")
    code = CALL.replace("import animated.storage.numba_cache", "")
    assert "EOFError" in run_powerless(code, folder, "module", env=environment).stderr
    shutil.rmtree(folder / "__pycache__")
    folder.chmod(0o555)
    environment["HOME"] = "/dev/null/none"
    done = run_powerless(code, folder, "module", env=environment)
    assert "cannot cache function 'double'" in done.stderr


BARE = """
    import os, sys
    from pathlib import Path
    sys.path[:0] = sys.argv[1], f"{sys.argv[1]}/storage"
    from test_numba_cache import list_caches, save_points

    save_points(sys.argv[2])
    print(*list_caches(Path(os.environ["NUMBA_CACHE_DIR"])))
"""


def save_points(folder):
    """Make frames and a movie of points."""

    def plot_frame(epoch):
        data = pd.DataFrame({"x": [epoch, 0, 3], "y": [0, 1, 1]})
        return [ggplot(data, aes("x", "y")) + geom_point() + theme(figure_size=(1, 1))]

    write_movie(Frames(plot_frame, range(2), folder, n_jobs=1), f"{folder}/a.mp4")


@pytest.mark.slow
def test_bare_machine(environment, tmp_path):
    """No home, no place for settings, none for what numba compiles: the files are the same."""
    bare = environment | {"HOME": "/dev/null/none", "MPLCONFIGDIR": "/dev/null/none"}
    read_only = [ROOT / "animated", Path(np.__file__).parent.parent]
    (tmp_path / "bare").mkdir()
    done = run_read_only(BARE, read_only, ROOT / "tests", tmp_path / "bare", env=bare)
    assert done.returncode == 0, done.stderr
    assert {"raster.draw_points", "raster.to_yuv"} <= {*done.stdout.split()}
    (tmp_path / "usual").mkdir()
    save_points(tmp_path / "usual")
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("bare", "usual")
    ]
    assert files[0] == files[1] and len(files[0]) == 3


def test_importing_the_package_writes_and_removes_nothing():
    code = """
import sys

WRITING = ("os.remove", "os.rmdir", "os.mkdir", "os.rename", "os.chmod", "tempfile", "shutil")

def audit(event, arguments):
    if event.startswith(WRITING) or event == "open" and "w" in str(arguments[1]):
        events.append((event, arguments))

events = []
sys.dont_write_bytecode = True
sys.addaudithook(audit)
import animated
print(events, "numba" in sys.modules)
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[] False\n"


COMPILING = ("numba", "umap", "pynndescent", "pacmap")


def list_imports(path):
    """Yield the line and the module of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def test_every_module_prepares_the_cache_first():
    """Before it imports a library that compiles on import, and whenever it imports numba."""
    paths = [*(ROOT / "animated").rglob("*.py")]
    assert len(paths) > 50
    for path in paths:
        for line, module in sorted(list_imports(path)):
            if module == "animated.storage.numba_cache" or path.name == "numba_cache.py":
                break
            assert module.partition(".")[0] not in COMPILING, f"{path}:{line} is too early"
