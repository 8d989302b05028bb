"""Which CPU models of a QEMU share one class, so that asking one of them for its properties is enough.

On x86 every named model is a child of ``x86_64-cpu`` (``i386-cpu``) registered with one class function
and one instance function (QEMU, ``target/i386/cpu.c``, ``x86_register_cpu_model_type``), so all have the
same properties.  ``base``, ``max`` and ``host`` have class functions of their own.  Elsewhere (Arm,
RISC-V) models differ in their instance functions, so no family is assumed there.
"""

from __future__ import annotations

import re

_X86_MODEL = re.compile(r".+-(x86_64|i386)-cpu")
_ALONE = re.compile(r"(base|max|host)-.*")


def cpu_family(typename: str, parent: str | None) -> str | None:
    """The family's name, or None for a type that has to be asked itself.

    Binaries that do not name parents (before QEMU 2.10) have families by the types' suffix alone.
    """
    match = _X86_MODEL.fullmatch(typename) if typename.endswith("-cpu") else None  # few of some thousand types do
    if match is None or _ALONE.fullmatch(typename):
        return None
    family = f"{match.group(1)}-cpu"
    return family if parent in (family, None) else None
