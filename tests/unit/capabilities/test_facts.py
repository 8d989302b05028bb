"""Facts are looked up by QEMU's own names, and every answer says on what grounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities import Capabilities, Verdict
from prober.capabilities.facts import resolve
from prober.errors import FactError, RecordingError
from prober.qemu.recording import CRASHED, ErrorReply, Exchange, Part, Recording
from prober.qemu.replies import JsonValue

VERSION: JsonValue = {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": "(Debian 1:7.2)"}
SCHEMA: JsonValue = [
    {"name": "blockdev-add", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
    {
        "name": "1",
        "meta-type": "object",
        "members": [{"name": "driver", "type": "2"}],
        "tag": "driver",
        "variants": [{"case": "file", "type": "3"}],
    },
    {"name": "2", "meta-type": "enum", "values": ["file"]},
    {"name": "3", "meta-type": "object", "members": [{"name": "filename", "type": "str"}]},
    {"name": "str", "meta-type": "builtin", "json-type": "string"},
    {"name": "0", "meta-type": "object", "members": []},
]


def properties(typename: str, *names: str) -> Exchange:
    reply: JsonValue = [{"name": name, "type": "bool"} for name in names]
    return Exchange("qom-list-properties", {"typename": typename}, reply)


CAPS = Capabilities.from_recording(
    Recording(
        (
            Part(
                (
                    Exchange("query-version", None, VERSION),
                    Exchange("query-qmp-schema", None, SCHEMA),
                    Exchange(
                        "qom-list-types",
                        None,
                        [
                            {"name": "PIIX4_PM", "parent": "pci-device"},
                            {"name": "unasked", "parent": "object"},
                            {"name": "deadly", "parent": "object"},
                            {"name": "virtio-gpu-device", "parent": "object"},
                            {"name": "pc-q35-7.2-machine", "parent": "generic-pc-machine"},
                            {"name": "qemu64-x86_64-cpu", "parent": "x86_64-cpu"},
                            {"name": "Haswell-x86_64-cpu", "parent": "x86_64-cpu"},
                            {"name": "max-x86_64-cpu", "parent": "x86_64-cpu"},
                        ],
                    ),
                    properties("PIIX4_PM", "acpi-root-pci-hotplug", "addr"),
                    properties("pc-q35-7.2-machine", "smm"),
                    properties("qemu64-x86_64-cpu", "avx"),
                    properties("array", "feature[*]"),
                    Exchange(
                        "qom-list-properties",
                        {"typename": "deadly"},
                        error=ErrorReply(CRASHED, "SIGABRT: Assertion failed"),
                    ),
                    Exchange(
                        "qom-list-properties",
                        {"typename": "virtio-gpu-device"},
                        error=ErrorReply("GenericError", "Class 'virtio-gpu-device' not found"),
                    ),
                    Exchange("query-machines", None, [{"name": "pc-q35-7.2", "alias": "q35", "cpu-max": 1}]),
                    Exchange("query-cpu-definitions", None, [{"name": "Haswell"}]),
                    Exchange(
                        "query-command-line-options",
                        None,
                        [{"option": "overcommit", "parameters": [{"name": "mem-lock", "type": "boolean"}]}],
                    ),
                )
            ),
        )
    )
)


@pytest.mark.parametrize(
    ("fact", "verdict", "command", "note"),
    [
        ("PIIX4_PM", "present", "qom-list-types", "lists this type"),
        ("PIIX4_PM.acpi-root-pci-hotplug", "present", "qom-list-properties", "lists acpi-root-pci-hotplug (bool)"),
        ("PIIX4_PM.nonsense", "absent", "qom-list-properties", "lists 2 properties, nonsense is not among them"),
        ("PIIX4_PN.addr", "absent", "qom-list-types", "no type, machine, CPU model or QMP command is named PIIX4_PN"),
        ("unasked.addr", "unknown", None, "were never asked"),
        ("deadly", "present", "qom-list-types", "lists this type"),
        ("deadly.addr", "unknown", "qom-list-properties", "asking killed QEMU: SIGABRT: Assertion failed"),
        ("virtio-gpu-device", "absent", "qom-list-properties", "cannot load it"),
        ("virtio-gpu-device.xres", "absent", "qom-list-properties", "not found"),
        ("pc-q35-7.2", "present", "query-machines", "lists this machine"),
        ("q35", "present", "query-machines", "lists this machine"),
        ("q35.smm", "present", "qom-list-properties", "pc-q35-7.2-machine lists smm"),
        ("pc-q35-7.2.acpi", "absent", "qom-list-properties", "acpi is not among them"),
        ("Haswell", "present", "query-cpu-definitions", "lists this CPU model"),
        ("Haswell-x86_64-cpu.avx", "present", "qom-list-properties", "has the same class"),
        ("max-x86_64-cpu.avx", "unknown", None, "were never asked"),
        ("array.feature[3]", "present", "qom-list-properties", "feature[*]"),
        ("blockdev-add", "present", "query-qmp-schema", "lists this command"),
        ("blockdev-add.filename", "present", "query-qmp-schema", "has filename"),
        ("blockdev-add.driver.file", "present", "query-qmp-schema", "has driver.file"),
        ("blockdev-add.discard", "absent", "query-qmp-schema", "has no discard"),
        ("-overcommit", "present", "query-command-line-options", "lists -overcommit"),
        ("-overcommit.mem-lock", "present", "query-command-line-options", "(boolean)"),
        ("-overcommit.cpu-pm", "absent", "query-command-line-options", "has no key cpu-pm"),
        ("-realtime", "absent", "query-command-line-options", "lists no option"),
    ],
)
def test_evidence(fact: str, verdict: str, command: str | None, note: str) -> None:
    evidence = CAPS.supports(fact)
    assert (evidence.fact, evidence.verdict, evidence.command) == (fact, Verdict(verdict), command)
    assert note in evidence.note
    assert CAPS.has(fact) is (verdict == "present")


def test_the_deciding_part_of_the_reply_is_shown() -> None:
    assert CAPS.supports("PIIX4_PM.addr").reply == {"name": "addr", "type": "bool"}
    assert CAPS.supports("PIIX4_PM.x").reply == ["acpi-root-pci-hotplug", "addr"]
    assert CAPS.supports("virtio-gpu-device.x").error == "Class 'virtio-gpu-device' not found"


@pytest.mark.parametrize(
    ("fact", "suggestions"),
    [
        ("PIIX4_PN", ("PIIX4_PM",)),
        ("PIIX4_PN.addr", ("PIIX4_PM",)),
        ("PIIX4_PM.adr", ("addr",)),
        ("Haswel", ("Haswell",)),
        ("blockdev-ad", ("blockdev-add",)),
        ("blockdev-add.filenam", ("filename",)),
        ("-overcomit", ("-overcommit",)),
        ("-overcommit.mem-lok", ("mem-lock",)),
        ("PIIX4_PM", ()),
        ("nothing-like-it-at-all", ()),
    ],
)
def test_what_is_like_a_name_is_a_suggestion_and_no_part_of_the_answer(fact: str, suggestions: tuple[str, ...]) -> None:
    found, spared = CAPS.supports(fact), resolve(CAPS, fact, near=False)
    assert found.suggestions == suggestions
    assert spared == found.model_copy(update={"suggestions": ()})


def test_of_many_types_the_note_says_how_many() -> None:
    evidence = CAPS.supports("PIIX4_PN")
    assert (evidence.command, evidence.reply) == ("qom-list-types", None)
    assert f"qom-list-types lists {len(CAPS.types or ())} types" in evidence.note


def test_crashing_types_are_named_with_their_end() -> None:
    assert CAPS.crashing_types == {"deadly": "SIGABRT: Assertion failed"}


@pytest.mark.parametrize("fact", ["", ".", "a.", ".a", "a..b", "-", "a\nb", "a" * 300, "é", "a;b", "--x"])
def test_what_is_no_name_is_refused(fact: str) -> None:
    with pytest.raises(FactError):
        CAPS.supports(fact)


@pytest.mark.slow
@given(st.text(max_size=300))
def test_any_text_is_answered_or_refused(fact: str) -> None:
    try:
        evidence = CAPS.supports(fact)
    except FactError:
        return
    assert evidence.fact == fact


def test_nothing_asked_is_all_unknown() -> None:
    caps = Capabilities.from_recording(Recording((Part((Exchange("query-version", None, VERSION),)),)))
    for fact in ("PIIX4_PM", "PIIX4_PM.addr", "-overcommit", "blockdev-add.driver"):
        assert caps.supports(fact).verdict is Verdict.unknown
    assert caps.version.package == "Debian 1:7.2"


@pytest.mark.parametrize(
    "exchange",
    [
        Exchange("query-version", None, "7.2"),
        Exchange("query-version", None, {"qemu": {"major": "x", "minor": 2, "micro": 0}}),
        Exchange("query-machines", None, [{}]),
        Exchange("qom-list-types", None, [1]),
        Exchange("qom-list-properties", {"typename": 1}, []),
        Exchange("qom-list-properties", None, []),
        Exchange("query-qmp-schema", None, {"a": 1}),
        Exchange("query-command-line-options", None, [{"option": "a"}]),
    ],
)
def test_replies_of_another_form_are_refused(exchange: Exchange) -> None:
    first = () if exchange.command == "query-version" else (Exchange("query-version", None, VERSION),)
    with pytest.raises(RecordingError) as caught:
        Capabilities.from_recording(Recording((Part((*first, exchange)),)))
    assert exchange.command in caught.value.message or "version" in caught.value.message


def test_a_recording_without_version_is_refused() -> None:
    with pytest.raises(RecordingError, match="query-version was not answered"):
        Capabilities.from_recording(Recording((Part((Exchange("query-kvm", None, {}),)),)))


@pytest.mark.parametrize("deep", [False, True])
def test_a_copy_with_other_values_answers_of_its_own(deep: bool) -> None:
    caps = CAPS.model_copy()
    assert caps.supports("blockdev-add.filename").verdict is Verdict.present
    assert caps.has("blockdev-add.filename") and caps.schema_ is not None
    bare = caps.model_copy(update={"schema_text": None}, deep=deep)
    assert bare.supports("blockdev-add.filename").verdict is Verdict.unknown
    assert not bare.has("blockdev-add.filename") and bare.schema_ is None
    assert caps.has("blockdev-add.filename")
