"""A server that knows its users by JWTs, and hosts by a signing key whose scope has the rights of packaging/nats.

What ``nsc`` does for an operator, in the form of NATS' JWTs (version 2): an operator, two accounts, and a signing key
of the account HOSTS that makes users with the rights of host.user and no others.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey

from prober.fleet.store.nkeys import from_seed, make_seed
from tests.fleet.nats_server import PACKAGED

OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
_UNLIMITED = {"subs": -1, "data": -1, "payload": -1}


@dataclass(frozen=True, eq=False)
class Key:
    """An NKey of any kind."""

    prefix: int
    signing: SigningKey = field(default_factory=SigningKey.generate)

    @property
    def public(self) -> str:
        """Its public key."""
        data = bytes([self.prefix]) + bytes(self.signing.verify_key)
        return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")

    def sign(self, subject: str, name: str, claims: dict[str, object]) -> str:
        """A JWT about a subject."""
        body = {"jti": name, "iat": int(time.time()), "iss": self.public, "name": name, "sub": subject, "nats": claims}
        parts = (_encoded(json.dumps(one).encode()) for one in ({"typ": "JWT", "alg": "ed25519-nkey"}, body))
        text = ".".join(parts)
        return f"{text}.{_encoded(self.signing.sign(text.encode()).signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Operator:
    """The keys of an operator, its two accounts, and the signing keys of these."""

    def __init__(self) -> None:
        self._operator, self._fleet, self._hosts, self._system = Key(OPERATOR), *(Key(ACCOUNT) for _ in range(3))
        self._scopes = {role: Key(ACCOUNT) for role in ("host", "reader", "keeper")}

    def configuration(self) -> str:
        """What stands in the place of ``accounts {}`` in the server's configuration."""
        text = (PACKAGED / "nats-server.conf").read_text()
        services = re.findall(r'\{ service: "([^"]+)", accounts', text)
        assert len(services) == 6
        exported = [{"name": one, "subject": one, "type": "service"} for one in services]
        imported = [{**one, "account": self._fleet.public} for one in exported]
        beats = {"name": "beats", "subject": "beats.*", "type": "stream"}
        heard = {**beats, "account": self._hosts.public}
        accounts = {
            self._fleet: self._account("FLEET", self._fleet, ("reader", "keeper"), exported, [heard]),
            self._hosts: self._account("HOSTS", self._hosts, ("host",), [beats], imported),
            self._system: self._account("SYS", self._system, (), [], []),
        }
        operator = self._operator.sign(self._operator.public, "test", {"type": "operator", "version": 2})
        preload = "\n".join(f'  {key.public}: "{jwt}"' for key, jwt in accounts.items())
        head = f'operator: "{operator}"\nresolver: MEMORY\nsystem_account: {self._system.public}\n'
        return f"{head}resolver_preload {{\n{preload}\n}}\n"

    def write_credentials(self, path: Path, role: str, name: str) -> Path:
        """A user's ``.creds``, made by the signing key of a role."""
        seed = make_seed()
        user = Key(USER, from_seed(seed))
        account = self._hosts if role == "host" else self._fleet
        claims = {"type": "user", "version": 2, "issuer_account": account.public}
        jwt = self._scopes[role].sign(user.public, name, claims)
        path.touch(0o600)
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
        return path

    def _account(
        self, name: str, key: Key, roles: tuple[str, ...], exports: list[dict[str, str]], imports: list[dict[str, str]]
    ) -> str:
        stored = {"mem_storage": -1, "disk_storage": -1, "streams": 2, "consumer": 512} if name == "FLEET" else {}
        limits = {**_UNLIMITED, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": 0, **stored}
        claims = {
            "type": "account",
            "version": 2,
            "limits": limits,
            "exports": exports,
            "imports": imports,
            "signing_keys": [self._scope(role) for role in roles],
        }
        return self._operator.sign(key.public, name, claims)

    def _scope(self, role: str) -> dict[str, object]:
        text = (PACKAGED / f"{role}.user").read_text()
        text = text.replace("@HOST@", "{{name()}}").replace("@KEY@", "{{subject()}}")
        publish, subscribe = (
            re.findall(r'"([^"]+)"', part) for part in text.split("permissions:")[1].split("subscribe:")
        )
        template = {**_UNLIMITED, "pub": {"allow": publish}, "sub": {"allow": subscribe}}
        return {"kind": "user_scope", "key": self._scopes[role].public, "role": role, "template": template}
