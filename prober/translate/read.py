"""From the bytes of a domain XML to a :class:`~prober.domain.domain.Domain`."""

from __future__ import annotations

from prober.commandline.refusal import Place, Refusal
from prober.devices.rows import READ_AS
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError
from prober.xml.document import XmlLimits, parse_xml
from prober.xml.reader import Reader


def read_domain(data: str | bytes, limits: XmlLimits | None = None, *, ignore_unknown: bool = False) -> Domain:
    """Read a domain, from the bytes of its file or from a text.

    What is not understood stands in ``not_understood`` of the domain, which then holds the rest: it cannot
    be translated, but everything else that is wrong with it can still be found.  With ``ignore_unknown`` what has a
    name that is not known is left out instead, and stands in ``notes``; a value that is not understood never is.

    :raise UnreadableDomainError: where it is not readable as XML.
    :raise RefusedError: where so much is missing or wrong that there is no domain to speak of; carries
        every such thing at once.
    """
    root = parse_xml(_as_bytes(data), limits)
    reader = Reader(ignore_unknown=ignore_unknown)
    path = "/domain"
    if root.tag == "domstatus":
        # libvirt's own file of a running guest has the domain in it.
        inner = root.find("domain")
        root, path = (inner, "/domstatus/domain") if inner is not None else (root, path)
    if root.tag != "domain":
        message, hint = f"<{root.tag}> is not a domain", "the root is <domain>"
        raise RefusedError([Refusal(place=Place(1, f"/{root.tag}"), message=message, hint=hint, rule="xml/root")])
    domain = reader.read(READ_AS, root, path)
    refusals = reader.all_refusals()
    if domain is None:
        raise RefusedError(refusals)
    return domain.replace(not_understood=tuple(refusals), notes=tuple(reader.all_notes()))


def _as_bytes(data: str | bytes) -> bytes:
    if not isinstance(data, str):
        return data
    try:
        return data.encode()
    except UnicodeEncodeError as error:
        line = data.count("\n", 0, error.start) + 1
        raise UnreadableDomainError(f"character {error.start} is half of one", line=line) from error
