"""Whether a binary reads an option's value as JSON.

Which options take JSON differs from version to version, and what one takes that does not read it is nonsense to it:
``-device {"driver":"e1000"}`` is a device of this whole name to QEMU 5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.capabilities import Capabilities, Evidence, Verdict
from prober.commandline.refusal import Finding, Kind, Position


def takes_json(flag: str, caps: Capabilities) -> bool:
    """By what came with it: ``-device`` in 6.2 (``json-cli``), ``-object`` in 6.0, ``-netdev`` in 7.2 (``dgram``);
    ``-chardev`` in none up to 11.1 (started with each; libvirt 11.3, ``qemu_capabilities.c``)."""
    match flag:
        case "-device":
            return any(caps.has_feature("device_add", name) for name in ("json-cli", "json-cli-hotplug"))
        case "-object":
            return caps.has("object-add.qom-type.memory-backend-ram")
        case "-netdev":
            return caps.has("netdev_add.type.dgram")
        case "-chardev":
            return False
        case _:
            return True


def check_json(written: Iterable[tuple[Position, str | None]], caps: Capabilities) -> Iterator[Finding]:
    """The options among these whose value is written in JSON, though this binary would not read it so."""
    if caps.schema_ is None:
        return
    deaf = {flag for flag in ("-device", "-object", "-netdev", "-chardev") if not takes_json(flag, caps)}
    for position, value in written:
        if position.flag in deaf and value is not None and value.startswith("{"):
            fact = f"{position.flag} in JSON"
            note = f"no sign of it is in the schema of QEMU {caps.version}"
            yield Finding(
                kind=Kind.error,
                place=position,
                message=f"QEMU {caps.version} does not read {position.flag} in JSON",
                qemu_name=position.flag,
                evidence=Evidence(fact=fact, verdict=Verdict.absent, note=note),
                hint="write key=value",
                rule="option/json",
            )
