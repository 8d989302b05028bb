"""The suite's storage pools, and its host's part in secrets: a secret, a master key and random bytes that are none."""

from __future__ import annotations

import base64
import json
import re

from prober.devices.disk import Disk
from prober.domain.domain import Domain
from prober.host.host import Pool, Volume
from prober.translate.translation import Translation
from tests.conformance.aes import encrypt

#: What the suite's secrets all are, and what its random bytes are.
_SECRET = "AQCVn5hO6HzFAhAAq0NCv8jtJcIcE+HOBlMQ1A"
_KEY = bytes(range(32))
_VECTOR = bytes(range(16))

_TEXT = re.compile(r"encrypt the text '(?P<text>.*)' with AES-256-CBC under ")

_ISCSI = {"host": "iscsi.example.com", "device": "demo-target"}
_USER = {"username": "foobar", "secret_usage": "iqn.2013-06.com.example:iscsi-pool"}
_POOLS: dict[str, Pool] = {
    "inactive": Pool(name="inactive", active=False),
    "pool-iscsi": Pool(name="pool-iscsi", type="iscsi", **_ISCSI),
    "pool-iscsi-auth": Pool(name="pool-iscsi-auth", type="iscsi", **_ISCSI, **_USER),
    "pool-iscsi-direct": Pool(name="pool-iscsi-direct", type="iscsi-direct", **_ISCSI),
}


def pools_of(domain: Domain) -> tuple[Pool, ...]:
    """The pools that a domain of the suite names, with the volumes that it names: ``TYPE+NAME`` says what each is."""
    found: dict[str, Pool] = {}
    for disk in domain.devices.of(Disk):
        if disk.source is None or disk.source.pool is None or disk.source.volume is None:
            continue
        name, volume = disk.source.pool, disk.source.volume
        pool = found.get(name) or _POOLS.get(name) or Pool(name=name)
        found[name] = pool.model_copy(update={"volumes": (*pool.volumes, _volume(volume))})
    return tuple(found.values())


def _volume(name: str) -> Volume:
    kind, plus, rest = name.partition("+")
    if not plus:
        kind, rest = "block", name
    return Volume.model_validate({"name": name, "type": kind, "path": f"/some/{kind}/device/{rest}"})


def with_secrets(translation: Translation) -> list[str]:
    """The argv with the values that the host puts in, where they are secrets; and without a port for websockets, as
    the suite chooses none and lets -1 stand."""
    argv = list(translation.argv)
    for resource in translation.resources:
        if (resource.kind, resource.name) == ("port", "vnc-websocket"):
            argv[resource.word] = argv[resource.word].replace(f"websocket={resource.value}", "websocket=-1")
        if resource.kind != "secret":
            continue
        text = _TEXT.match(resource.todo)
        secret = text["text"] if text is not None else _SECRET
        value = _VECTOR if resource.key == "iv" else encrypt(secret.encode(), _KEY, _VECTOR)
        word = argv[resource.word]
        encoded = base64.b64encode(value).decode()
        argv[resource.word] = word.replace(_written(resource.value, word), _written(encoded, word))
    return argv


def _written(value: str, word: str) -> str:
    """As it stands in a word of the argv."""
    return json.dumps(value) if word.startswith("{") else value
