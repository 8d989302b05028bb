"""The faults that a host has in store, and a table of how they ended: a plugin of pytest, for ``make faults``.

A test says which of them it is by ``@pytest.mark.fault("disk")``, wherever it stands; what it has to tell in the table
it records as its property ``told``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

#: Each fault, in the order of the table.
FAULTS = {
    "killed": "the service killed (SIGKILL) while it asks and writes",
    "disk": "disk full or read-only",
    "damaged": "what is kept on disk damaged, also by a single bit",
    "clock": "clock jumped",
    "descriptors": "out of file descriptors",
    "fork": "fork or thread refused",
    "worker": "a worker, or what makes them, killed",
    "hangs": "QEMU hanging at each step",
    "stopped": "QEMU stopped (SIGSTOP)",
    "broken": "many binaries at once, some of them broken",
    "restart": "restart under load with socket activation",
    "store-killed": "fleet: the server of the store killed (SIGKILL)",
    "reader-killed": "fleet: a reader killed",
    "agent-killed": "fleet: an agent killed in the midst of sending",
    "cluster": "fleet: three servers lose one, and the leader",
    "store-full": "fleet: the store full",
    "record": "fleet: a record damaged, too large, unknown, ahead",
    "renamed": "fleet: a host that renames itself",
    "one-name": "fleet: two hosts with one name",
    "wrong-blob": "fleet: a build that is not what it is called",
    "flapping": "fleet: an agent that flaps",
    "partition": "fleet: a partition of 100 s, a lease of 10 s",
}


@dataclass
class _Row:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    told: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.failed:
            return f"{self.failed} FAILED"
        if self.skipped:
            return f"{self.skipped} not run"
        return "held" if self.passed else "NO TEST"


class FaultTable:
    """Gathers the outcomes, and prints them; a fault without a test that ran is a failure of the run."""

    def __init__(self) -> None:
        self._rows = {name: _Row() for name in FAULTS}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        row = self._rows.get(str(properties.get("fault")))
        if row is None:
            return
        row.seconds += report.duration
        row.failed += report.failed
        row.skipped += report.skipped
        if report.when == "call":
            row.passed += report.passed
            row.told += [str(value) for name, value in report.user_properties if name == "told"]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        is_part = bool(session.config.option.keyword)
        if not is_part and session.exitstatus == 0 and not all(row.passed for row in self._rows.values()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("faults")
        for name, row in self._rows.items():
            if terminalreporter.config.option.keyword and row == _Row():
                continue
            line = f"{FAULTS[name]:<56} {row.passed + row.failed:>4} tests  {row.outcome:<10} {row.seconds:>7.1f} s"
            terminalreporter.write_line(line)
            for told in row.told:
                terminalreporter.write_line(f"    {told}")


def pytest_configure(config: pytest.Config) -> None:
    """Of several processes the controller's gets all reports."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FaultTable(), "fault-table")
