"""Secrets and certificates: files that QEMU reads, and what libvirt keeps for domains.  Nothing in them is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prober.commandline.refusal import Place
from prober.rehearsal.preflight.files import look_at_path
from prober.rehearsal.preflight.ground import Ground, is_right, is_unknown, is_wrong, unless_there
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import READ
from prober.rehearsal.preflight.wanted import HostItem, HostNeed

#: Where libvirt keeps them: NAME.xml and NAME.base64, by their UUIDs (``src/secret/secret_driver.c``).
_LIBVIRT = "/etc/libvirt/secrets"

_MOST_OF_XML = 65536

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_USAGE = re.compile(r"usage '([^']{1,1024})'")


def look_at_secret(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A secret that whoever starts QEMU takes from libvirt's store, by its UUID or its usage."""
    if "data-of-" not in wish.text:
        return  # The iv, which is made up.
    uuid, usage = _UUID.search(wish.need.todo), _USAGE.search(wish.need.todo)
    name = uuid[0] if uuid is not None else usage[1] if usage is not None else wish.need.name
    why = f"{wish.need.name} is made from it by whoever starts QEMU"
    files = on.view.names_in(_LIBVIRT)
    if files is None:
        said = f"whether there is a secret {name!r} is not known: {_LIBVIRT} may not be seen, or is not there"
        yield is_unknown("secret", said, wish.place, why, "virsh secret-list, as root")
        return
    found = uuid[0] if uuid is not None and f"{uuid[0]}.xml" in files else None
    if uuid is None and usage is not None:
        found = next((one for one in _uuids(files) if _has_usage(one, usage[1], on)), None)
    if found is None:
        todo = "virsh secret-define SECRET.xml, and virsh secret-set-value"
        yield is_wrong("secret", f"libvirt has no secret {name!r}", wish.place, why, todo)
    elif f"{found}.base64" not in files:
        todo = f"virsh secret-set-value {found} --file FILE"
        yield is_wrong("secret", f"libvirt's secret {name!r} has no value", wish.place, why, todo)
    else:
        yield is_right("secret", f"libvirt has the secret {name!r}, with a value", wish.place)


def _uuids(files: list[str]) -> Iterator[str]:
    for name in files:
        if name.endswith(".xml") and _UUID.fullmatch(name[:-4]):
            yield name[:-4]


def _has_usage(uuid: str, usage: str, on: Ground) -> bool:
    text = on.view.read(f"{_LIBVIRT}/{uuid}.xml", _MOST_OF_XML) or ""
    return any(f"<{key}>{usage}</{key}>" in text for key in ("name", "volume", "target"))


def look_at_secret_object(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-object secret`` with a file, unless somebody makes that when QEMU starts."""
    if item.text("file") and not item.needs:
        yield from look_at_path("secret", item.text("file"), item.where("file"), on, READ)


#: What is in a directory of certificates, by who has it (QEMU, docs/system/tls.rst).
_CERTIFICATES = {
    "server": ("ca-cert.pem", "server-cert.pem", "server-key.pem"),
    "client": ("ca-cert.pem",),
}


def look_at_certificates(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-object tls-creds-x509``."""
    directory = item.text("dir")
    if directory:
        yield from _look_at_directory(directory, item.text("endpoint") or "client", item.where("dir"), on)


def look_at_keys(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-object tls-creds-psk``: the file of keys."""
    if directory := item.text("dir"):
        yield from look_at_path("certificates", f"{directory}/keys.psk", item.where("dir"), on, READ)


def look_at_spice_certificates(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """Those of SPICE; a display of VNC names an object, which is looked at by itself."""
    if wish.need.name == "spice":
        yield from _look_at_directory(wish.text, "server", wish.place, on)


def _look_at_directory(directory: str, endpoint: str, place: Place, on: Ground) -> Iterator[HostFinding]:
    names = _CERTIFICATES.get(endpoint, _CERTIFICATES["server"])
    ways = [on.view.walk(f"{directory}/{name}", READ) for name in names]
    why, todo = "TLS does not start without", f"make them with certtool, or copy them to {directory}"
    lost = [one for way in ways if (one := unless_there("certificates", way, place, why, todo)) is not None]
    yield from lost
    if not lost:
        yield is_right("certificates", f"{directory} has {', '.join(names)}", place)
