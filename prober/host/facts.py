"""What a host's kernel and CPU add to each QEMU that runs on it, as values.

Two equal builds of QEMU answer differently on two hosts, and a guest of the one may not go on with the other, by these:
the CPU with its microcode, what KVM may do, the huge pages, and what the kernel's vhost and tun devices offer a guest.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class HostProcessor(BaseModel):
    """The host's first processor, in the words of ``/proc/cpuinfo``.

    One that it does not tell is empty (of ARM the microcode).  ``microcode`` is the version that is loaded, ``flags``
    are sorted.
    """

    model_config = _CONFIG

    vendor: str = ""
    family: str = ""
    model: str = ""
    stepping: str = ""
    microcode: str = ""
    flags: tuple[str, ...] = ()


class HostFacts(BaseModel):
    """One host.  A field is None where the host could not be asked, and that is no answer: not there, or not off.

    ``kernel`` is the release of the kernel.  ``kvm`` is whether ``/dev/kvm`` can be opened.  ``nested`` is whether
    guests may have guests of their own, ``sev``, ``sev_es``, ``sev_snp``, ``sgx`` and ``tdx`` whether the kernel lets
    guests have these, all as the parameters of KVM's modules say.  ``huge_pages`` are the sizes that the kernel has, in
    KiB.  ``vhost_net``, ``vhost_vsock`` and ``tun`` are the features that these devices offer, by the kernel's names in
    lower case, in the order of their bits (``bit-61`` is one without a name here).
    """

    model_config = _CONFIG

    kernel: str | None = None
    processor: HostProcessor | None = None
    kvm: bool | None = None
    nested: bool | None = None
    sev: bool | None = None
    sev_es: bool | None = None
    sev_snp: bool | None = None
    sgx: bool | None = None
    tdx: bool | None = None
    huge_pages: tuple[int, ...] | None = None
    vhost_net: tuple[str, ...] | None = None
    vhost_vsock: tuple[str, ...] | None = None
    tun: tuple[str, ...] | None = None
