"""The parts of the explorer's script that need no page, in JavaScript's own test runner."""

import re
import shutil
import subprocess

import pytest
from conftest import ROOT

OLDEST = 20


def find_node() -> str | None:
    """Return the path of a Node that is new enough, if there is one."""
    node = shutil.which("node")
    if not node:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    return node if int(re.match(r"v(\d+)", version)[1]) >= OLDEST else None


def test_modules():
    node = find_node()
    if not node:
        pytest.skip(f"this needs Node {OLDEST} or newer: apt-get install nodejs")
    tests = sorted(map(str, (ROOT / "tests/explorer").glob("*.test.mjs")))
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", *tests], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5_000:]
    assert int(re.search(r"^# pass (\d+)", done.stdout, re.M)[1]) > len(tests)
