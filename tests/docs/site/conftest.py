"""The site, built once for all tests of this folder.

They run where the folder is named, ``python -m pytest tests/docs/site``, after ``pip install
".[docs]"``. With ``SKLEARN_LOSSES_SITE=folder`` the site is built there and kept.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Sphinx in a process that reaches no other machine.
OFFLINE = """
import socket
import sys

HERE = "127.0.0.1", "::1", "localhost"
connect, look_up = socket.socket.connect, socket.getaddrinfo


def only_here(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in HERE:
        raise OSError(f"The site must be built without a network; it asked for {address}.")
    return connect(self, address)


def look_up_here(host, *args, **kwargs):
    if host not in HERE:
        raise OSError(f"The site must be built without a network; it asked for {host}.")
    return look_up(host, *args, **kwargs)


socket.socket.connect = socket.socket.connect_ex = only_here
socket.getaddrinfo = look_up_here
from sphinx.cmd.build import main

sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """The folder of the site, and the process that built it: warnings are errors."""
    kept = os.environ.get("SKLEARN_LOSSES_SITE")
    folder = Path(kept).resolve() if kept else tmp_path_factory.mktemp("site")
    doctrees = tmp_path_factory.mktemp("doctrees")
    command = [sys.executable, "-c", OFFLINE, "-W", "--keep-going", "-q", "-E", "-d", doctrees, ROOT / "docs", folder]
    return folder, subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="session")
def site(build):
    """The folder of the site."""
    folder, done = build
    assert done.returncode < 2, done.stderr  # warnings alone end with 1
    return folder
