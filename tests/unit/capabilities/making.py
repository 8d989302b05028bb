"""Small recordings and binaries for tests of cache and catalog; the recordings are QMP as QEMU speaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prober.capabilities import Capabilities
from prober.capabilities.cache import Learned
from prober.capabilities.fingerprint import FileMark, Fingerprint
from prober.capabilities.fingerprinter import Fingerprinter
from prober.qemu.recording import Exchange, Part, Recording


def make_recording(version: tuple[int, int, int] = (7, 2, 22), target: str = "x86_64") -> Recording:
    """A recording of a QEMU with one type, which has one property."""
    major, minor, micro = version
    numbers: dict[str, object] = {"major": major, "minor": minor, "micro": micro}
    return Recording(
        (
            Part(
                (
                    Exchange("qmp_capabilities", None, {}),
                    Exchange("query-version", None, {"qemu": numbers, "package": ""}),  # type: ignore[dict-item]
                    Exchange("query-target", None, {"arch": target}),
                    Exchange("qom-list-types", None, [{"name": "PIIX4_PM", "parent": "pci-device"}]),
                    Exchange(
                        "qom-list-properties",
                        {"typename": "PIIX4_PM"},
                        [{"name": "acpi-root-pci-hotplug", "type": "bool"}],
                    ),
                )
            ),
        )
    )


def make_binary(directory: Path, name: str = "qemu-system-x86_64", text: str = "ELF") -> Path:
    """An executable file; whether it runs is no matter here."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def take_fingerprint(path: str | Path, files: tuple[FileMark, ...] = (), **more: Any) -> Fingerprint:
    """The fingerprint of a binary that ran these, all of it read now; ``more`` as :class:`Fingerprinter` has it."""
    with Fingerprinter(**more, watch=False) as fingerprinter:
        return fingerprinter.fingerprint(str(path), files)


def take_recording_fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a recording, read now."""
    with Fingerprinter(watch=False) as fingerprinter:
        return fingerprinter.recording_fingerprint(str(path))


def make_learned(binary: Path) -> tuple[Learned, Capabilities]:
    """What an interview with this binary might have given."""
    learned = Learned(fingerprint=take_fingerprint(binary), seconds=0.5, timings={"types": 0.25}, asked_at=1.7e9)
    return learned, Capabilities.from_recording(make_recording())
