"""Every package that is installed is under a known, permissive or weakly copyleft licence."""

import re
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path

import licences
import pytest
from conftest import ROOT

from animated.video.ffmpeg import find_ffmpeg

pytestmark = pytest.mark.slow


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
