"""Small fleets of real builds, for the tests of what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from prober.capabilities import Capabilities
from prober.capabilities.models import CpuExpansion, Kvm
from prober.fleet.known import Fleet
from prober.fleet.names import canonical, name_of
from prober.fleet.parts import split
from prober.fleet.records import HostBuild, HostRecord
from tests.recordings import FIXTURES, load_capabilities

QEMU = "/usr/bin/qemu-system-x86_64"

#: A processor has more of these, the newer it is.
FEATURES = {"old": ("sse2", "ssse3"), "new": ("sse2", "ssse3", "avx", "aes", "fma")}


@cache
def recorded(version: str) -> Capabilities:
    """What the recording of a version proves: TCG alone."""
    return load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")


@cache
def with_kvm(version: str, cpu: str = "new", micro: int | None = None) -> Capabilities:
    """The same on a host with KVM and one of two processors; ``micro`` makes another build of it."""
    caps = recorded(version)
    tcg = caps.accelerators["tcg"]
    lacking = tuple(sorted({*FEATURES["new"]} - {*FEATURES[cpu]}))
    # What the newest models need the older processor does not have.
    models = {
        name: model.model_copy(
            update={"unavailable_features": lacking if name.startswith(("Haswell", "Skylake")) else ()}
        )
        for name, model in (tcg.cpu_models or {}).items()
    }
    props = {**dict.fromkeys(FEATURES[cpu], True), "vendor": "GenuineIntel"}
    host = CpuExpansion(type="static", model="host", props=props)
    kvm = tcg.model_copy(update={"cpu_models": models, "cpu_expansions": (host,)})
    version_ = caps.version if micro is None else caps.version.model_copy(update={"micro": micro})
    update = {"accelerators": {"kvm": kvm, "tcg": tcg}, "kvm": Kvm(present=True, enabled=True), "version": version_}
    return caps.model_copy(update=update)


_PARTS: dict[int, tuple[str, str]] = {}


def names_of(caps: Capabilities) -> tuple[str, str]:
    """The names of its build and its variant.  What is made above lives as long as the tests."""
    if id(caps) not in _PARTS:
        build, variant = split(caps)
        _PARTS[id(caps)] = name_of(canonical(build)), name_of(canonical(variant))
    return _PARTS[id(caps)]


def record(
    name: str, *qemus: Capabilities, labels: Mapping[str, str] | None = None, paths: Sequence[str] = (QEMU,)
) -> HostRecord:
    """What a host with these QEMUs says."""
    builds = []
    for number, caps in enumerate(qemus):
        path = paths[number] if number < len(paths) else f"/opt/qemu-{number}/bin/qemu-system-x86_64"
        builds.append(HostBuild(*names_of(caps), path))
    return HostRecord(name=name, labels=dict(labels or {}), builds=tuple(builds))


def tell(fleet: Fleet, *qemus: Capabilities) -> None:
    """Have a fleet know these builds and variants."""
    for caps in qemus:
        build, variant = names_of(caps)
        fleet.builds[build], fleet.variants[variant] = split(caps)


def fleet_of(
    hosts: Mapping[str, tuple[Capabilities, ...]], labels: Mapping[str, Mapping[str, str]] | None = None
) -> Fleet:
    """A fleet of hosts with these QEMUs each, of which all is known."""
    fleet = Fleet(as_of=1.0)
    for name, qemus in hosts.items():
        tell(fleet, *qemus)
        fleet.put_host(record(name, *qemus, labels=(labels or {}).get(name)))
    return fleet


def domain(cpu: str = "", *, kind: str = "kvm", machine: str = "q35", emulator: str = "", devices: str = "") -> bytes:
    """A domain XML."""
    at = f"<emulator>{emulator}</emulator>" if emulator else ""
    return (
        f"<domain type='{kind}'><name>a</name><memory>65536</memory><os><type machine='{machine}'>hvm</type></os>"
        f"{cpu}<devices>{at}{devices}</devices></domain>"
    ).encode()
