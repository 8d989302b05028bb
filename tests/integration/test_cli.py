"""The command against a real QEMU, its recording and a service: three ways to one answer."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.integration.processes import PROBER, Ended, run_installed, run_prober, start_service

EXAMPLE = CHECKOUT / "fixtures" / "domains" / "example.xml"
PRESENT, ABSENT = "PIIX4_PM.acpi-root-pci-hotplug", "PIIX4_PM.no-such-property"


@pytest.fixture(scope="module")
def recording(qemu_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the installed QEMU says, recorded by the command itself."""
    path = tmp_path_factory.mktemp("recording") / "qemu.replies.xz"
    ended = run_installed("record", qemu_binary, "-o", path)
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(rf"{path}: \d+ answers of {qemu_binary} in \d+\.\d\d s, \d+ KiB\n", ended.out)
    return path


@pytest.fixture(scope="module")
def service(qemu_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a service that has the installed QEMU."""
    socket = tmp_path_factory.mktemp("service") / "prober.sock"
    with start_service(socket, "--directory", socket.parent, "--binary", qemu_binary):
        yield socket


@pytest.fixture(scope="module")
def sources(qemu_binary: str, recording: Path, service: Path) -> list[list[object]]:
    return [["--socket", service], ["--binary", qemu_binary], ["--replies", recording]]


def _everywhere(sources: list[list[object]], *words: object, stdin: str = "") -> list[Ended]:
    return [run_prober(words[0], *source, *words[1:], stdin=stdin) for source in sources]


def _in_words(sources: list[list[object]], *words: object, stdin: str = "") -> list[Ended]:
    """The same in words, which are made of the answer that was compared: a binary would be interviewed once more."""
    return _everywhere([source for source in sources if source[0] != "--binary"], *words, stdin=stdin)


@pytest.mark.parametrize(("fact", "code", "verdict"), [(PRESENT, 0, "present"), (ABSENT, 1, "absent")])
def test_supports_is_the_same_everywhere(sources: list[list[object]], fact: str, code: int, verdict: str) -> None:
    answers = _everywhere(sources, "supports", "--json", fact)
    assert [(ended.code, ended.err) for ended in answers] == [(code, "")] * 3
    evidence = [json.loads(ended.out) for ended in answers]
    assert evidence[0] == evidence[1] == evidence[2]
    assert evidence[0]["verdict"] == verdict
    for ended in _in_words(sources, "supports", fact):
        assert ended.out.startswith(f"{fact}: {verdict}\n  of        /")


def test_a_type_that_kills_qemu_is_unknown(sources: list[list[object]]) -> None:
    crashing = json.loads(run_prober("show", *sources[2], "--json").out)[0]["crashing_types"]
    if not crashing:
        return  # This QEMU survives all questions, as 11.1 does; the unit tests have a recording of one that does not.
    fact = f"{min(crashing)}.anything"
    for ended in _everywhere(sources, "supports", fact):
        assert (ended.code, ended.err) == (4, "")
        assert ended.out.startswith(f"{fact}: unknown\n")


def test_a_translation_is_the_same_everywhere(sources: list[list[object]], qemu_binary: str) -> None:
    answers = _everywhere(sources, "translate", "--format", "json", EXAMPLE)
    assert [(ended.code, ended.err) for ended in answers] == [(0, "")] * 3
    translations = [json.loads(ended.out) for ended in answers]
    assert sorted(translations[0]) == ["argv", "binary", "cards", "ground", "hotplug", "notes", "resources"]
    assert translations[0]["ground"] == "checked"
    assert translations[0] == translations[1] == translations[2]
    assert translations[0]["argv"][0] == qemu_binary
    assert "PIIX4_PM.acpi-root-pci-hotplug=off" in translations[0]["argv"]

    for ended in _in_words(sources, "translate", EXAMPLE):
        assert (ended.code, ended.err) == (0, "checked against all that this QEMU says of itself; --prove starts it\n")
        assert ended.out.startswith(f"{qemu_binary} \\\n  -")
        assert "\n  -global PIIX4_PM.acpi-root-pci-hotplug=off \\\n" in ended.out


def test_a_monitor_is_in_the_argv_and_among_what_to_prepare(sources: list[list[object]]) -> None:
    for ended in _everywhere(sources, "translate", "--json", "--monitor", "/run/qmp.sock", EXAMPLE):
        translation = json.loads(ended.out)
        assert "socket,id=charmonitor,path=/run/qmp.sock,server=on,wait=off" in translation["argv"]
        assert [item["name"] for item in translation["resources"]][:2] == ["charmonitor", "on_poweroff"]
    for ended in _everywhere(sources, "translate", "--monitor", "relative", EXAMPLE):
        assert (ended.code, ended.out) == (2, "")


def test_a_domain_comes_from_stdin_too(sources: list[list[object]]) -> None:
    assert (
        run_installed("translate", *sources[0], "-", stdin=EXAMPLE.read_text()).out
        == run_prober("translate", *sources[0], EXAMPLE).out
    )


def test_verbose_says_who_handles_hotplug(sources: list[list[object]]) -> None:
    ended = run_prober("translate", *sources[0], "--verbose", EXAMPLE)
    assert "hot-plug on pci.0 (pci-root): none" in ended.err


def test_a_refusal_names_file_line_and_path(sources: list[list[object]], tmp_path: Path) -> None:
    xml = EXAMPLE.read_text().replace("machine='pc'", "machine='q35'").replace("<vcpu>2<", "<vcpu nonsense='1'>2<")
    path = tmp_path / "vm.xml"
    path.write_text(xml)
    lines = xml.splitlines()
    place = {
        word: next(number for number, line in enumerate(lines, 1) if word in line)
        for word in ("nonsense", "acpi-root-hotplug")
    }
    for ended in _in_words(sources, "translate", path):
        assert (ended.code, ended.out) == (3, "")
        assert re.search(rf"^{path}:{place['nonsense']}: /domain/vcpu/@nonsense: .", ended.err, re.MULTILINE)
    for ended in _everywhere(sources, "translate", "--json", "-", stdin=EXAMPLE.read_text().replace("'pc'", "'q35'")):
        assert ended.code == 3
        refusals: list[dict[str, Any]] = json.loads(ended.out)["refusals"]
        assert place["acpi-root-hotplug"] in [refusal["place"]["line"] for refusal in refusals]
        assert ended.err.startswith("<stdin>:")
        assert len(ended.err.splitlines()) == len(refusals)


@pytest.mark.parametrize("xml", ["", "<domain>", "no XML at all", "<!DOCTYPE domain><domain/>", "<domain/>" * 2, "\0"])
def test_unreadable_xml_is_2_everywhere(sources: list[list[object]], xml: str) -> None:
    for ended in _everywhere(sources, "translate", "-", stdin=xml):
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("prober: <stdin>")


def test_an_oversized_domain_is_2_everywhere(sources: list[list[object]]) -> None:
    xml = f"<domain><!--{'x' * (2 << 20)}--></domain>"
    for ended in _everywhere(sources, "translate", "-", stdin=xml):
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("prober: ")


def test_a_missing_file_is_2(sources: list[list[object]], tmp_path: Path) -> None:
    for ended in _everywhere(sources, "translate", tmp_path / "missing.xml"):
        assert (ended.code, ended.out) == (2, "")
        assert "missing.xml: cannot be read: No such file or directory" in ended.err


def test_a_command_line_is_checked_the_same_everywhere(sources: list[list[object]], qemu_binary: str) -> None:
    words = [qemu_binary, "-S", "-device", "e1000,mak=x", "-global", "PIIX4_PM.acpi-root=off"]
    answers = _everywhere(sources, "check-argv", "--json", "--", *words)
    assert [(ended.code, ended.err) for ended in answers] == [(3, "")] * 3
    reports = [json.loads(ended.out) for ended in answers]
    assert reports[0] == reports[1] == reports[2]
    assert [(one["position"], one["qemu_name"]) for one in reports[0]["findings"]] == [
        (2, "e1000.mak"),
        (4, "PIIX4_PM.acpi-root"),
    ]
    for ended in _in_words(sources, "check-argv", stdin=shlex.join(words)):
        assert ended.code == 3
        assert [line.split(":")[:2] for line in ended.out.splitlines()] == [
            ["2", " -device mak"],
            ["4", " -global acpi-root"],
        ]
    for ended in _everywhere(sources, "check-argv", stdin="'"):
        assert (ended.code, ended.out) == (2, "")


def test_our_own_command_lines_are_clean(sources: list[list[object]]) -> None:
    translated = run_prober("translate", *sources[0], EXAMPLE).out
    for ended in _everywhere(sources, "check-argv", stdin=translated):
        assert (ended.code, ended.out) == (0, "")
        assert ended.err == "checked: nothing stands against it; `prober prove` starts it\n"


def test_a_command_line_is_for_a_binary_that_the_service_has(service: Path, qemu_binary: str) -> None:
    ended = run_prober("check-argv", "--socket", service, "--", "/bin/true", "-S")
    assert (ended.code, ended.out) == (2, "")
    assert "--binary" in ended.err
    assert run_prober("check-argv", "--socket", service, "--binary", qemu_binary, "--", "/bin/true", "-S").code == 0


def _against(*qemus: object) -> list[object]:
    return [word for qemu in qemus for word in ("--against", qemu)]


def test_a_domain_is_checked_against_binaries_and_recordings(recording: Path, qemu_binary: str) -> None:
    ended = run_prober("check", EXAMPLE, *_against(qemu_binary, recording, CHECKOUT / "fixtures" / "replies"))
    assert ended.code == 0
    assert ended.err.startswith("left out, as the domain is not for aarch64 or ")
    rows = [row.split() for row in ended.out.splitlines()[1:]]
    assert len(rows) == 6
    assert [row[1] for row in rows] == ["yes"] * 6
    assert rows[0][0] == rows[1][0]


def test_show_types_is_the_same_everywhere(sources: list[list[object]]) -> None:
    answers = _everywhere(sources, "show", "--json", "types")
    types = [json.loads(ended.out) for ended in answers]
    assert types[0]["types"] == types[1]["types"] == types[2]["types"]
    assert types[0]["types"]["PIIX4_PM"] == "pci-device"
    described = [json.loads(ended.out) for ended in _everywhere(sources, "show", "--json", "type", "PIIX4_PM")]
    for one in described:
        assert "acpi-root-pci-hotplug" in {item["name"] for item in one["properties"]}
        assert {**one, "binary": ""} == {**described[0], "binary": ""}
    for ended in _in_words(sources, "show", "type", "PIIX4_PN"):
        assert ended.code == 2
        assert "PIIX4_PM" in ended.err


def test_show_walks_through_a_qemu(sources: list[list[object]]) -> None:
    for what, expected in [
        ("summary", "x86_64"),
        ("machines", "pc-i440fx-"),
        ("cpus", "qemu64"),
        ("types", "PIIX4_PM"),
    ]:
        ended = run_prober("show", *sources[2], what)
        assert (ended.code, ended.err) == (0, "")
        assert expected in ended.out


@pytest.mark.parametrize("words", [["machines"], ["cpus"], ["commands"], ["command", "blockdev-add"]])
def test_show_is_the_same_everywhere(sources: list[list[object]], words: list[str]) -> None:
    answers = _everywhere(sources, "show", *words)
    assert [(ended.code, ended.err) for ended in answers] == [(0, "")] * 3
    assert answers[0].out == answers[1].out == answers[2].out
    assert len(answers[0].out.splitlines()) > 20


@pytest.mark.parametrize(
    "fact", [PRESENT, ABSENT, "pc", "qemu64", "virtio-blk-pci", "blockdev-add.discard", "query-version"]
)
def test_an_explanation_is_the_same_everywhere(sources: list[list[object]], fact: str, whole: bool) -> None:
    """Without ``--whole`` the binary itself is interviewed for one that it has and one that it lacks."""
    asked = [source for source in sources if whole or fact in (PRESENT, ABSENT) or source[0] != "--binary"]
    answers = _everywhere(asked, "explain", "--json", fact)
    assert [(ended.code, ended.err) for ended in answers] == [(0, "")] * len(asked)
    explanations = [json.loads(ended.out) for ended in answers]
    assert all(explanation == explanations[0] for explanation in explanations)
    assert (explanations[0]["about"] is None) == (fact == ABSENT)
    assert len(explanations[0]["history"]["seen"]) == 4
    for ended in _in_words(sources, "explain", fact):
        assert "\n  versions  " in ended.out


def test_a_binary_its_recording_and_the_service_do_not_differ(qemu_binary: str, recording: Path, service: Path) -> None:
    ident = Path(qemu_binary).name
    for a, b in [(qemu_binary, recording), (ident, recording), (qemu_binary, ident), (recording, qemu_binary)]:
        ended = run_prober("diff", "--socket", service, "--summary", a, b)
        assert (ended.code, ended.err) == (0, "")
        assert not re.search(r"^(machines|devices|types|commands|members|options|keys) ", ended.out, re.MULTILINE)
        answer = json.loads(run_prober("diff", "--socket", service, "--json", a, b).out)
        assert not [group for group in answer["groups"] if group["changes"]]
    ended = run_prober("diff", qemu_binary, recording, "--summary")
    assert ended.out.startswith(f"A: {qemu_binary} (QEMU ")
    ended = run_prober("diff", "--socket", service, "no-such-id", recording)
    assert (ended.code, ended.out) == (2, "")
    assert "the service has no binary 'no-such-id'" in ended.err


def test_a_real_upgrade_for_a_domain(qemu_binary: str) -> None:
    newest = CHECKOUT / "fixtures" / "replies" / "qemu-11.1.2.replies.xz"
    ended = run_prober("diff", "--json", qemu_binary, newest, "--for", EXAMPLE)
    assert (ended.code, ended.err) == (0, "")
    answer = json.loads(ended.out)
    assert answer["domain"]["a"]["accepted"]
    assert answer["domain"]["b"]["accepted"]
    ended = run_prober("translate", "--binary", qemu_binary, "--json", EXAMPLE)
    assert answer["domain"]["a"]["argv"] == json.loads(ended.out)["argv"]
    assert sum(len(group["changes"]) for group in answer["groups"]) < 30


def test_a_binary_of_the_service_is_chosen_by_path_or_id(service: Path, qemu_binary: str) -> None:
    for name in (qemu_binary, Path(qemu_binary).name):
        assert run_prober("supports", "--socket", service, "--binary", name, PRESENT).code == 0
        assert run_prober("translate", "--socket", service, "--binary", name, EXAMPLE).code == 0
    ended = run_prober("supports", "--socket", service, "--binary", "/bin/sh", PRESENT)
    assert (ended.code, ended.out) == (2, "")
    assert "the service has no binary '/bin/sh'" in ended.err


def test_probe_says_what_a_qemu_comes_to(qemu_binary: str) -> None:
    ended = run_prober("probe", qemu_binary, "--json")
    assert (ended.code, ended.err) == (0, "")
    (one,) = json.loads(ended.out)["binaries"]
    assert (one["binary"], one["target"]) == (qemu_binary, "x86_64")
    assert one["types"] > 500
    assert one["properties"] > 10_000
    assert 0 < one["seconds"] < 60

    table = run_prober("probe", qemu_binary, "--accel", "tcg")
    assert table.code == 0
    headers, row, *_ = table.out.splitlines()
    assert headers.split()[:4] == ["binary", "version", "target", "kvm"]
    assert row.split()[:4] == [qemu_binary, _dotted(one["version"]), "x86_64", "no"]


def _dotted(version: dict[str, Any]) -> str:
    return ".".join(str(version[part]) for part in ("major", "minor", "micro"))


def test_probe_goes_on_after_a_failure(qemu_binary: str) -> None:
    ended = run_installed("probe", "/bin/true", "/no/such/file", qemu_binary)
    assert ended.code == 5
    assert "prober: /bin/true ended" in ended.err
    assert "/no/such/file" in ended.err
    assert qemu_binary in ended.out


def test_record_keeps_what_was_there_on_failure(tmp_path: Path) -> None:
    target = tmp_path / "kept.replies"
    target.write_text("kept")
    ended = run_prober("record", "/bin/true", "-o", target)
    assert (ended.code, ended.out) == (5, "")
    assert target.read_text() == "kept"
    assert os.listdir(tmp_path) == ["kept.replies"]


def test_a_partial_recording_refuses_what_is_unknown(tmp_path: Path, qemu_binary: str, recording: Path) -> None:
    """Without the answers about PIIX4_PM, its properties are unknown: refused, unless they are taken for granted."""
    whole = json.loads(run_prober("translate", "--replies", recording, "--json", EXAMPLE).out)
    partial = tmp_path / "partial.replies"
    script = (
        "import asyncio, sys\n"
        "from prober.qemu.files import read_recording, write_recording\n"
        "from prober.qemu.recording import Part, Recording\n"
        "whole = asyncio.run(read_recording(sys.argv[1]))\n"
        "parts = tuple(Part(tuple(e for e in part.exchanges if (e.arguments or {}).get('typename') != 'PIIX4_PM'))\n"
        "              for part in whole.parts)\n"
        "asyncio.run(write_recording(sys.argv[2], Recording(parts)))\n"
    )
    python = Path(PROBER).with_name("python")
    subprocess.run([python, "-c", script, recording, partial], check=True, timeout=60)

    assert run_prober("supports", "--replies", partial, PRESENT).code == 4
    refused = run_prober("translate", "--replies", partial, EXAMPLE)
    assert (refused.code, refused.out) == (3, "")
    assert "PIIX4_PM" in refused.err
    assumed = run_prober("translate", "--replies", partial, "--assume-unknown-present", "--json", EXAMPLE)
    assert (assumed.code, json.loads(assumed.out)["argv"]) == (0, whole["argv"])


def test_a_service_that_is_gone_is_5(tmp_path: Path) -> None:
    ended = run_installed("supports", "--socket", tmp_path / "gone.sock", PRESENT)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith(f"prober: there is no service on {tmp_path}/gone.sock\nhint: ")


def test_a_second_service_on_the_socket_is_told(service: Path) -> None:
    ended = run_prober("serve", "--config", "/dev/null", "--socket", service, "--directory", service.parent)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("prober: ")
    assert run_prober("supports", "--socket", service, PRESENT).code == 0


def test_wrong_settings_are_told(tmp_path: Path) -> None:
    config = tmp_path / "prober.toml"
    config.write_text("max_body = 'many'\n")
    ended = run_installed("serve", "--config", config, "--socket", tmp_path / "s")
    assert (ended.code, ended.out) == (5, "")
    assert "max_body" in ended.err
