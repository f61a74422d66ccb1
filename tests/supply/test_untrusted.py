"""Nothing is run that came as data."""

import ast
import re

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow

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
    assert found == {"drawing.py": ["cloudpickle.loads(zlib_ng.decompress(pickled))"]}


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
