"""Which licences the packages have that are installed: a line for each, and how many of each.

    python benchmarks/licences.py

All of constraints.txt are looked up that this system has. What a package says of itself counts: its
licence expression, else its licence field, else its classifiers. The programs and libraries that
wheels bring along beside their own code, and of which they say nothing there, are in `BUNDLED`.
"""

import re
from collections import Counter
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
# Whoever has them may do with them what they like, if the names of the authors stay; with MPL and
# LGPL, changes to the package itself must stay under them, too.
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT"),
    *("LLVM-exception", "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"),
}
ALLOWED = PERMISSIVE | {"MPL-2.0", "LGPL-2.1-or-later"}
# What wheels bring along, by how its files begin: its licence, and why that one is allowed, too.
BUNDLED = {
    "ffmpeg-": ("GPL-3.0-or-later", "a program of its own, which is run and not linked"),
    "libgfortran": ("GPL-3.0-or-later", "its runtime exception allows any program to use it"),
    "libgomp": ("GPL-3.0-or-later", "its runtime exception allows any program to use it"),
    "libquadmath": ("LGPL-2.1-or-later", "a shared library, which one can replace"),
}
# What packages that have no licence expression call theirs.
NAMES = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "2-clause BSD": "BSD-2-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "ISC license": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "The MIT License (MIT)": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def find_packages() -> list[Distribution]:
    """Return the packages of constraints.txt that are installed here, in their order."""
    found = []
    for name in re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text(), re.M):
        try:
            found.append(distribution(name))
        except PackageNotFoundError:
            continue  # for another system, or for another version of Python
    return sorted(found, key=lambda package: package.name.lower())


def find_licence(package: Distribution) -> str:
    """Return the licence of a package as an expression such as "MIT AND BSD-3-Clause"."""
    about = package.metadata
    if about.get("License-Expression"):
        return about.get("License-Expression")
    field = (about.get("License") or "").strip().split("\n")[0].strip()
    field = NAMES.get(field, field)
    classifiers = [one.split(" :: ") for one in about.get_all("Classifier") or []]
    named = [one[-1] for one in classifiers if one[0] == "License" and one[-1] != "OSI Approved"]
    named = [NAMES.get(name, name) for name in named]
    if split(field) <= ALLOWED and ALLOWED.issuperset(named):
        return field
    return " AND ".join(named) or field or "none"


def split(expression: str) -> set[str]:
    """Return the licences and exceptions of an expression."""
    return {*re.split(r"\s+(?:AND|OR|WITH)\s+", expression.strip("()"))}


def find_bundled(package: Distribution) -> list[str]:
    """Return which of `BUNDLED` a package brings along."""
    names = {file.name for file in package.files or []}
    return [start for start in BUNDLED if any(name.startswith(start) for name in names)]


def name_family(licence: str) -> str:
    """Return the one licence that an expression is of, BSD for all of these, or "several"."""
    families = {re.sub(r"^(BSD|MIT)-.*", r"\1", one) for one in split(licence)}
    return families.pop() if len(families) == 1 else "several"


def count(packages: list[Distribution]) -> str:
    """Return how many packages there are under which licence, as a sentence."""
    families = Counter(name_family(find_licence(package)) for package in packages)
    several = families.pop("several", 0)
    counts = [f"{number} {family}" for family, number in families.most_common()]
    return f"{len(packages)} packages: {', '.join(counts)}, and {several} under several licences."


def main() -> None:
    """Print all packages, what they bring along, and how many there are of each licence."""
    packages = find_packages()
    for package in packages:
        print(f"{package.name} {package.version}: {find_licence(package)}")
        for start in find_bundled(package):
            licence, reason = BUNDLED[start]
            print(f"    with {start.rstrip('-')}: {licence}, {reason}")
    print(count(packages))


if __name__ == "__main__":
    main()
