"""Names of contents, so that who knows a name can tell whether he was given what it stands for."""

from __future__ import annotations

import base64
import re
from hashlib import blake2b

from pydantic import BaseModel

#: Bytes of the digest: nobody finds two contents of one name (2^80 tries).
_DIGEST = 20

#: What a name looks like.
NAME = re.compile(r"[A-Za-z0-9_-]{27}")


def canonical(model: BaseModel) -> bytes:
    """A model as JSON, the same bytes in every process: sets are sorted, mappings as QEMU ordered them."""
    return model.model_dump_json(by_alias=True).encode()


def name_of(data: bytes) -> str:
    """The name of these bytes: their BLAKE2b digest of 20 bytes, in 27 characters of base64url."""
    return base64.urlsafe_b64encode(blake2b(data, digest_size=_DIGEST).digest()).rstrip(b"=").decode()
