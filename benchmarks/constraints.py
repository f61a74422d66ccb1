"""Write constraints.txt: the version and the hashes of every package that is installed.

    python benchmarks/constraints.py [options of uv, such as --upgrade-package numpy or --upgrade]

Versions that are in the file already stay, unless an option says otherwise or pyproject.toml no
longer allows them. The lines are for every Python and system that the packages support, not only
for those of this machine: hashes of all wheels of a version, and a marker where a package is needed
on some systems only. Needs uv, which is no part of what is installed.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADER = """\
# What is installed, by version and hash: benchmarks/constraints.py writes this file.
# pip wants a hash for all or for none, so that nothing is installed that is not listed here:
#
#     pip install --require-hashes --requirement constraints.txt
#
# The Makefile installs one part after the other; a part begins with its name and ends at a blank
# line.
"""
PARTS = {
    "build": "what builds this project, and packages without a wheel for some system",
    "run": "what the notebooks need",
    "pacmap": "what PaCMAP needs besides",
    "test": "what the tests need besides",
}
OPTIONS = {
    "run": ["pyproject.toml"],
    "pacmap": ["pyproject.toml", "--extra=pacmap"],
    "test": ["pyproject.toml", "--all-extras"],
}
# For some systems these have no wheel: rjsmin for macOS and Windows, openTSNE for Linux on ARM. Of
# all others source is refused, as to build it could take anything.
BUILT = {"rjsmin", "opentsne"}
BUILD = """\
setuptools
numpy
cython ; sys_platform == "linux" and platform_machine == "aarch64"
"""
# plotnine asks for an old one in browsers, where none of this runs.
OVERRIDE = "statsmodels"


def run_uv(output: Path, *options: str | Path) -> None:
    """Let uv write to `output` which versions there are for all systems."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    subprocess.run([*command, "--output-file", output, *options], cwd=ROOT, check=True)


def resolve(output: Path, *options: str | Path) -> dict[str, str]:
    """Return for each package its line, "numpy==2.4.6", perhaps with a marker, by its name.

    output: where uv writes them; a version that is there already is preferred.
    """
    run_uv(output, "--no-header", "--no-annotate", *options)
    return {line.partition("=")[0]: line for line in output.read_text().splitlines()}


def find_hashes(pins: Path) -> dict[str, list[str]]:
    """Return the hashes of all files of each package that may be installed, by its name."""
    lock = pins.with_name("pylock.toml")
    run_uv(lock, "--no-deps", pins)
    hashes = {}
    for package in tomllib.loads(lock.read_text())["packages"]:
        source = [package["sdist"]] if package["name"] in BUILT else []
        files = [*source, *package["wheels"]]
        hashes[package["name"]] = sorted(file["hashes"]["sha256"] for file in files)
    return hashes


def resolve_parts(options: list[str], folder: Path) -> dict[str, list[str]]:
    """Return the packages of each part with their hashes, none of which is in a part before it."""
    build, override, pins = folder / "build.in", folder / "override.in", folder / "pins.txt"
    build.write_text(BUILD)
    override.write_text(OVERRIDE)
    shutil.copy(ROOT / "constraints.txt", pins)
    shared = ["--override", override]
    lines = resolve(pins, build, *OPTIONS["test"], *shared, *options)
    hashes = find_hashes(pins)
    shared += ["--constraints", pins]
    parts, seen = {}, set()
    for part in PARTS:
        names = resolve(folder / f"{part}.txt", *OPTIONS.get(part, [build]), *shared)
        parts[part] = [
            " \\\n    --hash=sha256:".join([line, *hashes[name]])
            for name, line in lines.items()
            if name in names.keys() - seen
        ]
        seen |= names.keys()
    return parts


def main(*options: str) -> None:
    """Write the file, and print how many packages each part has."""
    if not shutil.which("uv"):
        raise FileNotFoundError("uv must be installed, for example by `pipx install uv`")
    with tempfile.TemporaryDirectory() as folder:
        parts = resolve_parts(list(options), Path(folder))
    texts = ["\n".join([f"# {part}: {PARTS[part]}", *pins, ""]) for part, pins in parts.items()]
    (ROOT / "constraints.txt").write_text("\n".join([HEADER, *texts]))
    for part, pins in parts.items():
        print(f"{part}: {len(pins)} packages")


if __name__ == "__main__":
    main(*sys.argv[1:])
