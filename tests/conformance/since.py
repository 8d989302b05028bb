"""What prober writes as libvirt 12 does, and libvirt 11.3 of the suite otherwise: both sides in 11.3's spelling.

libvirt 12.8 was asked itself (``make peers`` holds prober's spelling against it).

- A node of ``throttle`` hands discards on (``discard``), which 11.3 forgot: all that a guest discarded ended there.
- A CD drive on USB is a ``scsi-cd`` behind ``usb-bot``, and no ``usb-storage``, which shows a disk.
- ``cmp-legacy`` is no part of a CPU that is taken over from the host: QEMU sets it by the number of CPUs.

And two cases, which the suite has for a QEMU that reads JSON behind ``-chardev`` (there is none), in plain keys.
"""

from __future__ import annotations

import json
import re
from typing import Any

_CMP_LEGACY = re.compile(r",cmp-legacy=(?:on|off)")

#: What a drive behind a bridge says of its place there.
_PLACE = ("driver", "bus", "scsi-id", "lun", "id")


def as_before_12(words: list[str], xml: str) -> list[str]:
    """A command line as 11.3 would have it; ``xml`` is the domain, which may ask for ``cmp_legacy`` by itself."""
    spelt: list[str] = []
    bridges: dict[str, dict[str, Any]] = {}
    for word in words:
        if spelt and spelt[-1] == "-cpu" and "cmp_legacy" not in xml:
            spelt.append(_CMP_LEGACY.sub("", word))
        elif not word.startswith("{"):
            spelt.append(word)
        else:
            value = json.loads(word)
            if spelt[-1] == "-chardev":
                spelt.append(_in_keys(value))
            elif value.get("driver") == "usb-bot":
                bridges[f"{value['id']}.0"] = value
                spelt.pop()
            else:
                spelt.append(json.dumps(_before_12(value, bridges)))
    return spelt


#: What a member of ``ChardevBackend`` is called in keys (QEMU, ``qapi/char.json`` and ``chardev/char.c``).
_KEYS = {"device": "path", "out": "path", "str": "fd", "fqdn": "name", "type": "name"}


def _in_keys(value: dict[str, Any]) -> str:
    """``-chardev`` as every QEMU reads it."""
    kind, data = value["backend"]["type"], dict(value["backend"]["data"])
    inner = {**data.pop("addr", {}).get("data", {}), **data.pop("remote", {}).get("data", {})}
    if kind == "udp":
        local = data.pop("local", {}).get("data", {})
        inner |= {"localaddr": local.get("host", ""), "localport": local.get("port", 0)}
    if kind == "qemu-vdagent":
        inner["name"] = "vdagent"
    off = {"telnet", "server"} if data.get("server") is False or data.get("telnet") is False else set()
    own = {key: one for key, one in data.items() if not (key in off and one is False)}
    pairs = {"id": value["id"], **inner, **own}
    words = {True: "on", False: "off"}
    told = (f"{_KEYS.get(key, key)}={words[one] if isinstance(one, bool) else one}" for key, one in pairs.items())
    return ",".join([kind, *told])


def _before_12(value: dict[str, Any], bridges: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if value.get("driver") == "throttle":
        return {key: inner for key, inner in value.items() if key != "discard"}
    bridge = bridges.get(str(value.get("bus")))
    if bridge is None:
        return value
    own = {key: inner for key, inner in value.items() if key not in _PLACE}
    return {**bridge, **own, "driver": "usb-storage", "removable": False}
