"""Facts put together: what comes of any and of all of them."""

from __future__ import annotations

import pytest

from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Machine
from prober.export.grounds import (
    Ground,
    RowFinding,
    RowSubject,
    all_of,
    always,
    any_of,
    fact,
    first_known,
    in_list,
    on_machines,
    returned_case,
    with_kvm,
)
from prober.export.xml import WrittenElement, element, text_element
from tests.recordings import load_capabilities
from tests.unit.export.hosts import RECORDED

SUBJECT = RowSubject(load_capabilities(RECORDED["10.0.13"]), "qemu", Machine(name="pc-q35-10.0"), "q35")


def told(verdict: str) -> Ground:
    return lambda _: RowFinding(Verdict(verdict), verdict)


@pytest.mark.parametrize(
    ("verdicts", "of_any", "of_all", "known"),
    [
        ("present absent unknown", "present", "absent", "present"),
        ("unknown present", "present", "unknown", "present"),
        ("absent unknown", "unknown", "absent", "absent"),
        ("unknown absent", "unknown", "absent", "absent"),
        ("absent absent", "absent", "absent", "absent"),
        ("unknown unknown", "unknown", "unknown", "unknown"),
        ("present present", "present", "present", "present"),
    ],
)
def test_any_and_all(verdicts: str, of_any: str, of_all: str, known: str) -> None:
    grounds = [told(verdict) for verdict in verdicts.split()]
    assert any_of(*grounds)(SUBJECT).verdict == of_any
    assert all_of(*grounds)(SUBJECT).verdict == of_all
    assert first_known(*grounds)(SUBJECT).verdict == known


@pytest.mark.parametrize(
    ("ground", "verdict"),
    [
        (fact("max-{target}-cpu.migratable"), "present"),
        (fact("{machine}-machine.i8042"), "present"),
        (fact("{machine}-machine.i8043"), "absent"),
        (always("so"), "present"),
        (on_machines("q35"), "present"),
        (on_machines("pc"), "absent"),
        (with_kvm, "absent"),
        (in_list("query-tpm-types", "emulator", lambda caps: caps.tpm_types), "present"),
        (in_list("query-tpm-types", "other", lambda caps: caps.tpm_types), "absent"),
        (in_list("query-tpm-types", "emulator", lambda _: None), "unknown"),
        (returned_case("query-display-options", "curses"), "present"),
        (returned_case("query-display-options", "holodeck"), "absent"),
        (returned_case("query-holodeck", "any"), "absent"),
    ],
)
def test_each_ground(ground: Ground, verdict: str) -> None:
    assert ground(SUBJECT).verdict == verdict
    assert ground(SUBJECT).because


def test_without_a_schema_nothing_is_known_of_what_returns() -> None:
    bare = SUBJECT.caps.model_copy(update={"schema_text": None})
    bare.__dict__.pop("schema_", None)
    subject = RowSubject(bare, "qemu", SUBJECT.machine, "q35")
    assert returned_case("query-display-options", "curses")(subject).verdict == "unknown"


def test_only_unknown_is_assumed_present_and_only_where_the_user_says_so() -> None:
    assuming = RowSubject(SUBJECT.caps, "qemu", SUBJECT.machine, "q35", assume=True)
    for verdict in ("absent", "present"):
        assert assuming.settle(told(verdict)(assuming)).verdict == verdict
    assert assuming.settle(told("unknown")(assuming)).verdict == "present"
    assert SUBJECT.settle(told("unknown")(SUBJECT)).verdict == "unknown"


def test_a_document_is_written_as_libvirt_writes_its_own() -> None:
    document = element("a", text_element("b", "1 < 2 & 'x'"), WrittenElement("c", {"d": "it's\n\"\x00"}), e="f")
    assert document.write() == (
        "<a e='f'>\n  <b>1 &lt; 2 &amp; &apos;x&apos;</b>\n  <c d='it&apos;s&#10;&quot;\ufffd'/>\n</a>\n"
    )
