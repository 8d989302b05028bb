"""Secrets for QEMU: an ``-object secret`` for each, encrypted with a key that only the host and QEMU know.

libvirt makes a master key for each start of a domain, gives it to QEMU in a file, and encrypts with it every
secret that stands on the command line (11.3, ``qemuDomainSecretInfoSetup``).  So does whoever starts the translated
argv: the master key, each secret's ``data`` and each ``iv`` are values that the host prepares.
"""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.deeds import WriteRandom
from prober.commandline.options import Need, Object, Option, Prepared, Property, Raw
from prober.commandline.refusal import Place
from prober.host.directories import domain_directory
from prober.host.target import Target

#: The id of the object that has the key.
MASTER_KEY = "masterKey0"

#: What the needs of secrets are called.
KIND = "secret"


def secret_id(owner: str, use: str = "", number: int = 0) -> str:
    """The id of a secret (libvirt, ``qemuAliasForSecret``): ``use`` tells the secrets of one owner apart."""
    return f"{owner}-{use}-secret{number}" if use else f"{owner}-secret{number}"


def emit_secret(name: str, what: str, place: Place) -> Iterator[Option]:
    """One secret; ``what`` says which it is, as in "the passphrase with usage '/images/a'"."""
    how = f"encrypt {what} with AES-256-CBC under the key of {MASTER_KEY} and the iv beside it, and write it in base64"
    vector = "make up 16 random bytes, and write them in base64"
    properties = (
        Property("data", Prepared(f"data-of-{name}", Need(KIND, name, how)), place),
        Property("keyid", MASTER_KEY, place),
        Property("iv", Prepared(f"iv-of-{name}", Need(KIND, name, vector)), place),
        Property("format", "base64", place),
    )
    yield Object("secret", name, properties, place)


def with_master_key(options: list[Option | Raw], name: str, target: Target) -> list[Option | Raw]:
    """The options, with the master key behind the first of them where any of them needs it."""
    for option in options:
        if isinstance(option, Object) and _is_encrypted(option):
            return [*options[:1], *_master_key(name, target), *options[1:]]
    return options


def _is_encrypted(option: Object) -> bool:
    return option.qom_type == "secret" and any(item.value == MASTER_KEY for item in option.properties)


def _master_key(name: str, target: Target) -> Iterator[Option]:
    path = f"{domain_directory(name, target)}/master-key.aes"
    todo = "write 32 random bytes into this file, which only QEMU may read"
    need = Need("master-key", MASTER_KEY, todo, WriteRandom(path=path, bytes=32))
    properties = (
        Property("format", "raw", target.place),
        Property("file", Prepared(path, need), target.place),
    )
    yield Object("secret", MASTER_KEY, properties, target.place)
