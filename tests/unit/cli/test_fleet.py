"""``prober fleet``: from recordings to answers over a store in a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prober.cli.commands import FLEET
from tests.recordings import FIXTURES, ROOT
from tests.unit.cli.conftest import Run
from tests.unit.cli.terminal import on_terminal

pytestmark = pytest.mark.slow

DOMAIN = ROOT / "fixtures" / "domains" / "example.xml"
REFUSED = ROOT / "fixtures" / "domains" / "refused.xml"
OLD = FIXTURES / "qemu-5.2.0.replies.xz"
VERSIONS = ("5.2.0", "7.2.22", "11.1.2")


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleet") / "fleet.db"


@pytest.fixture(name="ask")
def _ask(run: Run, store: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, with the three hosts in its store."""
    monkeypatch.setenv("PROBER_FLEET_STORE", f"sqlite:{store}")
    if not store.exists():
        files = [FIXTURES / f"qemu-{version}.replies.xz" for version in VERSIONS]
        ended = run("fleet", "import", *files[:2], "--label", "rack=7")
        assert (ended.code, ended.err) == (0, "")
        assert run("fleet", "import", files[2], "--name", "new").code == 0
    return run


def test_the_group_and_each_question_have_their_help(run: Run) -> None:
    assert "targets" in run("fleet", "--help").out
    assert run("fleet").code == 2
    for name in (row.name for row in FLEET):
        ended = run("fleet", name, "--help")
        assert (ended.code, "Example:" in ended.out) == (0, True), name


def test_can(ask: Run) -> None:
    ended = ask("fleet", "can", DOMAIN)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("3 of 3 can, as of 2")
    assert ended.out.splitlines()[1:] == ["  new", "  qemu-5.2.0", "  qemu-7.2.22"]
    page = ask("fleet", "can", DOMAIN, "--limit", "1")
    assert (page.out.splitlines()[1:], page.err) == (["  new"], "more that can: --after new\n")
    assert ask("fleet", "can", DOMAIN, "--where", "rack=7", "--json").json["able"] == 2
    refused = ask("fleet", "can", REFUSED)
    assert refused.code == 3
    assert "3 cannot:\n       3 ACPI hot-plug for the root bus" in refused.out
    assert ask("fleet", "can", "-", stdin=DOMAIN.read_bytes()).code == 0


def test_why(ask: Run) -> None:
    ended = ask("fleet", "why", REFUSED, "new")
    assert ended.code == 3
    assert re.search(rf"^  {REFUSED}:\d+: /domain/pm/acpi-root-hotplug", ended.out, re.MULTILINE)
    assert ask("fleet", "why", DOMAIN, "new", "--json").json["able"] == "able"
    nobody = ask("fleet", "why", DOMAIN, "zeta")
    assert (nobody.code, nobody.err) == (
        2,
        "prober: no host of this fleet is called 'zeta'\nhint: fleet hosts lists them\n",
    )


def test_targets(ask: Run) -> None:
    ended = ask("fleet", "targets", DOMAIN, "--from", "qemu-5.2.0")
    assert ended.code == 0
    assert "as pc-i440fx-5.2" in ended.out
    assert "2 of 2 can" in ended.out
    assert "defaults with build" in ended.out
    assert ask("fleet", "targets", DOMAIN, "--from", "new", "--json").json["able"] == 0
    nowhere = ask("fleet", "targets", REFUSED, "--from", "new")
    assert (nowhere.code, "is not known to run on new" in nowhere.err) == (2, True)


def test_upgrade(ask: Run) -> None:
    ended = ask("fleet", "upgrade", "--from", "7.2", "--to", "11", DOMAIN, REFUSED)
    assert ended.code == 0
    assert "1 change: they get another command line:" in ended.out
    assert "1 are refused by both:" in ended.out
    told = ask("fleet", "upgrade", "--from", "11.1.2", "--to", "5.2.0", "--json").json
    assert (told["hosts"], told["names"]) == (1, ["new"])
    assert ask("fleet", "upgrade", "--from", "9", "--to", "11").code == 2
    old = DOMAIN.read_bytes().replace(b"machine='pc'", b"machine='pc-i440fx-2.3'")
    assert ask("fleet", "upgrade", "--from", "7.2", "--to", "11", "-", stdin=old).code == 3


def test_baseline_supports_drift(ask: Run) -> None:
    baseline = ask("fleet", "baseline")
    assert baseline.code == 0
    assert "oldest: QEMU 5.2.0" in baseline.out
    assert "which CPU they have in common is not known" in baseline.out
    assert ask("fleet", "baseline", "--target", "aarch64").code == 3
    assert ask("fleet", "supports", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support").out.startswith(
        "ICH9-LPC.acpi-pci-hotplug-with-bridge-support: 2 of 3 hosts have it"
    )
    assert ask("fleet", "supports", "no-such-type").code == 1
    drift = ask("fleet", "drift", "--by", "rack")
    assert drift.code == 1
    assert "rack=7: /usr/bin/qemu-system-x86_64: 1 have build" in drift.out
    assert ask("fleet", "drift", "--by", "rack", "--where", "rack=8").code == 0


@pytest.mark.slow
def test_reading_a_store_has_a_progress_line_that_goes(ask: Run, store: Path) -> None:
    assert ask("fleet", "hosts").err == "", "a pipe has none"
    printed = on_terminal(80, "fleet", "supports", "e1000", "--store", f"sqlite:{store}")
    before, _, answer = printed.rpartition("\r\x1b[K")
    assert "\x1b[Kreading the store …" in before and "\x1b[Kasking 3 hosts …" in before
    assert answer.startswith("e1000: 3 of 3 hosts have it") and "…" not in answer


def test_lists(ask: Run) -> None:
    hosts = ask("fleet", "hosts")
    assert [line.split()[0] for line in hosts.out.splitlines()[1:4]] == ["new", "qemu-5.2.0", "qemu-7.2.22"]
    assert ask("fleet", "hosts", "--limit", "1", "--json").json["next"] == "new"
    assert {one["hosts"] for one in ask("fleet", "builds", "--json").json["builds"]} == {1}


def test_several_qemus_of_one_host(run: Run, tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path / 'one.db'}"
    files = [FIXTURES / f"qemu-{version}.replies.xz" for version in VERSIONS[:2]]
    paths = ("--path", "/usr/bin/qemu-system-x86_64", "--path", "/opt/q/bin/qemu-system-x86_64")
    ended = run("fleet", "import", *files, "--name", "one", *paths, "--store", store, "--json")
    assert [build[2] for build in ended.json[0]["builds"]] == [paths[1], paths[3]]
    again = run("fleet", "import", files[0], "--name", "one", "--store", store, "--json")
    assert (again.json[0]["seq"], len(again.json[0]["builds"])) == (1, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hosts",), "no fleet is named"),
        (("hosts", "--store", "zeta"), "'zeta' is no address of a store"),
        (("hosts", "--store", "sqlite:a", "--where", "rack"), "'rack' is no label"),
        (("import", FIXTURES / "nope.replies", "--store", "sqlite:a"), "nope.replies"),
        (
            ("import", FIXTURES / "qemu-5.2.0.replies.xz", "--store", "sqlite:a", "--name", "a b"),
            "'a b' is no name of a",
        ),
        (("import", FIXTURES / "qemu-5.2.0.replies.xz", "--store", "sqlite:a", "--label", "x"), "'x' is no label"),
        (("import", "x", "--store", "sqlite:a", "--path", "/a", "--path", "/b"), "1 recordings and 2 paths"),
        (("import", OLD, "--store", "sqlite:a", "--path", "q"), "is no path of a QEMU"),
        (("can", "nope.xml", "--store", "sqlite:a"), "nope.xml: cannot be read"),
    ],
)
def test_what_is_wrong_is_told(run: Run, words: tuple[object, ...], said: str) -> None:
    ended = run("fleet", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_store_that_cannot_be_is_told(run: Run) -> None:
    ended = run("fleet", "hosts", "--store", "sqlite:/nonexistent/fleet.db")
    assert ended.code == 5
    assert "/nonexistent/fleet.db cannot be used as a store" in ended.err
