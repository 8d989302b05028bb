"""libvirt's names of CPU features that are not QEMU's (libvirt 11.3, ``virQEMUCapsCPUFeaturesX86``)."""

from __future__ import annotations

_TO_QEMU = {
    "cmp_legacy": "cmp-legacy",
    "ds_cpl": "ds-cpl",
    "fxsr_opt": "fxsr-opt",
    "kvm_pv_eoi": "kvm-pv-eoi",
    "kvm_pv_unhalt": "kvm-pv-unhalt",
    "lahf_lm": "lahf-lm",
    "nodeid_msr": "nodeid-msr",
    "pclmuldq": "pclmulqdq",
    "perfctr_core": "perfctr-core",
    "perfctr_nb": "perfctr-nb",
    "tsc_adjust": "tsc-adjust",
    "vmx-invvpid-single-context-noglobals": "vmx-invept-single-context-noglobals",
}
_FROM_QEMU = {qemu: name for name, qemu in _TO_QEMU.items()}

#: QEMU's names of features that libvirt calls otherwise.
OTHERWISE_NAMED = frozenset(_FROM_QEMU)

#: Features that QEMU sets by the number of CPUs (``target/i386/cpu.c``, leaf 0x80000001): where a CPU is worked out
#: they are no part of it (libvirt 12.8, asked, never writes them; 11.3 did).
OF_TOPOLOGY = frozenset({"cmp_legacy"})

#: Features that no QEMU ever had, or that it dropped: libvirt leaves them out (``virQEMUCapsCPUFilterFeatures``).
IGNORED = frozenset({
    "cmt", "mbm_total", "mbm_local", "osxsave", "ospke", "vmx-ept-uc", "vmx-ept-wb", "vmx-invvpid-single-context",
})  # fmt: skip


def to_qemu(name: str) -> str:
    """QEMU's name of a feature."""
    return _TO_QEMU.get(name, name)


def from_qemu(name: str) -> str:
    """libvirt's name of a feature."""
    return _FROM_QEMU.get(name, name)
