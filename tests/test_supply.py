"""What is installed and run: by hashes only, under known licences, and nothing by its name or data.

What the Makefile does is tried in a folder of its own, on stand-ins for what takes long.
"""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import constraints
import licences
import nbformat
import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from animated.storage.paths import name_data
from animated.video.movie import find_ffmpeg

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
# Names that a shell, make, a format or a parser could take for something else.
NAMES = [
    "my flowers.csv",
    'it\'s "mine".csv',
    "$(touch touched).csv",
    "$(shell touch touched).csv",
    "`touch touched`.csv",
    "a; touch touched; $HOME ${PATH} $$ $@ $.csv",
    "100 % #1, {x} {0} \\n & > touched.csv",
    "two\nlines\ttouch touched.csv",
    "花の表 ñandú Ωμέγα.csv",
    "-n",
]


def parse(text: str) -> dict[str, Requirement]:
    return {
        canonicalize_name(line.partition("=")[0]): Requirement(line.removesuffix("\\"))
        for line in text.splitlines()
        if line[:1].isalnum()
    }


def split_parts() -> dict[str, dict[str, Requirement]]:
    texts = re.split(r"^# (\w+): .*\n", CONSTRAINTS, flags=re.M)
    return {name: parse(text) for name, text in zip(texts[1::2], texts[2::2], strict=True)}


# --- constraints.txt ------------------------------------------------------------------------------


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


def test_a_changed_file_is_refused(folder):
    """One character of its hash is changed, and `make` ends with what pip says of that."""
    digest = hashlib.sha256(make_wheel(folder).read_bytes()).hexdigest()
    (folder / "constraints.txt").unlink()

    def install(digest):
        (folder / "constraints.txt").write_text(
            f"# pacmap: what is tiny\ntiny==1.0 \\\n    --hash=sha256:{digest}\n"
        )
        (folder / ".venv/installed").touch()
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ".", "PIP_TARGET": "site"}
        return make(folder, ".venv/compared", **offline)

    done = install(digest[:-1] + ("1" if digest[-1] == "0" else "0"))
    assert done.returncode != 0 and "DO NOT MATCH THE HASHES" in done.stderr
    assert not (folder / ".venv/compared").exists() and not (folder / "site/tiny.py").exists()
    done = install(digest)
    assert done.returncode == 0 and "Installing what is tiny" in done.stdout, done.stderr
    assert (folder / ".venv/compared").exists() and (folder / "site/tiny.py").exists()


# --- Names that are given to make -----------------------------------------------------------------


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = ["make", "--no-print-directory", *arguments]
    environment = os.environ | environment
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path):
    """A folder with the Makefile, our modules, and a Python that is there already."""
    bin_ = tmp_path / ".venv/bin"
    bin_.mkdir(parents=True)
    for name in ("Makefile", "animated"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("pyproject.toml", "constraints.txt", ".venv/installed"):
        (tmp_path / name).touch()
    write_program(bin_ / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    return tmp_path


@pytest.fixture
def tell(folder):
    """Return what papermill is asked by `make movie`: a list of words for each of its runs."""
    write_program(
        folder / ".venv/bin/papermill",
        f"#!{sys.executable}\n"
        "import json, sys\n"
        "with open('asked', 'a') as file:\n"
        "    print(json.dumps(sys.argv[1:]), file=file)\n",
    )

    def tell(*arguments, **environment):
        (folder / "asked").unlink(missing_ok=True)
        (folder / "movies").mkdir(exist_ok=True)
        for argument in ("DATA=umap.csv", *arguments):
            if argument.startswith("DATA="):
                name = name_data(argument[5:]) if argument != "DATA=umap.csv" else "umap"
                (folder / f"movies/{name}.mp4").write_bytes(b"x" * 3_000)
        tell.done = make(folder, "movie", *arguments, **environment)
        assert not (folder / "touched").exists()
        if not (folder / "asked").exists():
            return []
        return [json.loads(line) for line in (folder / "asked").read_text().splitlines()]

    return tell


def get_values(words: list[str], option: str) -> dict[str, str]:
    places = [i for i, word in enumerate(words) if word == option]
    return {words[i + 1]: words[i + 2] for i in places}


@pytest.mark.parametrize("name", NAMES)
def test_names_reach_the_notebooks_as_they_are(tell, name):
    prepare, visualize = tell(f"DATA={name}", f"LABEL={name}", "ROWS=100")
    assert get_values(prepare, "--parameters_raw") == {"data": name, "label": name}
    assert get_values(prepare, "--parameters") == {"num_rows": "100"}
    assert get_values(visualize, "--parameters_raw") == {"name": name_data(name)}
    assert tell.done.returncode == 0
    assert f"movies/{name_data(name)}.mp4 is ready: 3 kB" in tell.done.stdout


def test_only_what_the_command_line_says_counts(tell):
    others = {"DATA": "$(shell touch touched)", "LABEL": "x", "ROWS": "7"}
    prepare, _ = tell("DATA=penguins", **others)
    assert get_values(prepare, "--parameters_raw") == {"data": "penguins"}
    assert get_values(prepare, "--parameters") == {"num_rows": "0"}
    prepare, _ = tell("DATA=penguins", "LABEL=", **others)
    assert get_values(prepare, "--parameters_raw") == {"data": "penguins", "label": ""}
    runs = tell(**others)
    assert len(runs) == 2 and not any("--parameters" in word for run in runs for word in run)
    assert "movies/umap.mp4 is ready: 3 kB" in tell.done.stdout


@pytest.mark.parametrize("rows", ["ten", "-1", "1.5", "", "1 2", "1\n2", "$(shell touch touched)"])
def test_rows_are_a_whole_number(tell, rows):
    assert tell("DATA=penguins", f"ROWS={rows}") == []
    assert tell.done.returncode != 0
    assert f'ROWS must be a whole number, 0 for all rows, got "{rows}"' in tell.done.stderr


def test_names_reach_a_kernel_as_they_are(folder):
    """The whole way, papermill and the notebooks' own kernel included."""
    write = "import json\nprint(json.dumps(VALUES), file=open('seen', 'a'))"
    values = {"prepare": ("data", "label", "num_rows"), "visualize": ("name", "max_megabytes")}
    for path, names in values.items():
        parameters = nbformat.v4.new_code_cell("\n".join(f"{name} = None" for name in names))
        parameters.metadata.tags = ["parameters"]
        cell = nbformat.v4.new_code_cell(write.replace("VALUES", f"[{', '.join(names)}]"))
        notebook = nbformat.v4.new_notebook(cells=[parameters, cell])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python"}
        notebook.metadata.language_info = {"name": "python"}
        nbformat.write(notebook, folder / f"{path}.ipynb")
    write_program(
        folder / ".venv/bin/papermill", f'#!/bin/sh\n"{sys.executable}" -m papermill "$@"\n'
    )
    name = "".join(NAMES)
    (folder / "movies").mkdir()
    (folder / f"movies/{name_data(name)}.mp4").touch()
    done = make(folder, "movie", f"DATA={name}", f"LABEL={name}", "ROWS=9")
    assert done.returncode == 0, done.stderr
    seen = [json.loads(line) for line in (folder / "seen").read_text().splitlines()]
    assert seen == [[name, name, 9], [name_data(name), 6]]
    assert not (folder / "touched").exists()


# --- make clean -----------------------------------------------------------------------------------


def test_clean_removes_interrupted_runs_and_nothing_else(tmp_path):
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files"], cwd=ROOT, capture_output=True, text=True
    )
    kept = {*listed.stdout.splitlines(), "data/mine.npz", "data/mine.arrow", "data/.mine"}
    kept |= {"data/my flowers-rows.parquet", "movies/my flowers.mp4", "my.lock"}
    removed = {
        *("data/cache/a.parquet", "frames/combined-000000.png", ".venv/installed"),
        *("data/epochs.arrow", "data/my flowers-epochs.arrow"),
        *("data/epochs.state.npz", "data/my flowers-epochs.start.npz"),
        *("data/.epochs.parquet.lock", "frames/.combined.lock", "images/.a b.gif.lock"),
        *("data/.epochs-12-3.partial.parquet", "frames/.combined-000001-12-3.partial.png"),
        *("movies/.my 'film-12-3.partial.mp4", "animated/__pycache__/frames.pyc"),
    }
    assert not kept & removed and "movies/umap.mp4" in kept
    for name in kept | removed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Makefile").write_text(MAKEFILE)
    done = make(tmp_path, "clean")
    assert done.returncode == 0, done.stderr
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == kept


# --- Licences -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packages():
    return licences.find_packages()


def test_licences_are_known_and_allowed(packages):
    assert len(packages) > 140
    others = {
        package.name: licence
        for package in packages
        if not licences.split(licence := licences.find_licence(package)) <= licences.ALLOWED
    }
    assert others == {}


def test_what_wheels_bring_along_is_known(packages):
    """Libraries of a copyleft licence are few, and only one package brings a program."""
    copyleft = re.compile(r"(ffmpeg|x26[45]|lib(gcc|gfortran|gomp|quadmath|av(codec|format|util)))")
    for package in packages:
        files = {Path(file.name).name for file in package.files or [] if ".libs" in str(file)}
        found = {name for name in files if copyleft.match(name)}
        assert all(name.startswith(tuple(licences.BUNDLED)) for name in found), package.name
    bringing = [package.name for package in packages if "ffmpeg-" in licences.find_bundled(package)]
    assert bringing == ["imageio-ffmpeg"]


def test_ffmpeg_says_that_it_is_under_the_gpl(monkeypatch):
    monkeypatch.delenv("FFMPEG", raising=False)
    told = subprocess.run([find_ffmpeg(), "-L"], capture_output=True, text=True).stdout
    assert "GNU General Public License" in told and "version 3" in told
    assert licences.BUNDLED["ffmpeg-"][0] == "GPL-3.0-or-later"


class Package(Distribution):
    """A package that says of itself no more than its metadata."""

    def __init__(self, *lines):
        self.lines = ["Metadata-Version: 2.4", "Name: one", "Version: 1", *lines]

    def read_text(self, filename):
        return "\n".join(self.lines) if filename == "METADATA" else None

    def locate_file(self, path):
        raise NotImplementedError


OPEN = "Classifier: License :: OSI Approved"


@pytest.mark.parametrize(
    ("lines", "licence", "is_allowed"),
    [
        (["License-Expression: MIT AND BSD-3-Clause"], "MIT AND BSD-3-Clause", True),
        (["License-Expression: GPL-3.0-only", f"{OPEN} :: MIT License"], "GPL-3.0-only", False),
        (["License: BSD 3-Clause License", f"{OPEN} :: BSD License"], "BSD-3-Clause", True),
        (["License: Do what you like", f"{OPEN} :: MIT License"], "MIT", True),
        (["License: BSD", f"{OPEN} :: GNU Affero License"], "GNU Affero License", False),
        (["License: Do what you like", OPEN], "Do what you like", False),
        ([], "none", False),
    ],
)
def test_what_a_package_says_of_its_licence(lines, licence, is_allowed):
    assert licences.find_licence(Package(*lines)) == licence
    assert (licences.split(licence) <= licences.ALLOWED) == is_allowed


def test_licences_are_counted():
    packages = [Package("License-Expression: MIT")] * 2
    packages += [Package(f"License-Expression: {one}") for one in ("BSD-2-Clause", "MIT AND ISC")]
    said = "4 packages: 2 MIT, 1 BSD, and 1 under several licences."
    assert licences.count(packages) == said


@pytest.mark.skipif(
    (sys.platform, sys.version_info[:2]) != ("linux", (3, 11)),
    reason="elsewhere a few other packages are installed, so their number is another",
)
def test_readme_counts_as_the_script_does(packages):
    said = re.findall(r"^\d+ packages: .*", (ROOT / "README.md").read_text(), re.M)
    assert said in ([], [licences.count(packages)])


# --- Nothing is run that came as data -------------------------------------------------------------

SOURCES = [ROOT / "util.py", *sorted((ROOT / "animated").rglob("*.py"))]
# What can run what it reads.
MODULES = {"code", "dill", "marshal", "pickle", "shelve", "torch", "yaml"}
FUNCTIONS = {
    *("eval", "exec", "__import__", "os.system", "os.popen"),
    *("cloudpickle.load", "cloudpickle.loads", "joblib.load", "pd.read_pickle"),
}
# What lets a shell read the arguments of a call, and NumPy load Python objects.
TRUSTING = {"shell", "allow_pickle"}


def find_unsafe(source: str) -> list[str]:
    """Return the calls and imports in a module that can run what they are given."""
    tree = ast.parse(source)
    return sorted(ast.unparse(node) for node in ast.walk(tree) if is_unsafe(node))


def is_unsafe(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(one.name.partition(".")[0] in MODULES for one in names)
        case ast.ImportFrom(module=module, names=names):
            functions = {f"{module}.{one.name}" for one in names}
            return module in MODULES or bool(functions & FUNCTIONS)
        case ast.Call(func=function, keywords=words):
            return ast.unparse(function) in FUNCTIONS or any(map(is_trusting, words))
    return False


def is_trusting(word: ast.keyword) -> bool:
    return word.arg in TRUSTING and ast.unparse(word.value) != "False"


@pytest.mark.parametrize(
    "source",
    [
        *(
            "import pickle",
            "from joblib import load",
            "import marshal as m",
            "from pickle import *",
            "from os import system",
        ),
        *("cloudpickle.loads(x)", "joblib.load(x)", "eval(x)", "exec(x)", "os.system(x)"),
        *("np.load(x, allow_pickle=True)", "np.load(x, allow_pickle=y)", "__import__(x)"),
        *("subprocess.run(x, shell=True)", "run(x, shell=1)", "f(x).g(shell=True)", "os.popen(x)"),
    ],
)
def test_what_can_run_data_is_found(source):
    assert find_unsafe(source) == [source]


@pytest.mark.parametrize(
    "source",
    [
        *("np.load(x, allow_pickle=False)", "json.load(x)", "model.eval", "re.compile(x)"),
        *("subprocess.run(['a', x])", "from joblib import Parallel", "cloudpickle.dumps(x)"),
    ],
)
def test_what_only_reads_data_is_not(source):
    assert find_unsafe(source) == []


def test_no_data_is_run():
    found = {path.name: find_unsafe(path.read_text()) for path in SOURCES}
    found = {name: lines for name, lines in found.items() if lines}
    # What this process has packed itself, for the processes that draw its frames.
    assert found == {"frames.py": ["cloudpickle.loads(zlib_ng.decompress(pickled))"]}


def test_no_text_becomes_markup_or_code_in_the_page():
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    found = [
        line.strip()
        for path in sorted((ROOT / "animated/explorer/static").glob("*.js"))
        for line in path.read_text().splitlines()
        if re.search(words, line)
    ]
    # The widget's own style sheet and markup, which are files of this repository.
    own = '`<style>${model.get("style_sheet")}</style>${model.get("template")}`'
    assert found == [f"shadow.innerHTML = {own};"]
