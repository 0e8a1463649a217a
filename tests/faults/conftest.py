"""Fixtures of the fault tests, and the counts that `make faults` prints when they have run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.faults.tally import ENV, lines
from tests.stores import folder, opened, own_surroundings, store

__all__ = ["folder", "opened", "own_surroundings", "store"]


def pytest_configure(config: pytest.Config) -> None:
    """The first process names the file that all of them count in."""
    if os.environ.get("CHARTKEEP_FAULTS") == "full" and ENV not in os.environ:
        descriptor, path = tempfile.mkstemp(prefix="chartkeep-faults-")
        os.close(descriptor)
        os.environ[ENV] = path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums, in the process that has the terminal."""
    path = os.environ.get(ENV)
    if path and "PYTEST_XDIST_WORKER" not in os.environ and Path(path).exists():
        terminalreporter.section("faults")
        for line in lines(Path(path)):
            terminalreporter.write_line(line)
