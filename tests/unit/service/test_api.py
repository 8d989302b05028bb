"""Every route through a real socket: what it gives, and how it refuses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from prober.capabilities import Capabilities, Evidence
from prober.capabilities.entry import Entry
from prober.errors import LaunchError
from prober.host.facts import HostFacts
from prober.host.look import read_host_facts
from prober.qemu.recording import Recording
from prober.service.answers import CommandList, CommandReply, CpuList, MachineList, TypeList, TypeReply
from prober.service.client import Client
from prober.service.problems import Problem
from prober.service.replies import BinaryList, Health
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, load_recording
from tests.unit.capabilities.asking import Asker, Told
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running

FACT = "PIIX4_PM.acpi-root-pci-hotplug"
ID = "qemu-system-x86_64"
DOMAIN = """<domain type='qemu'>
  <name>guest</name><memory unit='MiB'>256</memory>
  <os><type arch='{arch}' machine='pc'>hvm</type></os>
  <features><acpi/></features>{pm}
  <devices>{emulator}<controller type='pci' index='0' model='pci-root'/></devices>
</domain>"""


def domain(*, emulator: str = "", arch: str = "x86_64", pm: str = "") -> bytes:
    text = f"<emulator>{emulator}</emulator>" if emulator else ""
    return DOMAIN.format(emulator=text, arch=arch, pm=pm).encode()


class WaitingAsker(Asker):
    """The real recording for one binary, a failure for ``…-broken``, and a wait for ``…-slow``."""

    recording: Recording
    slow: threading.Event

    async def __call__(self, path: str) -> Told:
        self.asked.append(path)
        if path.endswith("-broken"):
            raise LaunchError("it is no program", hint="install it again")
        if path.endswith("-slow"):
            while not self.slow.is_set():
                await asyncio.sleep(0.01)
        return Told(self.recording)


@dataclass
class Served:
    """A service with three binaries: one that works, one that fails, and one that waits until it is let go."""

    directory: Path
    client: Client
    asker: WaitingAsker

    @property
    def binary(self) -> str:
        return str(self.directory / "bin" / ID)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("served")
    for name in (ID, "qemu-system-broken", "qemu-system-slow"):
        make_binary(directory / "bin", name)
    asker = WaitingAsker()
    asker.recording = load_recording(FIXTURES / "qemu-7.2.22.replies.xz")
    asker.slow = threading.Event()
    settings = make_settings(directory, {"max_interviews": 3})
    with running(settings, asker) as path, Client(path, timeout=20) as client:
        yield Served(directory, client, asker)
        asker.slow.set()


def refused(served: Served, path: str, status: int, body: bytes | None = None, **more: str) -> Problem:
    """Ask for something that is refused, and get the problem."""
    reply = served.client.get(path) if body is None else served.client.post(path, body, **more)
    assert reply.status == status, reply
    problem = Problem.model_validate(reply.value)
    assert problem.status == status
    assert "Traceback" not in str(reply.value)
    return problem


def test_health(served: Served) -> None:
    served.client.get(f"/v1/binaries/{ID}")
    health = Health.model_validate(served.client.get("/healthz").value)
    assert health.status == "ok"
    assert sum(health.binaries.values()) == 3


def test_binaries(served: Served) -> None:
    reply = served.client.get("/v1/binaries")
    assert {entry.id for entry in BinaryList.model_validate(reply.value).binaries} == {
        ID,
        "qemu-system-broken",
        "qemu-system-slow",
    }


def test_binary(served: Served) -> None:
    entry = Entry.model_validate(served.client.get(f"/v1/binaries/{ID}").value)
    assert (entry.state, entry.targets, str(entry.version)) == ("ready", ("x86_64",), "7.2.22")
    assert entry.fingerprint is not None
    assert entry.fingerprint.file.path == served.binary
    assert "colo-compare" in entry.crashing_types
    assert entry.timings


def test_failed_binary(served: Served) -> None:
    entry = Entry.model_validate(served.client.get("/v1/binaries/qemu-system-broken").value)
    assert entry.state == "failed"
    assert "it is no program" in (entry.error or "")
    for path in ("types", "types/PIIX4_PM", f"supports?fact={FACT}"):
        problem = refused(served, f"/v1/binaries/qemu-system-broken/{path}", 503)
        assert "it is no program" in problem.detail
        assert problem.hint == "install it again"
    assert served.asker.asked.count(str(served.directory / "bin/qemu-system-broken")) == 1


def test_others_are_served_while_one_is_slow(served: Served) -> None:
    assert served.client.get(f"/v1/binaries/{ID}/supports?fact={FACT}").ok
    states = {entry["id"]: entry["state"] for entry in served.client.get("/v1/binaries").value["binaries"]}
    assert states["qemu-system-slow"] == "asking"


def test_host(served: Served) -> None:
    assert HostFacts.model_validate(served.client.get("/v1/host").value) == read_host_facts()


def test_types(served: Served) -> None:
    types = TypeList.model_validate(served.client.get(f"/v1/binaries/{ID}/types").value)
    assert types.types is not None
    assert types.types["PIIX4_PM"] == "pci-device"
    assert types.abstract_types is not None
    assert "pci-device" in types.abstract_types


def test_type(served: Served) -> None:
    reply = TypeReply.model_validate(served.client.get(f"/v1/binaries/{ID}/types/PIIX4_PM").value)
    assert reply.parent == "pci-device"
    assert "acpi-root-pci-hotplug" in {item.name for item in reply.properties or []}
    family = TypeReply.model_validate(served.client.get(f"/v1/binaries/{ID}/types/Penryn-x86_64-cpu").value)
    assert family.asked_as is not None
    assert family.properties
    crashed = TypeReply.model_validate(served.client.get(f"/v1/binaries/{ID}/types/colo-compare").value)
    assert crashed.crashed
    assert crashed.properties is None
    assert crashed.error
    abstract = TypeReply.model_validate(served.client.get(f"/v1/binaries/{ID}/types/pci-device").value)
    assert abstract.abstract


def test_unknown_type(served: Served) -> None:
    problem = refused(served, f"/v1/binaries/{ID}/types/PIIX4_PN", 404)
    assert problem.hint == "did you mean PIIX4_PM?"
    refused(served, f"/v1/binaries/{ID}/types/{'x' * 3000}", 404)


def test_lists(served: Served) -> None:
    known = Capabilities.from_recording(served.asker.recording)
    machines = MachineList.model_validate(served.client.get(f"/v1/binaries/{ID}/machines").value)
    assert machines.machines == known.machines
    cpus = CpuList.model_validate(served.client.get(f"/v1/binaries/{ID}/cpus").value)
    assert cpus.cpus == known.cpu_models
    commands = CommandList.model_validate(served.client.get(f"/v1/binaries/{ID}/commands").value)
    assert frozenset(commands.commands or ()) == known.commands
    assert "STOP" in (commands.events or ())
    whole = Capabilities.model_validate(served.client.get(f"/v1/binaries/{ID}/capabilities").value)
    assert whole == known


def test_command(served: Served) -> None:
    reply = CommandReply.model_validate(served.client.get(f"/v1/binaries/{ID}/commands/blockdev-add").value)
    discard = next(member for member in reply.members or () if member.name == "discard")
    assert (discard.type, discard.optional) == ("enum", True)
    assert [value.name for value in discard.values] == ["ignore", "unmap"]
    problem = refused(served, f"/v1/binaries/{ID}/commands/blockdev-ad", 404)
    assert problem.type == "urn:prober:unknown-name"
    assert "blockdev-add" in (problem.hint or "")
    refused(served, f"/v1/binaries/{ID}/commands/{'x' * 3000}", 404)
    # An event and a type of the schema are no commands, though the schema has entities of these names.
    for name in ("STOP", "str", "1"):
        refused(served, f"/v1/binaries/{ID}/commands/{name}", 404)


@pytest.mark.parametrize("route", ["machines", "cpus", "commands", "commands/blockdev-add", "capabilities"])
def test_lists_are_of_one_binary_that_works(served: Served, route: str) -> None:
    refused(served, f"/v1/binaries/nope/{route}", 404)
    refused(served, f"/v1/binaries/qemu-system-broken/{route}", 503)
    refused(served, f"/v1/binaries/{ID}/{route}?x=1", 400)


@pytest.mark.parametrize(
    ("fact", "verdict"),
    [
        (FACT, "present"),
        ("PIIX4_PM.no-such-thing", "absent"),
        ("colo-compare.x", "unknown"),
        ("-overcommit.mem-lock", "present"),
        ("pc-q35-7.2", "present"),
    ],
)
def test_supports(served: Served, fact: str, verdict: str) -> None:
    reply = served.client.get(f"/v1/binaries/{ID}/supports?fact={quote(fact)}")
    evidence = Evidence.model_validate(reply.value)
    assert (evidence.fact, evidence.verdict) == (fact, verdict)
    known = Capabilities.from_recording(served.asker.recording).supports(fact)
    assert evidence == known


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "no fact"),
        ("?fact=", "no fact"),
        ("?fact=..", "not a fact's name"),
        ("?fact=a&fact=b", "given twice"),
        ("?fact=a&other=b", "unknown query parameter 'other'"),
        ("?fact=%00", "not a fact's name"),
        ("?fact=%ff", "cannot be read"),
        ("?" + "&".join(f"p{number}=1" for number in range(100)), "cannot be read"),
    ],
)
def test_wrong_query(served: Served, query: str, said: str) -> None:
    assert said in refused(served, f"/v1/binaries/{ID}/supports{query}", 400).detail


@pytest.mark.parametrize("path", ["", "/types", "/types/PIIX4_PM", f"/supports?fact={FACT}"])
@pytest.mark.parametrize("ident", ["nope", "..", "%2e%2e", "bin%2Fsh", "%00", "x" * 500])
def test_unknown_binary(served: Served, ident: str, path: str) -> None:
    refused(served, f"/v1/binaries/{ident}{path}", 404)


def test_a_program_cannot_be_named(served: Served) -> None:
    before = list(served.asker.asked)
    refused(served, "/v1/translate?binary=/bin/true", 404, domain())
    refused(served, "/v1/translate", 404, domain(emulator="/bin/true"))
    refused(served, "/v1/translate?binary=" + quote(served.binary + "\0"), 404, domain())
    assert served.asker.asked == before


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/binaries/", "/docs", "/redoc", "/openapi.json/", "//healthz"])
def test_unknown_route(served: Served, path: str) -> None:
    assert refused(served, path, 404).hint == "the routes are in /openapi.json"


@pytest.mark.parametrize("path", ["/v1/binaries", "/healthz", f"/v1/binaries/{ID}/supports?fact=x"])
def test_wrong_method(served: Served, path: str) -> None:
    refused(served, path, 405, b"")
    refused(served, "/v1/translate", 405)


def test_translate_by_emulator(served: Served) -> None:
    reply = served.client.post("/v1/translate", domain(emulator=served.binary))
    translation = Translation.model_validate(reply.value)
    assert translation.argv[0] == translation.binary == served.binary


def test_translate_by_name_and_by_arch(served: Served) -> None:
    for path in ("/v1/translate", f"/v1/translate?binary={ID}", f"/v1/translate?binary={quote(served.binary)}"):
        assert served.client.post(path, domain()).value["argv"][0] == served.binary
    assert "no binary for s390x" in refused_while_slow(served)


def refused_while_slow(served: Served) -> str:
    """No binary's name tells of s390x, so all of them are waited for: the slow one is let go."""
    served.asker.slow.set()
    return refused(served, "/v1/translate", 404, domain(arch="s390x")).detail


def test_translated_options(served: Served) -> None:
    pm = "<pm><acpi-root-hotplug enabled='no'/></pm>"
    argv = served.client.post("/v1/translate", domain(emulator=served.binary, pm=pm)).value["argv"]
    assert "PIIX4_PM.acpi-root-pci-hotplug=off" in argv


def test_refused_domain(served: Served) -> None:
    xml = domain(emulator=served.binary, pm="<pm><nonsense/></pm><more/>")
    problem = refused(served, "/v1/translate", 422, xml)
    assert problem.type == "urn:prober:refused"
    assert problem.refusals is not None
    assert len(problem.refusals) == 2
    assert all(refusal.place.line and refusal.message for refusal in problem.refusals)


@pytest.mark.parametrize(
    "xml", [b"", b"<domain", b"not xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><domain/>", b"<a>" * 70000, b"\0" * 100]
)
def test_unreadable_domain(served: Served, xml: bytes) -> None:
    refused(served, "/v1/translate", 400, xml)


def test_failed_binary_does_not_translate(served: Served) -> None:
    assert "it is no program" in refused(served, "/v1/translate?binary=qemu-system-broken", 503, domain()).detail


@pytest.mark.parametrize("value", ["maybe", "", "2"])
def test_wrong_truth_value(served: Served, value: str) -> None:
    refused(served, f"/v1/translate?assume_unknown_present={value}", 400, domain())


def test_a_monitor_where_one_is_wanted(served: Served) -> None:
    value = served.client.post(
        "/v1/translate?monitor=/run/qmp.sock", domain(emulator=served.binary), "application/xml"
    ).value
    assert "socket,id=charmonitor,path=/run/qmp.sock,server=on,wait=off" in value["argv"]
    assert value["resources"][0]["kind"] == "monitor"
    refused(served, "/v1/translate?monitor=relative", 400, domain(emulator=served.binary))


def test_notes_of_a_translation_and_who_wants_none(served: Served) -> None:
    xml = domain(emulator=served.binary, pm="<on_crash>restart</on_crash><toaster/>")
    value = served.client.post("/v1/translate?ignore_unknown=true", xml, "application/xml").value
    assert {note["place"]["path"] for note in value["notes"]} == {"/domain/on_crash", "/domain/toaster"}
    refusals = refused(served, "/v1/translate?ignore_unknown=true&strict=true", 422, xml).refusals
    assert refusals is not None
    assert {refusal.place.path for refusal in refusals} == {"/domain/on_crash", "/domain/toaster"}
    assert served.client.post("/v1/translate", domain(emulator=served.binary), "application/xml").value["notes"] == []
    refused(served, "/v1/translate?strict=maybe", 400, xml)


def test_a_moment_and_a_seed_are_parameters(served: Served) -> None:
    xml = domain(emulator=served.binary, pm="<clock offset='variable' adjustment='5' basis='utc'/>")
    refused(served, "/v1/translate", 422, xml)
    refused(served, "/v1/translate?starts_at=soon", 400, xml)
    value = served.client.post("/v1/translate?starts_at=1600000000&make_up=1", xml, "application/xml").value
    assert "base=2020-09-13T12:26:45" in value["argv"]
    assert "-uuid" in value["argv"]
    assert [one["kind"] for one in value["resources"] if one["name"] == "clock"] == ["moment"]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "image/png"])
def test_body_that_is_declared_as_something_else(served: Served, kind: str) -> None:
    refused(served, "/v1/translate", 415, domain(), content_type=kind)


@pytest.mark.parametrize(
    "kind", ["application/xml", "text/xml; charset=utf-8", "application/x-www-form-urlencoded", ""]
)
def test_body_that_may_be_xml(served: Served, kind: str) -> None:
    assert served.client.post("/v1/translate", domain(emulator=served.binary), kind).ok


def test_refresh(served: Served) -> None:
    before = served.asker.asked.count(served.binary)
    entry = Entry.model_validate(served.client.post(f"/v1/binaries/{ID}/refresh").value)
    assert (entry.state, entry.source) == ("ready", "interview")
    assert served.asker.asked.count(served.binary) == before + 1
    refused(served, "/v1/binaries/nope/refresh", 404, b"")
    refused(served, f"/v1/binaries/{ID}/refresh", 405)


def test_changed_binary_is_asked_again(served: Served) -> None:
    before = served.asker.asked.count(served.binary)
    make_binary(served.directory / "bin", ID, "another")
    assert served.client.get(f"/v1/binaries/{ID}/supports?fact={FACT}").ok
    assert served.asker.asked.count(served.binary) == before + 1


def test_the_description_is_served(served: Served) -> None:
    schema = served.client.get("/openapi.json").value
    assert served.client.get("/openapi.json?x=1").value == schema, "whoever asks may say what they like"
    assert {"/healthz", "/v1/translate", "/v1/binaries/{id}/refresh"} <= schema["paths"].keys()
