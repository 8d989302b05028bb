"""What a clock says once is not believed at once: a test whose service held its event loop is run again.

In a virtual machine the clock of a thread's processor time leaps (:mod:`prober.service.measured`), and what a
hypervisor gives to others meanwhile is counted as ours: a hand-over to a thread that takes 0.1 ms was told as 12.8.
So such a test is run once more, from its fixtures on, and fails where a callback takes too long again.  What fails for
any other reason is not run again, and neither is a test whose service serves a whole module: a second run of the last
of its tests would say nothing of the others.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
from _pytest.runner import runtestprotocol


class HeldLoop(AssertionError):
    """Callbacks of a service took too long, in a test that has this service to itself."""


class MeasuredTwice:
    """The plugin.  It closes with what was run again."""

    #: The property of a test that was run again.
    _AGAIN = "measured_twice"

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Have a report say what held the loop, where this is why its test failed."""
        report = yield
        held = call.excinfo is not None and call.excinfo.errisinstance(HeldLoop)
        report.__dict__["held_loop"] = str(call.excinfo.value) if call.excinfo is not None and held else None
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """As pytest's own, which runs a test once."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [report for report in reports if report.failed]
        if failed and all(report.held_loop for report in failed):
            item.user_properties.append((self._AGAIN, "\n".join(report.held_loop for report in failed)))
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what was run again."""
        for name, value in report.user_properties:
            if name == self._AGAIN:
                self._told[report.nodeid] = str(value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell of it."""
        if self._told:
            terminalreporter.section("run again, as a callback of the event loop seemed to take too long")
        for test, held in self._told.items():
            terminalreporter.line(f"{test}: {held}")
