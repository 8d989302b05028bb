"""The bundled recordings: whole, and of no host in particular."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prober.capabilities import Capabilities
from prober.qemu.families import cpu_family
from prober.qemu.files import read_recording
from prober.qemu.questions import is_cpu
from prober.qemu.recording import Recording

Aio = Callable[..., Any]

#: Version, and the types whose introspection kills that QEMU.
CRASHING = {
    "5.2.0": {"microvm-machine", "colo-compare", "chardev-wctablet", "chardev-msmouse"},
    "7.2.22": {"microvm-machine", "x-remote-object", "qio-net-listener", "colo-compare"},
    "10.0.13": {"x-remote-object", "qio-net-listener", "colo-compare", "memory-region-portio-list"},
    "11.1.2": set(),
}

#: Where a package with modules is not installed, a type whose parent is in one of them ends QEMU.
_WITHOUT_MODULES = ("virtio-gpu-gl-pci", "virtio-vga-gl")

#: The same of other targets, all of 7.2.22.
OTHER_CRASHING = {
    "aarch64": {"qio-net-listener", "colo-compare", *_WITHOUT_MODULES[:1]},
    "loongarch64": {"qio-net-listener", "colo-compare", *_WITHOUT_MODULES},
    "riscv64": {"qio-net-listener", "colo-compare", "x-rv128-riscv-cpu", *_WITHOUT_MODULES},
}

MAX_BYTES = 400 << 10


def test_all_are_named_here(fixtures_replies: Path) -> None:
    """A recording of another version, or of none, would not be looked at by these tests."""
    names = {*CRASHING, *(f"{target}-7.2.22" for target in OTHER_CRASHING)}
    assert {path.name for path in fixtures_replies.iterdir()} == {f"qemu-{name}.replies.xz" for name in names}


@pytest.mark.parametrize("target", OTHER_CRASHING)
def test_those_of_other_targets(aio: Aio, fixtures_replies: Path, target: str) -> None:
    path = fixtures_replies / f"qemu-{target}-7.2.22.replies.xz"
    recording: Recording = aio(read_recording(path))
    capabilities = Capabilities.from_recording(recording)
    assert (capabilities.target, str(capabilities.version)) == (target, "7.2.22")
    assert capabilities.crashing_types.keys() == OTHER_CRASHING[target]
    assert capabilities.machine("virt") is not None
    assert Recording.loads(recording.dumps()) == recording
    assert path.stat().st_size <= MAX_BYTES
    assert (capabilities.gic is not None) is (target == "aarch64")
    (part,) = recording.parts
    kvm = part.find("query-kvm")
    assert kvm is not None
    assert kvm.reply == {"enabled": False, "present": False}
    assert os.uname().release not in recording.dumps()


@pytest.fixture(name="version", params=CRASHING)
def _version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="path")
def _path(fixtures_replies: Path, version: str) -> Path:
    return fixtures_replies / f"qemu-{version}.replies.xz"


@pytest.fixture(name="recording")
def _recording(aio: Aio, path: Path) -> Recording:
    recording: Recording = aio(read_recording(path))
    return recording


def test_size(path: Path) -> None:
    assert path.stat().st_size <= MAX_BYTES


def test_version_and_crashing_types(recording: Recording, version: str) -> None:
    capabilities = Capabilities.from_recording(recording)
    assert str(capabilities.version) == version
    assert capabilities.crashing_types.keys() == CRASHING[version]
    for how in capabilities.crashing_types.values():
        assert re.match(r"SIG(ABRT|SEGV)(: .+)?$", how)


def test_no_type_is_forgotten(recording: Recording) -> None:
    """Every concrete type has its properties, or crashes, or is a CPU model of a family that was asked."""
    capabilities = Capabilities.from_recording(recording)
    types = capabilities.types or {}
    assert len(types) > 500
    assert capabilities.abstract_types
    without = {name for name in types if capabilities.properties_of(name) is None}
    # Of a machine that kills the binary its own help may tell.
    helped = {name for name in capabilities.crashing_types if name.endswith("-machine")} - without
    assert without == capabilities.crashing_types.keys() - helped
    unasked = types.keys() - capabilities.properties.keys()
    assert unasked == capabilities.families.keys()
    assert all(is_cpu(name) and cpu_family(name, types[name]) for name in unasked)
    assert capabilities.schema_text
    assert capabilities.machines
    assert capabilities.cpu_models
    assert capabilities.options
    assert capabilities.tpm_models
    assert capabilities.migration_capabilities


def test_hot_plug_facts(recording: Recording, version: str) -> None:
    capabilities = Capabilities.from_recording(recording)
    assert capabilities.has("PIIX4_PM.acpi-pci-hotplug-with-bridge-support")
    assert capabilities.has("PIIX4_PM.acpi-root-pci-hotplug")
    assert capabilities.has("ICH9-LPC.acpi-pci-hotplug-with-bridge-support") is (version != "5.2.0")


def test_text_is_that_of_dumps(recording: Recording) -> None:
    assert Recording.loads(recording.dumps()) == recording


def test_nothing_identifies_a_host(recording: Recording) -> None:
    """TCG only; the one CPU that is described is TCG's own; no path, host, kernel or CPU string of a machine."""
    assert len(recording.parts) == 1
    (part,) = recording.parts
    kvm = part.find("query-kvm")
    assert kvm is not None
    assert kvm.reply == {"enabled": False, "present": True}
    for command in ("query-sev-capabilities", "query-sgx-capabilities"):
        assert all(exchange.error is not None for exchange in part.every(command))
    expansions = list(part.every("query-cpu-model-expansion"))
    assert expansions
    for exchange in expansions:
        reply: Any = exchange.reply
        assert reply["model"]["props"]["model-id"] == "QEMU TCG CPU version 2.5+"
    text = recording.dumps()
    texts = {json.loads(one) for one in re.findall(r'"(?:[^"\\]|\\.)*"', text)}
    paths = {path for one in texts for path in re.findall(r"(?<![\w*.)])/[a-z]+/[\w/.-]+", one)}
    # All of them are in QEMU's own texts: descriptions and messages.
    assert paths <= {"/dev/sgx_vepc", "/dev/kvm", "/dev/urandom", "/dev/cdrom"}
    uname = os.uname()
    assert uname.release not in text
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    if model is not None:
        assert f'"{model.group(1)}"' not in text
    for suspicious in (r"\b\d+\.\d+\.\d+-\d+-(amd64|generic|cloud)", r"@ ?\d\.\d+GHz", r"Xeon\(R\)", r"microcode"):
        assert not re.search(suspicious, text)
