"""From the bytes of a domain XML to a :class:`~prober.domain.domain.Domain`."""

from __future__ import annotations

from prober.commandline.refusal import Place
from prober.domain.domain import Domain
from prober.domain.reader import Reader
from prober.domain.xml import XmlLimits, parse_xml
from prober.errors import RefusedError


def read_domain(data: bytes, limits: XmlLimits | None = None) -> Domain:
    """Read a domain; everything in it is understood, or it is refused.

    :raise UnreadableDomainError: where it is not readable as XML.
    :raise RefusedError: where something in it is not understood; carries every such thing at once.
    """
    root = parse_xml(data, limits)
    reader = Reader()
    if root.tag != "domain":
        reader.refuse(Place(line=1, path=f"/{root.tag}"), f"<{root.tag}> is not a domain", "the root is <domain>")
        raise RefusedError(reader.refusals)
    domain = reader.read(Domain, root, "/domain")
    if domain is None or reader.refusals:
        reader.refusals.sort(key=lambda refusal: refusal.place.line)
        raise RefusedError(reader.refusals)
    return domain
