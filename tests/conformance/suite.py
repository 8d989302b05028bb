"""The host that libvirt's suite runs on, and the cases of a directory: what libvirt made of each domain there."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType

from prober.capabilities.capabilities import Capabilities
from prober.devices.graphics.base import RemoteDisplay
from prober.devices.interface import NetworkInterface
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError, UsageError
from prober.host.firmware import read_firmware
from prober.host.host import Host, HostCpu, Network, Settings
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.conformance.since import as_before_12
from tests.conformance.storage import pools_of, with_secrets
from tests.recordings import LIBVIRT, load_capabilities

#: The comparison of two command lines by what they mean to QEMU.
COMPARE = LIBVIRT.parent / "tools" / "argv_compare.py"

#: Where the suite's monitor would be; the comparison masks it.
MONITOR = "/var/lib/libvirt/qemu/monitor.sock"

#: What the suite's network driver gives, by the kind in the network's name.
_NETWORKS = {
    "network": Network(forward="nat", bridge="br0"),
    "bridge": Network(forward="bridge", bridge="br0"),
    "direct": Network(forward="vepa"),
    "hostdev": Network(forward="hostdev", devices=("0001:02:03.4",), managed=True),
}

#: The network that displays of the suite listen on.
_LISTENED = Network(forward="nat", bridge="br0", address="192.168.122.1")

#: A version may tell how its QEMU was asked: ``9.2.0+hvf``.
_OUTCOME = re.compile(r"(?P<name>.+)\.(?P<version>\d+\.\d+\.\d+(?:\+[a-z0-9]+)*)\.(?P<kind>args|err)")


@dataclass(frozen=True, slots=True)
class Case:
    """One domain and one QEMU: ``kind`` says whether libvirt builds a command line (``args``) or refuses (``err``)."""

    name: str
    version: str
    kind: str
    directory: Path

    @property
    def xml(self) -> Path:
        """The domain."""
        return self.directory / f"{self.name}.xml"

    @property
    def outcome(self) -> Path:
        """What libvirt makes of it."""
        return self.directory / f"{self.name}.{self.version}.{self.kind}"

    @property
    def incoming(self) -> str | None:
        """Where the suite lets the guest's state come from: a parameter of the start, which no XML has."""
        if self.kind != "args":
            return None
        match = re.search(r"^-incoming (\S+)", self.outcome.read_text(), re.MULTILINE)
        return match.group(1) if match is not None else None

    @property
    def starts_at(self) -> int | None:
        """When the suite starts the guest, for one whose clock is not set to a moment of its own."""
        if self.kind != "args":
            return None
        match = re.search(r"^-rtc base=(\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d)", self.outcome.read_text(), re.MULTILINE)
        return int(datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC).timestamp()) if match else None

    def __str__(self) -> str:
        return f"{self.name}.{self.version}"


def find_cases(directory: Path) -> list[Case]:
    """Every case, sorted by name."""
    found = []
    for path in sorted(directory.iterdir()):
        match = _OUTCOME.fullmatch(path.name)
        if match is not None:
            found.append(Case(match["name"], match["version"], match["kind"], directory))
    return found


@cache
def capabilities_of(replies: Path, version: str) -> Capabilities:
    """What the recorded QEMU of a case can do."""
    return load_capabilities(replies / f"qemu-{version}.replies.xz")


@cache
def newest(replies: Path) -> str:
    """The newest version that is recorded."""
    names = (path.name.removeprefix("qemu-").removesuffix(".replies.xz") for path in replies.glob("qemu-*.replies.xz"))
    return max((name for name in names if "+" not in name), key=lambda name: tuple(map(int, name.split("."))))


#: The architectures other than x86 that there are cases of, beside ``pairs`` and ``replies``.
OTHERS = ("aarch64", "riscv64", "loongarch64")


@dataclass(frozen=True, slots=True)
class Collection:
    """Cases, and the recordings that they are made with: libvirt's x86, or those of another architecture."""

    pairs: Path
    replies: Path

    def verdicts(self) -> list[Verdict]:
        """The verdict on each case."""
        host = suite_host(LIBVIRT / "firmware")
        return [judge(case, self.replies, host) for case in find_cases(self.pairs)]


def collection_of(architecture: str) -> Collection:
    """The cases of one architecture but x86."""
    return Collection(LIBVIRT / "pairs-other" / architecture, LIBVIRT / "replies-other" / architecture)


def suite_host(firmware: Path) -> Host:
    """The settings that libvirt's suite gives its daemon (11.3, ``qemuTestDriverInit``), and its firmware."""
    return Host(
        settings=Settings(
            hugetlbfs_mount=((2048, "/dev/hugepages2M"), (1048576, "/dev/hugepages1G")),
            chardev_tls_x509_cert_dir="/etc/pki/libvirt-chardev",
            run_directory="/var/run/libvirt/qemu",
            vhost_net="always",
            vnc_tls_x509_cert_dir="/etc/pki/libvirt-vnc",
            spice_tls_x509_cert_dir="/etc/pki/libvirt-spice",
            spice_password="123456",
            swtpm_socket="/dev/test",
        ),
        # All CPUs are on the first node: so says what libvirt makes of pinned ones.
        numa_nodes=tuple((node, () if node else tuple(range(64))) for node in range(4)),
        numad_nodes=(0, 1, 2, 3),
        cdroms=("/dev/cdrom",),
        render_node="/dev/dri/foo",
        firmware=read_firmware(firmware),
    )


def networks_of(domain: Domain) -> dict[str, Network]:
    """The networks of a domain of the suite: ``NAME;plug-KIND-…`` says what the suite's network driver makes of it."""
    names = [device.source for device in domain.devices.of(NetworkInterface)]
    found = {name: network for name in names for kind, network in _NETWORKS.items() if f";plug-{kind}" in name}
    listens = [listen.network for display in domain.devices.of(RemoteDisplay) for listen in display.listens]
    return found | {name: _LISTENED for name in listens if name is not None and name.startswith("nat-network;")}


#: The host CPU that libvirt's suite gives to some cases, in place of the one that the recording tells of.  No domain
#: tells which they are: cpu-check-default-partial and cpu-host-model-fallback-kvm are one domain for one QEMU,
#: with two outcomes.  So it is told from the ``-cpu`` of the case: a parameter of the start, like where a guest comes
#: from.
_HASWELL = HostCpu(
    model="Haswell",
    require=(
        "vme", "ds", "acpi", "ss", "ht", "tm", "pbe", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "xtpr",
        "pdcm", "f16c", "rdrand", "pdpe1gb", "abm", "lahf_lm",
    ),
)  # fmt: skip


def host_of(case: Case, domain: Domain, host: Host, newest_version: str) -> Host:
    """The host that a case is run on: of the newest QEMU, the suite takes the aliases of machines away, so that ``pc``
    stays what it is."""
    settings = host.settings.model_copy(update={"expand_machine_aliases": case.version != newest_version})
    own = {"networks": networks_of(domain), "settings": settings, "pools": pools_of(domain)}
    if domain.clock.is_variable and case.starts_at is not None:
        own["starts_at"] = case.starts_at - domain.clock.seconds
    return host.model_copy(update=own)


def _depends_on_host_cpu(domain: Domain) -> bool:
    cpu = domain.cpu
    if cpu is None:
        return False
    policies = {feature.policy for feature in cpu.features}
    return cpu.mode == "host-model" or cpu.match == "minimum" or not policies.isdisjoint({"optional", "forbid"})


def _cpu_of(argv: list[str], xml: str) -> list[object]:
    return [option for option in load_compare().parse(as_before_12(argv, xml)) if option[0] == "-cpu"]


def _gic_of(case: Case, caps: Capabilities) -> Capabilities:
    """The GICs that the suite gives a case in place of those of the recording, for a domain that names none: told from
    the ``-machine`` of the case, as what a host has is a parameter of the start."""
    match = re.search(r"gic-version=(\d)", case.outcome.read_text()) if case.kind == "args" else None
    if match is None or caps.gic is None or "-accel kvm" not in case.outcome.read_text():
        return caps
    gic = tuple(one.model_copy(update={"kernel": one.number == int(match.group(1))}) for one in caps.gic)
    return caps.model_copy(update={"gic": gic})


def translate_case(case: Case, replies: Path, host: Host) -> Translation:
    """What the case's domain comes to, unknown facts allowed.

    :raise RefusedError: or UnreadableDomainError where it is refused.
    """
    domain = read_domain(case.xml.read_bytes())
    own = host_of(case, domain, host, newest(replies))
    if case.kind != "args" or not _depends_on_host_cpu(domain):
        return _translate_on(case, domain, own, replies)
    outcomes: list[Translation | RefusedError] = []
    xml = case.xml.read_text()
    wanted = _cpu_of(load_compare().read_argv(str(case.outcome)), xml)
    for one in (own, own.model_copy(update={"cpu": _HASWELL})):
        try:
            translation = _translate_on(case, domain, one, replies)
        except RefusedError as error:
            outcomes.append(error)
            continue
        if _cpu_of(list(translation.argv[1:]), xml) == wanted:
            return translation
        outcomes.append(translation)
    if isinstance(outcomes[0], RefusedError):
        raise outcomes[0]
    return outcomes[0]


def _translate_on(case: Case, domain: Domain, host: Host, replies: Path) -> Translation:
    return translate(
        domain,
        _gic_of(case, capabilities_of(replies, case.version)),
        binary=domain.emulator or "/usr/bin/qemu-system-x86_64",
        monitor=MONITOR,
        incoming=case.incoming,
        host=host,
        assume_unknown_present=True,
    )


@cache
def load_compare(path: Path = COMPARE) -> ModuleType:
    """``argv_compare.py`` as a module."""
    spec = importlib.util.spec_from_file_location("argv_compare", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def deviations() -> dict[str, str]:
    """The cases that differ for a reason that is no fault, each with the reason."""
    told = tomllib.loads((Path(__file__).parent / "deviations.toml").read_text())
    return {str(case): str(reason) for case, reason in told.items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``kind`` is identical, reordered, different or refused; ``notes`` the differences or the refusals."""

    case: Case
    kind: str
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why a command line that differs may do so; empty where that is a fault."""
        return deviations().get(str(self.case), "") if self.kind == "different" else ""


def judge(case: Case, replies: Path, host: Host) -> Verdict:
    """Translate one case and compare; a refusal is grouped by the element that it is about."""
    try:
        translation = translate_case(case, replies, host)
    except RefusedError as error:
        groups = tuple(dict.fromkeys(re.sub(r"\[\d+\]", "", refusal.place.path) for refusal in error.refusals))
        return Verdict(case, "refused", tuple(map(str, error.refusals)), groups)
    except UsageError as error:
        group = "unreadable" if isinstance(error, UnreadableDomainError) else "parameters of the start"
        return Verdict(case, "refused", (str(error),), (group,))
    if case.kind == "err":
        return Verdict(case, "accepted")
    compare = load_compare()
    xml = case.xml.read_text()
    theirs, ours = compare.read_argv(str(case.outcome)), with_secrets(translation)[1:]
    kind, lines = compare.compare(as_before_12(theirs, xml), as_before_12(ours, xml))
    return Verdict(case, kind, tuple(lines))
