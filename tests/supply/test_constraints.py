"""What is installed: by version and hash only, and nothing that is needed is missing."""

import hashlib
import re
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import constraints
import pytest
from conftest import ROOT
from makefile import make
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow
CONSTRAINTS = (ROOT / "constraints.txt").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PARTS = ["build", "run", "pacmap", "test"]
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "arm": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    "windows": {
        **{"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
        "os_name": "nt",
    },
}


def parse(text: str) -> dict[str, Requirement]:
    return {
        canonicalize_name(line.partition("=")[0]): Requirement(line.removesuffix("\\"))
        for line in text.splitlines()
        if line[:1].isalnum()
    }


def split_parts() -> dict[str, dict[str, Requirement]]:
    texts = re.split(r"^# (\w+): .*\n", CONSTRAINTS, flags=re.M)
    return {name: parse(text) for name, text in zip(texts[1::2], texts[2::2], strict=True)}


def test_every_package_has_one_version_and_hashes():
    lines = CONSTRAINTS.splitlines()
    kind = re.compile(r"(#.*|)|[a-z\d.-]+==[\w.]+( ; .*)? \\|    --hash=sha256:[\da-f]{64}( \\)?")
    assert [line for line in lines if not kind.fullmatch(line)] == []
    assert "//" not in CONSTRAINTS
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert line.endswith("\\") == following.startswith("    --hash="), line
    names = re.findall(r"^([\w.-]+)==", CONSTRAINTS, re.M)
    assert len(names) == len(set(names)) > 150


def test_its_parts_are_those_of_the_makefile():
    assert list(split_parts()) == PARTS
    assert re.findall(r"call install,(\w+)", MAKEFILE) == PARTS


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_that_is_needed_is_missing(system, python):
    """All that the project and its packages ask for is in the part that asks, or in one before."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = about["project"]
    extras = project["optional-dependencies"]
    version = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    environment = {"os_name": "posix"} | SYSTEMS[system] | version
    asked = {
        "build": about["build-system"]["requires"],
        "run": project["dependencies"],
        "pacmap": extras["pacmap"],
        "test": extras["test"],
    }
    pins, seen = {}, set()
    for part, requirements in split_parts().items():
        pins |= {name: pin for name, pin in requirements.items() if applies(pin, environment)}
        todo = [Requirement(text) for text in asked[part]]
        while todo:
            wanted = todo.pop()
            name = canonicalize_name(wanted.name)
            assert name in pins, f"{wanted} is not in the part {part}"
            (pin,) = pins[name].specifier
            assert wanted.specifier.contains(pin.version, prereleases=True), wanted
            todo += find_needs(wanted, environment) if (name, *wanted.extras) not in seen else []
            seen.add((name, *wanted.extras))


def applies(requirement: Requirement, environment: dict, extra: str = "") -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate(environment | {"extra": extra})


def find_needs(wanted: Requirement, environment: dict) -> list[Requirement]:
    """Return what a package needs in turn; of one of another system that is not known here."""
    try:
        texts = distribution(wanted.name).requires or []
    except PackageNotFoundError:
        return []
    needs = [Requirement(text) for text in texts]
    extras = ["", *wanted.extras]
    return [need for need in needs if any(applies(need, environment, extra) for extra in extras)]


def test_pins_install_on_the_oldest_python():
    for name, pin in parse(CONSTRAINTS).items():
        try:
            python = distribution(name).metadata.get("Requires-Python")
        except PackageNotFoundError:
            continue  # Needed on another platform only.
        assert "3.11.0" in SpecifierSet(python or ""), f"{pin} needs Python {python}"


def test_source_is_listed_only_where_a_wheel_is_missing(tmp_path, monkeypatch):
    def lock(output, *options):
        files = "sdist.hashes.sha256 = 's'\nwheels = [{hashes = {sha256 = 'w'}}]\n"
        names = ("rjsmin", "toolz")
        output.write_text("".join(f"[[packages]]\nname = '{name}'\n{files}" for name in names))

    monkeypatch.setattr(constraints, "run_uv", lock)
    hashes = constraints.find_hashes(tmp_path / "pins.txt")
    assert hashes == {"rjsmin": ["s", "w"], "toolz": ["w"]}


def test_without_uv_nothing_is_written(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="uv must be installed, for example by `pipx"):
        constraints.main()
    assert (ROOT / "constraints.txt").read_text() == CONSTRAINTS


def test_nothing_is_installed_but_by_hashes():
    recipes = re.sub(r"\\\n\s*", "", MAKEFILE)
    commands = re.findall(r".*pip install.*", recipes)
    assert len(commands) == 2
    downloading, editable = commands
    assert {"--require-hashes", "--no-build-isolation"} <= set(downloading.split())
    assert {"--no-deps", "--no-build-isolation", "--editable"} <= set(editable.split())
    assert "pip install" not in (ROOT / ".ci/run").read_text()


def make_wheel(folder: Path) -> Path:
    path = folder / "tiny-1.0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tiny.py", "is_here = True\n")
        file.writestr("tiny-1.0.dist-info/METADATA", about)
        file.writestr("tiny-1.0.dist-info/WHEEL", wheel)
        file.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


def test_a_changed_file_is_refused(make_folder):
    """One character of its hash is changed, and `make` ends with what pip says of that."""
    digest = hashlib.sha256(make_wheel(make_folder).read_bytes()).hexdigest()
    (make_folder / "constraints.txt").unlink()

    def install(digest):
        (make_folder / "constraints.txt").write_text(
            f"# pacmap: what is tiny\ntiny==1.0 \\\n    --hash=sha256:{digest}\n"
        )
        (make_folder / ".venv/installed").touch()
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ".", "PIP_TARGET": "site"}
        return make(make_folder, ".venv/compared", **offline)

    done = install(digest[:-1] + ("1" if digest[-1] == "0" else "0"))
    assert done.returncode != 0 and "DO NOT MATCH THE HASHES" in done.stderr
    assert (
        not (make_folder / ".venv/compared").exists()
        and not (make_folder / "site/tiny.py").exists()
    )
    done = install(digest)
    assert done.returncode == 0 and "Installing what is tiny" in done.stdout, done.stderr
    assert (make_folder / ".venv/compared").exists() and (make_folder / "site/tiny.py").exists()
