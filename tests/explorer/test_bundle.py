"""Modules of JavaScript become one script."""

import re
from pathlib import Path

import pytest
from conftest import ROOT

from animated.explorer.bundle import bundle
from animated.explorer.export import FOLDER


def write_modules(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder / "start.js"


def test_bundle_puts_modules_in_order(tmp_path):
    start = write_modules(
        tmp_path,
        start='import { b } from "./b.js";\nimport {\n  a,\n} from "./a.js";\nexport default b;\n',
        a="// The first.\nexport const a = 1;\n",
        b='import { a } from "./a.js";\n\nexport async function b() {\n  const a = 2;\n}\n',
    )
    parts = ["const a=1;", "async function b(){const a=2;}", "export default b;"]
    assert bundle(start).replace("\n", "") == "".join(parts)


@pytest.mark.parametrize(
    "twice",
    [
        "export function same() {}",
        "async function same() {}",
        "class same {}",
        "let same = 1;",
        "const { same, other } = await 1;",
        "const [other, same] = [1, 2];",
    ],
)
def test_bundle_refuses_names_that_two_modules_declare(tmp_path, twice):
    first = 'import { b } from "./b.js";\nconst same = b;\n'
    with pytest.raises(ValueError, match=r"got same in b\.js and start\.js"):
        bundle(write_modules(tmp_path, start=first, b=f"export const b = 1;\n{twice}\n"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('import b from "./b.js";\n', "must import like"),
        ('import { a } from "https://example.org/b.js";\n', "must import like"),
        ('const a = "</SCRIPT>";\n', "must not contain '</script'"),
        ('const a = "<!--";\n', "must not contain '<!--'"),
    ],
)
def test_bundle_refuses_what_a_page_cannot_hold(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=f"start.js {sentence}"):
        bundle(write_modules(tmp_path, start=text))


def test_bundle_needs_all_modules(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"b\.js"):
        bundle(write_modules(tmp_path, start='import { b } from "./b.js";\n'))


@pytest.mark.parametrize("entry", ["start.js", "widget.js"])
def test_bundles_of_the_page_and_the_widget(entry):
    text = bundle(FOLDER / entry)
    assert not re.search(r"^import\b", text, re.M)
    assert re.findall(r"^export\b.*", text, re.M) == (
        ["export default{render};"] if entry == "widget.js" else []
    )


def test_pages_are_part_of_the_package():
    names = {path.name for path in FOLDER.iterdir()}
    assert {"page.html", "explorer.css", "start.js", "widget.js", "package.json"} <= names
    assert '"static/*"' in (ROOT / "pyproject.toml").read_text()
