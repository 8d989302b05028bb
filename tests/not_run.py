"""What is not run here for want of something, said at the very end: how many tests, why, and what brings it.

A test that needs a package of the distribution says so with ``@pytest.mark.needs("systemd")``, by its name in
``tests/needs.toml``, or calls :func:`skip_without`.  Where the package is not there, the test is skipped, and ``make
deps`` is what helps.  Where ``PROBER_NO_SKIP=1`` or ``CI=true`` is set, a skip is a failure.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tools.needs import Need, needs


def skip_without(name: str) -> None:
    """Skip the running test where this need is not there.

    :raise KeyError: where ``tests/needs.toml`` has no such name.
    """
    need = needs()[name]
    if not need.is_there():
        pytest.skip(_sentence(need))


def _sentence(need: Need) -> str:
    return f"{need.package} is not {'in the package lists' if need.known else 'installed'}: {need.purpose}"


def skips_fail() -> bool:
    """Whether what is not run is an error."""
    return os.environ.get("PROBER_NO_SKIP", "") not in ("", "0") or os.environ.get("CI") == "true"


class NotRun:
    """A plugin that closes with the list, behind pytest's own last line.

    With several workers it is the controller's, to which their reports come.
    """

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._reasons[_reason(report)] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._reasons[_reason(report)] += 1

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        if not self._reasons:
            return
        writer = config.get_terminal_writer()
        writer.line("Not run here:")
        for reason, count in self._reasons.most_common():
            writer.line(f"  {count:>5}  {reason}")
        if self._reasons.keys() & set(map(_sentence, needs().values())):
            writer.line("`make deps`, as root or by sudo, brings the packages that are missing.")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")
