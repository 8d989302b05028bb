"""Domain capabilities: what ``virsh domcapabilities`` of libvirt tells, from what is known of one QEMU.

The form is that of libvirt 11.3 (``docs/formatdomaincaps.rst``); docs/domcapabilities.md has where the answers differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, get_args

from pydantic import BaseModel, ConfigDict

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Verdict
from prober.capabilities.facts import did_you_mean, nearest
from prober.capabilities.models import Machine
from prober.commandline.machines.family import MachineKind
from prober.commandline.machines.find import machine_family
from prober.errors import UnknownNameError, UsageError
from prober.export.cpu import custom_element, has_maximum, host_cpu, host_model_element, hyperv_features
from prober.export.grounds import ACCELERATORS, Ground, RowFinding, RowSubject, VirtType, with_kvm
from prober.export.protection import gic_parts, sev_parts, sgx_parts
from prober.export.rows import (
    DEVICES,
    FEATURES,
    IOTHREADS,
    LAUNCH_SECURITY,
    LOADER_TYPES,
    MEMORY_BACKING,
    MIGRATABLE,
    SEV,
    SGX,
    RowGroup,
    has_gic,
)
from prober.export.xml import WrittenElement, element, enum_element, text_element
from prober.host.descriptor import Descriptor, FileMapping
from prober.host.host import Host

#: libvirt's names of architectures that are not QEMU's (libvirt 11.3, ``virQEMUCapsArchFromString``).
_ARCHITECTURES = {"i386": "i686", "arm": "armv7l", "or1k": "or32", "hppa": "parisc"}
#: A binary may run guests of a smaller architecture besides its own.
_BESIDES = {"x86_64": "i686", "ppc64": "ppc64le"}
#: What firmware descriptors call an architecture that libvirt calls otherwise.
_IN_DESCRIPTORS = {"i686": "i386", "armv7l": "arm"}


class DomainsAsked(BaseModel):
    """Of which domains is asked: of this machine (a name or alias; None: QEMU's default), type and architecture (None:
    kvm where QEMU ran with it; the binary's own).  ``assume_unknown_present`` takes what QEMU was never asked for
    present."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str | None = None
    virttype: str | None = None
    arch: str | None = None
    assume_unknown_present: bool = False


class ToldRow(BaseModel):
    """One row: its place in the document, libvirt's name, what was found of it and why.  Only what is *present* is told
    as supported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: str
    name: str
    verdict: Verdict
    because: str


class DomainCapabilities(BaseModel):
    """What domains of one machine and type may have: ``xml`` is the document, ``told`` what each row of it stands on.

    ``path``, ``virttype``, ``machine`` and ``arch`` are those of the document.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    binary: str
    path: str
    virttype: str
    machine: str
    arch: str
    xml: str
    told: tuple[ToldRow, ...]


def tell_domains(
    caps: Capabilities, asked: DomainsAsked, *, binary: str, path: str | None = None, host: Host | None = None
) -> DomainCapabilities:
    """The domain capabilities of a QEMU.  ``binary`` is what it is called, ``path`` where it lies, if that is known.

    :raise UsageError: for a type or an architecture that it cannot tell of.
    :raise UnknownNameError: where it has no such machine.
    """
    virttype = _virttype(caps, asked.virttype)
    arch = _arch(caps, asked.arch)
    machine = find_machine(caps, virttype, asked.machine)
    subject = RowSubject(caps, virttype, machine, _kind(caps, machine), host or Host(), asked.assume_unknown_present)
    telling = _Telling(subject, arch, path or f"/usr/bin/qemu-system-{caps.target}")
    document = telling.document()
    return DomainCapabilities(
        binary=binary,
        path=telling.path,
        virttype=virttype,
        machine=machine.name,
        arch=arch,
        xml=document.write(),
        told=tuple(telling.told),
    )


def _virttype(caps: Capabilities, wanted: str | None) -> VirtType:
    known: list[VirtType] = [name for name in get_args(VirtType) if ACCELERATORS[name] in caps.accelerators]
    if wanted is None and known:
        return known[0]
    found = next((name for name in known if name == wanted), None)
    if found is not None:
        return found
    message = f"no domain has type {(wanted or '')[:80]!r} here"
    if wanted in get_args(VirtType) or not known:
        message = f"this QEMU was not asked for domains of type {wanted or 'kvm or qemu'}"
    raise UsageError(message, hint=f"it tells of {' and '.join(known)}" if known else "record it anew")


def _arch(caps: Capabilities, wanted: str | None) -> str:
    own = _ARCHITECTURES.get(caps.target, caps.target)
    known = [own] + ([_BESIDES[own]] if own in _BESIDES else [])
    if wanted is None or wanted in known:
        return wanted or own
    raise UsageError(f"this QEMU runs no guests of {wanted[:80]!r}", hint=f"it runs those of {' and '.join(known)}")


def find_machine(caps: Capabilities, virttype: VirtType, wanted: str | None) -> Machine:
    """The machine of this name or alias, or without a name the default one.

    :raise UnknownNameError: where there is none.
    """
    accelerator = caps.accelerators[ACCELERATORS[virttype]]
    if wanted is None:
        if accelerator.default_machine is None:
            raise UnknownNameError("this QEMU has no machine by default", hint="name one with --machine")
        return accelerator.default_machine
    machine = accelerator.machine(wanted)
    if machine is None:
        near = nearest(wanted[:200], accelerator.machines or ())
        raise UnknownNameError(
            f"this QEMU has no machine {wanted[:200]!r}",
            hint=did_you_mean(near) or "`prober show machines` lists those that it has",
        )
    return machine


def _kind(caps: Capabilities, machine: Machine) -> MachineKind:
    """The kind of a machine's family."""
    return machine_family(machine.name, caps.target).kind


_Detail: TypeAlias = Callable[[Capabilities], Iterable[WrittenElement]]


class _Telling:
    """One document in the making, and what is told of each row."""

    def __init__(self, subject: RowSubject, arch: str, path: str) -> None:
        self.path = path
        self.told: list[ToldRow] = []
        self._subject = subject
        self._arch = arch

    def document(self) -> WrittenElement:
        """The whole document."""
        subject = self._subject
        parts = [
            text_element("path", self.path),
            text_element("domain", subject.virttype),
            text_element("machine", subject.machine.name),
            text_element("arch", self._arch),
        ]
        if subject.machine.cpu_max is not None:
            parts.append(element("vcpu", max=str(subject.machine.cpu_max)))
        parts += self._switch("iothreads", "", IOTHREADS)
        parts += [self._os(), self._cpu(), *self._group(MEMORY_BACKING, "")]
        devices = [part for group in DEVICES for part in self._group(group, "devices/")]
        return element("domainCapabilities", *parts, element("devices", *devices), self._features())

    def _find(self, place: str, name: str, ground: Ground) -> Verdict:
        return self._note(place, name, self._subject.settle(ground(self._subject)))

    def _note(self, place: str, name: str, finding: RowFinding) -> Verdict:
        self.told.append(ToldRow(place=place, name=name, verdict=finding.verdict, because=finding.because))
        return finding.verdict

    def _present(self, place: str, rows: Iterable[tuple[str, Ground]]) -> tuple[list[str], bool]:
        """The names of a list that are present, and whether others may be."""
        found = [(name, self._find(place, name, ground)) for name, ground in rows]
        names = [name for name, verdict in found if verdict is Verdict.present]
        return names, any(verdict is Verdict.unknown for _, verdict in found)

    def _switch(
        self, name: str, above: str, ground: Ground, *, detail: _Detail | None = None, is_rare: bool = False
    ) -> Iterator[WrittenElement]:
        """An element that is ``supported`` or not, left out where that is unknown; ``detail`` is what it holds where it
        is supported."""
        verdict = self._find(f"{above}{name}", name, ground)
        if verdict is Verdict.present:
            yield element(name, *(detail(self._subject.caps) if detail is not None else ()), supported="yes")
        elif verdict is Verdict.absent and not is_rare:
            yield element(name, supported="no")

    def _group(self, group: RowGroup, above: str) -> Iterator[WrittenElement]:
        enums, decided, may_be = [], False, False
        for values in group.enums:
            names, unknown = self._present(f"{above}{group.name}/{values.name}", values.values)
            enums.append(enum_element(values.name, names))
            if values.name == group.decides:
                decided, may_be = bool(names), unknown
        if decided:
            yield element(group.name, *enums, supported="yes")
        elif not may_be:
            yield element(group.name, supported="no")

    def _os(self) -> WrittenElement:
        fitting = [one for one in self._subject.host.firmware if self._fits(one)]
        kinds = {kind for one in fitting for kind in one.interface_types}
        files = dict.fromkeys(
            one.mapping.filename
            for one in fitting
            if not (isinstance(one.mapping, FileMapping) and one.mapping.device == "kernel")
        )
        types, _ = self._present("os/loader/type", LOADER_TYPES)
        secure = ["no"] + ["yes"] * any("requires-smm" in one.features for one in fitting)
        named = [name for name, kind in (("bios", "bios"), ("efi", "uefi")) if kind in kinds]
        loader = element(
            "loader",
            *(text_element("value", file) for file in files),
            enum_element("type", types),
            enum_element("readonly", ("yes", "no")),
            enum_element("secure", secure[::-1]),
            supported="yes",
        )
        return element("os", enum_element("firmware", named), loader, supported="yes")

    def _fits(self, firmware: Descriptor) -> bool:
        arch = _IN_DESCRIPTORS.get(self._arch, self._arch)
        return any(target.fits(arch, self._subject.machine.name) for target in firmware.targets)

    def _cpu(self) -> WrittenElement:
        found = host_cpu(self._subject)
        modes = [
            self._mode("host-passthrough", "hostPassthroughMigratable", with_kvm),
            self._mode("maximum", "maximumMigratable", has_maximum),
            host_model_element(found),
            custom_element(self._subject),
        ]
        return element("cpu", *modes)

    def _mode(self, name: str, enum: str, ground: Ground) -> WrittenElement:
        if self._find("cpu/mode", name, ground) is not Verdict.present:
            return element("mode", name=name, supported="no")
        can = self._find(f"cpu/mode[@name='{name}']/{enum}", "on", MIGRATABLE) is Verdict.present
        return element("mode", enum_element(enum, ["on"] * can + ["off"]), name=name, supported="yes")

    def _features(self) -> WrittenElement:
        virttype = self._subject.virttype
        parts = [*self._switch("gic", "features/", has_gic, detail=lambda caps: gic_parts(caps, virttype))]
        for row in FEATURES:
            parts += self._switch(row.name, "features/", row.ground, is_rare=row.is_rare)
        parts += self._switch("sev", "features/", SEV, detail=sev_parts)
        parts += self._switch("sgx", "features/", SGX, detail=sgx_parts)
        parts += self._hyperv()
        parts += self._group(LAUNCH_SECURITY, "features/")
        return element("features", *parts)

    def _hyperv(self) -> Iterator[WrittenElement]:
        verdicts = {
            name: self._note("features/hyperv/features", name, finding)
            for name, finding in hyperv_features(self._subject)
        }
        names = [name for name, verdict in verdicts.items() if verdict is Verdict.present]
        if names:
            yield element("hyperv", enum_element("features", names), supported="yes")
        elif Verdict.unknown not in verdicts.values():
            yield element("hyperv", supported="no")
