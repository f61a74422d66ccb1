"""Join JavaScript modules into one script, which needs neither a server nor a build step."""

import re
from pathlib import Path

import rjsmin

IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.M)
EXPORT = re.compile(r"^export (?!default\b)", re.M)
NAME = re.compile(
    r"^(?:export )?(?:async )?(?:function\*?|class|const|let|var) +([\w$]+|[{\[][^=]*(?==))", re.M
)


def bundle(entry: str | Path) -> str:
    """Return one script of the module at `entry` and all modules it imports, minified.

    Imports have the form `import { a } from "./b.js";`. Each module follows those that it imports,
    without its import statements and the word export, except for a default export. All modules
    share one scope.

    Raises FileNotFoundError for a missing module, and ValueError if two modules declare the same
    name, if an import has another form, or if a module contains text that HTML takes for a tag.
    """
    modules = _read_all(Path(entry))
    owners: dict[str, Path] = {}
    for path, text in modules.items():
        _check_text(path, IMPORT.sub("", text))
        for name in _find_names(text):
            if owners.setdefault(name, path) != path:
                both = f"{owners[name].name} and {path.name}"
                raise ValueError(f"a name must be declared in one module, got {name} in {both}")
    scripts = (EXPORT.sub("", IMPORT.sub("", text)) for text in modules.values())
    return rjsmin.jsmin("\n".join(scripts))


def _read_all(path: Path) -> dict[Path, str]:
    """Return the text of a module and of all that it imports, which come first."""
    modules: dict[Path, str] = {}
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
    """Return the names declared at the top level of a module, on lines without indentation."""
    return {name for match in NAME.findall(text) for name in re.findall(r"[\w$]+", match)}


def _check_text(path: Path, text: str) -> None:
    for line in re.findall(r"^import\b.*", text, re.M):
        allowed = 'import { name } from "./module.js";'
        raise ValueError(f"{path.name} must import like {allowed!r}, got {line!r}")
    for word in ("</script", "<!--"):
        if word in text.lower():
            raise ValueError(
                f"{path.name} must not contain {word!r}, which HTML takes for a tag or a comment"
            )
