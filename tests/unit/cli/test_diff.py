"""``prober diff``: what is compared, how it is told, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities.difference import Change, Difference, Group
from prober.cli.choosing import choose_either
from prober.cli.difference import format_group
from prober.cli.local import Local
from prober.cli.remote import Remote
from prober.commandline.shell import argv_changes
from prober.errors import UsageError
from tests.recordings import FIXTURES, ROOT
from tests.unit.cli.conftest import Run

OLD, NEW = FIXTURES / "qemu-7.2.22.replies.xz", FIXTURES / "qemu-10.0.13.replies.xz"
EXAMPLE, REFUSED = (ROOT / "fixtures" / "domains" / f"{name}.xml" for name in ("example", "refused"))


def test_a_difference_in_lines(run: Run) -> None:
    ended = run("diff", OLD, NEW)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].endswith("qemu-7.2.22.replies.xz (QEMU 7.2.22, x86_64)")
    assert lines[1].endswith("qemu-10.0.13.replies.xz (QEMU 10.0.13, x86_64)")
    counts = {line.split()[0]: line.split()[1:] for line in lines[4:16] if line}
    assert counts["what"] == ["added", "removed", "changed", "deprecated", "undeprecated", "unknown"]
    assert counts["machines"] == ["14", "8", "3", "43"]
    assert "  ~ pc-i440fx-7.2: alias pc -> none" in lines
    assert "  ! pc-i440fx-2.4: deprecated" in lines
    assert "  + virtio-sound-pci" in lines
    # What many types have in common is one line.
    assert [line for line in lines if line.startswith("  ~ addr: type int32 -> str (of AC97, ") and "more)" in line]


def test_a_summary_is_the_counts_alone(run: Run) -> None:
    whole, short = run("diff", OLD, NEW).out, run("diff", "--summary", OLD, NEW).out
    assert whole.startswith(short)
    assert len(short.splitlines()) < 20 < len(whole.splitlines())


@pytest.mark.slow
def test_nothing_differs(run: Run) -> None:
    assert run("diff", "--json", NEW, NEW).code == 0
    difference = Difference.model_validate(run("diff", "--json", NEW, NEW).json)
    assert difference.is_empty


def test_json_is_the_whole_difference(run: Run) -> None:
    difference = Difference.model_validate(run("diff", "--json", OLD, NEW).json)
    assert (str(difference.a.version), str(difference.b.version)) == ("7.2.22", "10.0.13")
    assert len(difference.group("properties").changes) > 1000


@pytest.mark.slow
def test_for_a_domain(run: Run) -> None:
    ended = run("diff", OLD, NEW, "--for", EXAMPLE)
    assert (ended.code, ended.err) == (0, "")
    assert f"A accepts {EXAMPLE}\nB accepts {EXAMPLE}\nthe command line differs:\n  - -machine pc," in ended.out
    assert "\n  ~ pc-i440fx-7.2: alias pc -> none\n" in ended.out
    assert "virtio-sound" not in ended.out
    stdin = run("diff", OLD, NEW, "--for", "-", stdin=EXAMPLE.read_bytes())
    assert stdin.out == ended.out.replace(str(EXAMPLE), "<stdin>")
    same = run("diff", NEW, NEW, "--for", EXAMPLE)
    assert same.out.endswith("the command line is the same\nno difference\n")


@pytest.mark.slow
def test_for_a_domain_that_b_refuses(run: Run) -> None:
    older = FIXTURES / "qemu-5.2.0.replies.xz"
    ended = run("diff", older, OLD, "--for", REFUSED)
    assert (ended.code, ended.err) == (3, "")
    assert f"A refuses {REFUSED}:\n  {REFUSED}:11: /domain/pm/acpi-hotplug-bridge/@enabled: " in ended.out
    assert f"B refuses {REFUSED}:\n  {REFUSED}:12: /domain/pm/acpi-root-hotplug/@enabled: " in ended.out
    assert "\n  + ICH9-LPC.acpi-pci-hotplug-with-bridge-support\n" in ended.out
    answer = run("diff", "--json", older, OLD, "--for", REFUSED)
    assert answer.code == 3
    domain = answer.json["domain"]
    assert [len(domain[side]["refusals"]) for side in "ab"] == [2, 1]
    assert domain["argv_changes"][0].startswith("- -object memory-backend-ram,")


@pytest.mark.parametrize("xml", [b"", b"<domain>", b"no XML"])
def test_an_unreadable_domain_is_2(run: Run, xml: bytes) -> None:
    ended = run("diff", OLD, NEW, "--for", "-", stdin=xml)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("prober: <stdin>")


def test_a_domain_of_which_nothing_is_left_is_3(run: Run) -> None:
    ended = run("diff", OLD, NEW, "--for", "-", stdin=b"<domain type='kvm'/>")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("<stdin>:1: ")


def test_a_missing_file_is_2(run: Run, tmp_path: Path) -> None:
    for name in ("missing.replies", "./missing"):
        ended = run("diff", name, NEW)
        assert (ended.code, ended.out) == (2, "")
        assert "No such file or directory" in ended.err


def test_a_word_is_a_program_a_recording_or_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, plain, runnable = tmp_path / "qemu", tmp_path / "plain", tmp_path / "x.replies"
    for path in (program, plain, runnable):
        path.write_text("")
    for path in (program, runnable):
        path.chmod(0o755)

    def kind(word: str) -> str:
        source = choose_either(word, None)
        assert isinstance(source, Local)
        return "recording" if source.binary is None else "program"

    assert kind("./qemu") == kind("qemu") == kind(str(program)) == "program"
    assert kind("plain") == kind("x.replies") == kind("not-there.replies.xz") == kind("/not/there") == "recording"
    # Anything else is asked of a service, and there is none.
    monkeypatch.setattr("prober.cli.choosing.DEFAULT_SOCKETS", (Path("here.sock"),))
    with pytest.raises(UsageError, match="no file 'qemu-system-x86_64' here, and no service"):
        choose_either("qemu-system-x86_64", None)
    assert isinstance(choose_either("qemu-system-x86_64", Path("some.sock")), Remote)


def test_changes_in_lines() -> None:
    defaults = [Change(fact=f"{name}.x.y", kind="changed", what="default", a=True, b=[1], of=name) for name in "abcde"]
    others = [Change(fact="a.z", kind="removed", of="a"), Change(fact="b.x.y", kind="added", of="b")]
    properties = Group(
        name="properties",
        changes=(*defaults, *others),
    )
    assert list(format_group(properties)) == [
        "~ x.y: default true -> [1] (of a, b, c and 2 more)",
        "- a.z",
        "+ b.x.y",
    ]
    members = Group(name="members", changes=(Change(fact="add.x", kind="undeprecated", when=("k=a", "l=b")),))
    assert list(format_group(members)) == ["! add.x (where k=a, l=b): no longer deprecated"]


def test_argv_changes_are_whole_options() -> None:
    one, other = ["qemu", "-S", "-name", "a b"], ["qemu", "-S", "-name", "a b,x=on", "-uuid", "u"]
    assert list(argv_changes(one, other)) == ["- -name 'a b'", "+ -name 'a b,x=on'", "+ -uuid u"]
    assert list(argv_changes(one, one)) == []
