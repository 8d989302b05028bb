"""What every test has at hand, and the rules that hold for all of them.

- ``aio(coroutine)`` runs a coroutine in asyncio's debug mode; there is no pytest plugin for it.
- A blocking call made by prober on the event loop fails the test (blockbuster), in every test.
- A test marked ``needs`` is skipped where a package of the distribution is missing (``tests/needs.toml``).  What is not
  run is told at the end (``tests/not_run.py``); where ``PROBER_NO_SKIP=1`` or ``CI=true`` is set, it is a failure.
- Tests marked ``roots`` need other QEMU versions, in root directories that ``make roots`` lays out.  They are left
  out, not skipped, unless ``--with-roots`` is given (``make integration-all``).  The roots get a ``/proc`` meanwhile.
- Tests that have QEMU judge thousands of lines take a part of them, always the same, unless ``--whole`` is given
  (``make integration``, ``make integration-all``): the fixture ``whole``.  Tests marked ``long`` are left out then.
- A test whose service held its event loop is run again (``tests/measured_twice.py``).
- Tests marked ``fault`` are what ``make faults`` runs, by the names in ``tests/faults/table.py``.
- Property tests have no deadline: whether an example is quick is no question to a clock that others' tests move.
- Tests marked ``libvirt`` need libvirt's test data, which is no part of this checkout.  Where it is not at hand they
  are left out, not skipped.
"""

from __future__ import annotations

import asyncio
import gc
import linecache
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
from blockbuster import blockbuster_ctx

from tests.large_pages import collapse
from tests.measured_twice import MeasuredTwice
from tests.not_run import NotRun, skip_without, skips_fail
from tests.proc_mount import mount_proc
from tests.recordings import LIBVIRT

hypothesis.settings.register_profile("prober", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("prober")

T = TypeVar("T")

CHECKOUT = Path(__file__).parent.parent

#: Where the root directories of other QEMU versions are.
ROOTS = Path(os.environ.get("PROBER_ROOTS") or CHECKOUT / ".roots").absolute()

#: The QEMU versions that are tested besides the installed one, and the binary inside their roots.
ROOT_VERSIONS = ("5.2", "10.0", "11.1")
BINARY_IN_ROOT = "/usr/bin/qemu-system-x86_64"


def aio(coroutine: Coroutine[Any, Any, T], *, debug: bool = True) -> T:
    """Run a coroutine on an event loop of its own, and return its result.

    Debug mode costs time at every callback: a test that measures time gives ``debug=False``.  It also logs each
    callback that took 0.1 s, which on a busy machine is any one: tests of what prober logs would find that too.
    """
    with asyncio.Runner(debug=debug) as runner:
        runner.get_loop().slow_callback_duration = math.inf
        return runner.run(coroutine)


@pytest.fixture(name="aio", scope="session")
def _aio() -> Callable[..., Any]:
    """:func:`aio` as a fixture."""
    return aio


@pytest.fixture(autouse=True, scope="session")
def _no_blocking_calls() -> Iterator[None]:
    """A blocking call on the event loop is an error, where prober is in the stack: tests themselves may block."""
    with blockbuster_ctx(scanned_modules=["prober"]) as blocker:
        for function in blocker.functions.values():
            # A few stat calls at every use: 15 µs, where a hop to a thread and back costs 60 (see there).
            function.can_block_in("prober/capabilities/fingerprinter.py", {"fingerprint", "recording_fingerprint"})
            function.can_block_in("prober/capabilities/fingerprinter.py", "watch_places")
            function.can_block_in("prober/capabilities/directories.py", {"absorb", "prepare"})
        # From fork to exec, a few milliseconds: asyncio starts its processes in the loop's thread as well, and the
        # parent-death signal is bound to the thread that forks.
        blocker.functions["os.read"].can_block_in("prober/qemu/launch.py", "spawn")
        # Before it forks Python takes the locks of its library, which other threads of a test may have for a moment.
        blocker.functions["threading.Lock.acquire"].can_block_in("prober/qemu/launch.py", "spawn")
        yield


@pytest.fixture(autouse=True, scope="session")
def _sources_stay() -> Iterator[None]:
    """asyncio's debug mode notes where each callback comes from, and has every file of that place looked at anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linecache, "checkcache", lambda filename=None: None)
        yield


@pytest.fixture(autouse=True, scope="module")
def _forks_quickly() -> None:
    """What was added since the last module is put into large pages as well; this takes a millisecond."""
    collapse()


@dataclass(frozen=True)
class QemuPlace:
    """A QEMU to test with: ``binary`` is its path inside ``root``, or on this host where ``root`` is None."""

    name: str
    binary: str
    root: Path | None = None


def _installed() -> str:
    skip_without("qemu")
    found = shutil.which("qemu-system-x86_64")
    assert found is not None
    return found


def _in_root(version: str) -> Path:
    root = ROOTS / version
    if not (root / BINARY_IN_ROOT.lstrip("/")).exists():
        pytest.skip(f"no QEMU {version} in {root} (`make roots` lays it out, PROBER_ROOTS says where it is)")
    if os.geteuid() != 0:
        pytest.skip("only root can start a QEMU in another root directory")
    try:
        mount_proc(root)
    except OSError as error:
        pytest.skip(f"a QEMU in another root directory needs a /proc there: {error}")
    return root


@contextmanager
def make_open_directory() -> Iterator[Path]:
    """A directory that every user may look into; pytest's own are their user's alone, and made so again and again."""
    with tempfile.TemporaryDirectory(prefix="prober-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """:func:`make_open_directory` as a fixture."""
    with make_open_directory() as made:
        yield made


@pytest.fixture(scope="session")
def qemu_binary() -> str:
    """The path of the installed ``qemu-system-x86_64``."""
    return _installed()


@pytest.fixture(scope="session")
def qemu_roots() -> dict[str, Path]:
    """Root directories of the other versions, by version.  For tests marked ``roots``."""
    return {version: _in_root(version) for version in ROOT_VERSIONS}


@pytest.fixture(
    scope="session",
    params=["installed", *(pytest.param(version, marks=pytest.mark.roots) for version in ROOT_VERSIONS)],
)
def any_qemu(request: pytest.FixtureRequest) -> QemuPlace:
    """The test runs once with the installed QEMU and, marked ``roots``, once with each of the others."""
    if request.param == "installed":
        return QemuPlace("installed", _installed())
    return QemuPlace(request.param, BINARY_IN_ROOT, _in_root(request.param))


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether QEMU is to judge all lines that there are, and not a part of them."""
    return bool(request.config.getoption("--whole"))


@pytest.fixture(scope="session")
def libvirt_data() -> Path:
    """The directory with libvirt's recordings (``replies/``) and pairs of XML and argv (``pairs/``).

    A test that takes it is marked ``libvirt`` by that.
    """
    return LIBVIRT


@pytest.fixture(scope="session")
def fixtures_replies() -> Path:
    """The directory of the bundled recordings.  They belong to the project, so there is nothing to skip."""
    place = CHECKOUT / "fixtures" / "replies"
    assert any(place.iterdir()), f"{place} is empty"
    return place


# The rules, as pytest hooks.


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--with-roots", action="store_true", help="run the tests that need other QEMU versions too")
    parser.addoption("--whole", action="store_true", help="have QEMU judge all lines, not a part of them")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "roots: needs QEMU versions in root directories (--with-roots)")
    config.addinivalue_line("markers", "long: one of several that differ in little; runs with --whole")
    config.addinivalue_line("markers", "libvirt: needs libvirt's test data (PROBER_LIBVIRT_DATA)")
    config.addinivalue_line("markers", "slow: takes more than a second of CPU; `make check` leaves it out")
    config.addinivalue_line("markers", "fault(name): is one of the faults that tests/faults/table.py lists")
    config.addinivalue_line("markers", "needs(*names): needs packages that tests/needs.toml names so")
    config.pluginmanager.register(MeasuredTwice(), "measured-twice")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(NotRun(), "not-run")
        # What a command keeps for its user is not kept for the one who runs the tests, nor from one run to the next.
        cache = tempfile.TemporaryDirectory(prefix="prober-cache-")
        os.environ["XDG_CACHE_HOME"] = cache.name
        config.add_cleanup(cache.cleanup)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """``auto``: three workers for two processors, as a part of their time the tests wait for a process or a deadline.

    With four no run was quicker, and what is said of processor time held no more.

    ``logical``: one for each processor, for tests that do not.
    """
    processors = len(os.sched_getaffinity(0))
    return processors if config.option.numprocesses == "logical" else processors + (processors + 1) // 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "libvirt_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.libvirt)
        if fault := item.get_closest_marker("fault"):
            item.user_properties.append(("fault", fault.args[0]))
    lacking = [] if config.getoption("--with-roots") else ["roots"]
    lacking += [] if config.getoption("--whole") else ["long"]
    lacking += [] if (LIBVIRT / "pairs").is_dir() else ["libvirt"]
    left_out = {item for item in items if any(map(item.get_closest_marker, lacking))}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    _longest_first(items)


def _longest_first(items: list[pytest.Item]) -> None:
    """Modules whose tests may take longest begin, so that no worker begins one of them when the others are done."""
    longest: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0), marker.args[0] if marker is not None else 0)
    items.sort(key=lambda item: -longest[item.path])


def pytest_collection_finish() -> None:
    gc.freeze()  # what was collected stays to the end, and need not be walked again and again


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            skip_without(name)


def _fail_instead(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: a test may not skip here: {reason}"


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and skips_fail():
        _fail_instead(report)
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and skips_fail():
        _fail_instead(report)
    return report
