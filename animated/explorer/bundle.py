"""Our modules of JavaScript as one script, which needs no server and no build."""

import re
from pathlib import Path

import rjsmin

IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.M)
EXPORT = re.compile(r"^export (?!default\b)", re.M)
NAME = re.compile(
    r"^(?:export )?(?:async )?(?:function\*?|class|const|let|var) +([\w$]+|[{\[][^=]*(?==))", re.M
)


def bundle(entry: str | Path) -> str:
    """Return the module at `entry` and all that it imports, by `import { a } from "./b.js";`.

    A module comes after those that it imports, without its imports and without the word export,
    but for a default one. All share one scope. Comments and needless spaces are left out.

    Raises FileNotFoundError when a module does not exist, and ValueError when two declare the same
    name, when one imports otherwise, or has what would end the script in a page.
    """
    modules = _read_all(Path(entry))
    owners: dict[str, Path] = {}
    for path, text in modules.items():
        _check_text(path, IMPORT.sub("", text))
        for name in _find_names(text):
            if owners.setdefault(name, path) != path:
                names = f"{owners[name].name} and {path.name}"
                raise ValueError(f"a name must be declared by one module, got {name} in {names}")
    scripts = (EXPORT.sub("", IMPORT.sub("", text)) for text in modules.values())
    return rjsmin.jsmin("\n".join(scripts))


def _read_all(path: Path, modules: dict[Path, str] | None = None) -> dict[Path, str]:
    """Return the text of each module, those that it imports before a module."""
    modules = {} if modules is None else modules
    _visit(path, modules, set())
    return modules


def _visit(path: Path, modules: dict[Path, str], seen: set[Path]) -> None:
    if path in seen:
        return
    seen.add(path)
    text = path.read_text(encoding="utf-8")
    for name in IMPORT.findall(text):
        _visit(path.parent / name, modules, seen)
    modules[path] = text


def _find_names(text: str) -> set[str]:
    """Return the names that a module declares at its top level, where lines are not indented."""
    return {name for match in NAME.findall(text) for name in re.findall(r"[\w$]+", match)}


def _check_text(path: Path, text: str) -> None:
    for line in re.findall(r"^import\b.*", text, re.M):
        allowed = 'import { name } from "./module.js";'
        raise ValueError(f"{path.name} must import like {allowed!r}, got {line!r}")
    for word in ("</script", "<!--"):
        if word in text.lower():
            raise ValueError(f"{path.name} must not contain {word!r}, which a page takes for a tag")
