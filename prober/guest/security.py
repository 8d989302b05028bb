"""What guests whose memory the host cannot read need of the host, and of the rest of their domain."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.launch_security import AmdSecurity, LaunchSecurity, Tdx
from prober.host.target import Target

#: What a host's fact is called, and the parameter of KVM's modules that says it.
_FACTS = {
    "sev": ("SEV", "kvm_amd.sev"),
    "sev_es": ("SEV-ES", "kvm_amd.sev_es"),
    "sev_snp": ("SEV-SNP", "kvm_amd.sev_snp"),
    "tdx": ("TDX", "kvm_intel.tdx"),
}


def check_security(domain: Domain, target: Target) -> Iterator[Refusal]:
    """Memory of a guest is encrypted by the CPU, which needs KVM, and numbers that depend on the CPU.

    What the host has is known where the binary was asked on it: of its kernel, and of what QEMU answered there.  What
    a recording says is said of the host where it was made; what nobody said is not held against a domain.
    """
    security = domain.launch_security
    if security is None:
        return
    yield from _check_host(security, target)
    if isinstance(security, AmdSecurity):
        for element in security.missing(target):
            why = "QEMU was asked on one without SEV" if _was_asked(target) else "QEMU was never asked with KVM"
            message = f"<{element}> is needed: it depends on the host's CPU, and {why}"
            yield Refusal(place=security.place(), message=message)
    if target.accel != "kvm":
        message = "launch security needs the host's CPU, and the domain's type is qemu"
        yield Refusal(place=security.place(), message=message, hint="write <domain type='kvm'>")
    if isinstance(security, Tdx):
        yield from _check_tdx(domain)


def _was_asked(target: Target) -> bool:
    """Whether QEMU said of a host that it has no SEV, by an error."""
    return "kvm" in target.caps.accelerators and "query-sev-capabilities" in (target.caps.commands or ())


def _check_host(security: LaunchSecurity, target: Target) -> Iterator[Refusal]:
    facts = target.host.confidential
    if not target.is_here or facts is None or getattr(facts, security.needs_of_host) is not False:
        return
    name, parameter = _FACTS[security.needs_of_host]
    message = f"the kernel of this host starts no guest with {name}: {parameter} is off"
    yield Refusal(place=security.place("type"), message=message)


def _check_tdx(domain: Domain) -> Iterator[Refusal]:
    """What a TDX guest cannot have (libvirt 12.8, asked)."""
    features, loader = domain.features, domain.os.loader
    for field, wrong, message in (
        ("ioapic", features.ioapic is not None and features.ioapic.driver == "kvm", "needs QEMU's own I/O APIC"),
        ("smm", features.smm is not None and features.smm.state, "has no system management mode"),
        ("pmu", features.pmu is not None and features.pmu.state, "has no performance counters"),
    ):
        if wrong:
            yield Refusal(place=features.place(field), message=f"a guest with TDX {message}")
    if loader is not None and loader.type == "pflash":
        message = "a guest with TDX has its firmware in memory, and not in flash"
        yield Refusal(place=loader.place("type"), message=message, hint="write type='rom'")
