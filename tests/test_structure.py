"""The house: imports run one way, a room loads only what it uses, and the face is lazy."""

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

import animated
from animated import methods

PACKAGE = ROOT / "animated"
NAME = "dimensionality_reduction_animated"
SHIPPED = {".py", ".js", ".css", ".html", ".json", ".typed"}
# A module may import those of its own room and of rooms before it, within a floor in this order.
FLOORS = (
    ("validation", "progress", "palette", "geometry", "storage"),
    ("datasets", "neighbors", "methods"),
    ("runs", "quality"),
    ("plots", "motion"),
    ("video", "explorer"),
    ("__init__",),
)
ROOMS = [room for floor in FLOORS for room in floor]
HEAVY = {"umap", "pynndescent", "openTSNE", "pacmap", "numba", "torch", "plotnine"}
# The rooms whose modules, when they are imported, leave these libraries alone.
LIGHT = {
    "motion": HEAVY,
    "runs": HEAVY,
    "explorer": HEAVY,
    "datasets": HEAVY,
    "storage": HEAVY,
    "video": HEAVY - {"plotnine"},
}


def find_modules() -> dict[str, Path]:
    """Return every module of the package by its name below `animated`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__") or "__init__"] = path
    return found


MODULES = find_modules()


def find_imports(path: Path) -> set[str]:
    """Return the modules of ours that a file imports anywhere, functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("animated"):
            module = node.module.partition(".")[2]
            names = {f"{module}.{one.name}".strip(".") for one in node.names}
            found |= {name if name in MODULES else module for name in names}
        elif isinstance(node, ast.Import):
            names = (one.name for one in node.names)
            found |= {name.partition(".")[2] for name in names if name.startswith("animated.")}
    return found - {""}


def test_few_entries():
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    assert len(entries) <= 16, sorted(entries)
    assert len(FLOORS) <= 6
    assert {name.partition(".")[0] for name in entries} == {*ROOMS, "py"}


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_one_way(name):
    room = name.partition(".")[0]
    for imported in find_imports(MODULES[name]):
        other = imported.partition(".")[0]
        assert ROOMS.index(other) <= ROOMS.index(room), f"{name} imports {imported}"


def test_modules_import_in_no_circle():
    """Those at the top of a file: what a function imports when it runs cannot lock a module out."""
    graph = {name: find_imports(path) for name, path in MODULES.items()}
    left = dict(graph)
    while free := [name for name, imports in left.items() if not imports & left.keys() - {name}]:
        for name in free:
            del left[name]
    assert left == {}


def list_loaded(*modules: str) -> dict[str, list[str]]:
    """Return which heavy libraries each module loads, imported after the ones before it."""
    code = (
        "import importlib, json, sys\n"
        "heavy, seen, found = set(sys.argv[1].split(',')), set(), {}\n"
        "for name in sys.argv[2:]:\n"
        "    importlib.import_module(name)\n"
        "    found[name] = sorted(heavy & set(sys.modules) - seen)\n"
        "    seen |= set(found[name])\n"
        "print(json.dumps(found))"
    )
    command = [sys.executable, "-c", code, ",".join(HEAVY), *modules]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_rooms_load_no_library_before_its_first_use():
    # plotnine is allowed in video alone, which therefore comes last.
    names = [name for room in LIGHT for name in MODULES if name.partition(".")[0] == room]
    names.remove("storage.numba_cache")  # which is what loads numba
    for name, loaded in list_loaded("animated", *(f"animated.{name}" for name in names)).items():
        room = name.removeprefix("animated").strip(".").partition(".")[0]
        assert not set(loaded) & LIGHT.get(room, HEAVY), f"{name} loads {loaded}"


def test_a_method_loads_its_own_library_only():
    assert list_loaded("animated.methods")["animated.methods"] == []
    code = (
        "import sys\nfrom animated.methods import pca\n"
        "print({'umap', 'openTSNE', 'pacmap'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("package", [animated, methods])
def test_the_face_is_complete(package):
    assert sorted(package.__all__) == dir(package)
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
        assert name in package.__doc__ or package is methods
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'x'"):
        _ = package.x


def test_no_module_is_shadowed_by_a_name_of_its_package():
    for name in MODULES:
        package, _, leaf = name.rpartition(".")
        if package in ("", "methods") and name != "__init__":
            face = animated if package == "" else methods
            assert leaf not in face.__all__, name


def test_the_wheel_installs_the_package_alone(tmp_path):
    """With the page's files and the mark of a typed package, and without a top-level util."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "util.py"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "animated")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "."]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = {Path(name) for name in file.namelist()}
    assert {name.parts[0].partition("-")[0] for name in names} == {"animated", NAME}
    ours = {path.relative_to(ROOT) for path in PACKAGE.rglob("*") if path.suffix in SHIPPED}
    assert {name for name in names if name.parts[0] == "animated"} == ours
