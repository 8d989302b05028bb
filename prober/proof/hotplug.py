"""What a guest sees of PCI hot-plug, as the live machine has it, held against what a translation says."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding
from prober.guest.hotplug.port import Hotplug
from prober.proof.models import LiveBus, Proof, ProofVerdict
from prober.proof.outcome import live_finding
from prober.translate.translation import Translation

#: Who handles hot-plug on a bus, by the type of the device that its ``hotplug-handler`` is (QEMU 5.2 to 11.1).
_BY_ACPI = ("PIIX4_PM", "ICH9-LPC")

_HINT = "this is a mistake in prober"


def kind_of(bus: LiveBus) -> Hotplug:
    """What a bus has, by its handler: ACPI's device, or the port or bridge itself."""
    if not bus.handler:
        return "none"
    if bus.handler in _BY_ACPI:
        return "acpi"
    return "native" if "root-port" in bus.handler or "downstream" in bus.handler or bus.handler == "ioh3420" else "shpc"


def with_translation(proof: Proof, translation: Translation) -> Proof:
    """A proof of what a domain came to; where the live machine handles hot-plug otherwise than the translation says,
    that is a finding, and the proof is in part."""
    found = tuple(_differences(proof, translation))
    verdict = proof.verdict
    if found and verdict is ProofVerdict.proven:
        verdict = ProofVerdict.in_part
    update = {
        "translation": translation,
        "notes": translation.notes,
        "findings": (*proof.findings, *found),
        "verdict": verdict,
    }
    return proof.model_copy(update=update)


def _differences(proof: Proof, translation: Translation) -> Iterator[ArgvFinding]:
    live = {bus.name: bus for bus in proof.buses}
    for port in translation.hotplug:
        bus = live.get(port.controller)
        # What a device claims and no guest hears of is told as none, by a rule that names its reason.
        if bus is None or port.hotplug in (kind_of(bus), "unknown") or (port.hotplug == "none" and bus.handler):
            continue
        text = f"hot-plug on {port.controller} is told to be {port.hotplug}; the live machine has {kind_of(bus)}"
        name = f"{bus.path}.hotplug-handler"
        yield live_finding(0, "", port.controller, Kind.error, text, name, _HINT, rule="live/hotplug")
