"""The names in a certificate, who of them may ask, and the addresses of readers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from prober.cli.fleet.readers import client_of
from prober.errors import ProberError, UsageError
from prober.service.client import Client
from prober.service.settings import FleetSettings, split_address
from prober.service.tls.client import TlsClient, read_reader_address
from prober.service.tls.names import AllowList, names_of


def common(*names: str) -> Any:
    return ((("organizationName", "x"),), *((("commonName", name),) for name in names))


@pytest.mark.parametrize(
    ("certificate", "name"),
    [
        ({"subject": common("plain")}, "plain"),
        ({"subject": common("plain"), "subjectAltName": (("IP Address", "10.0.0.1"),)}, "plain"),
        ({"subject": common("plain"), "subjectAltName": (("DNS", "host"),)}, None),
        ({"subject": common("plain"), "subjectAltName": (("URI", "spiffe://host"),)}, None),
        ({"subject": common("plain", "host")}, None),
        ({"subject": common("PLAIN")}, None),
        ({"subject": common()}, None),
        ({}, None),
        ({"subjectAltName": (("DNS", "host"), ("DNS", "CONSOLE"))}, "Console"),
        ({"subjectAltName": (("DNS", "console.evil"), ("DNS", "onsole"), ("DNS", "*"))}, None),
        ({"subjectAltName": (("URI", "console"),)}, None),
        ({"subjectAltName": (("URI", "spiffe://fleet/a"),)}, "spiffe://fleet/a"),
        ({"subjectAltName": (("URI", "spiffe://fleet/A"),)}, None),
        ({"subjectAltName": (("DNS", "plain\0.evil"),)}, None),
        ({"subjectAltName": (("email", "plain"),)}, None),
    ],
)
def test_which_name_may_ask(certificate: Any, name: str | None) -> None:
    allowed = AllowList(["Console", "plain", "spiffe://fleet/a"])
    assert allowed.find(names_of(certificate)) == name
    assert name is None or name in allowed
    assert AllowList([]).find(names_of(certificate)) is None


@pytest.mark.parametrize(
    "told", ["", "8643", "host", "host:0", "host:65536", "host:x", "::1:80", "host:", ":80", "a:٣"]
)
def test_what_is_no_address_is_refused(told: str) -> None:
    assert split_address("[::1]:80") == ("::1", 80)
    with pytest.raises(ValidationError) as caught:
        FleetSettings(listen=told or " ")
    assert "ADDRESS:PORT" in str(caught.value)


@pytest.mark.parametrize("name", ["", "*.fleet", "a\nb", "x" * 256])
def test_what_is_no_name_of_a_client_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="the name of one client"):
        FleetSettings(allow=(name,))


def test_nobody_listens_without_certificates_and_a_list() -> None:
    given: dict[str, Any] = {"listen": "0.0.0.0:8643", "cert": "c", "ca": "a", "allow": ("x",)}
    assert FleetSettings(**given).key is None
    for lacking in ("cert", "ca", "allow"):
        with pytest.raises(ValidationError, match=f"listen is given without {lacking}"):
            FleetSettings(**{name: value for name, value in given.items() if name != lacking})


@pytest.mark.parametrize(
    "url",
    [
        "https://host",
        "https://:80",
        "https://host:x",
        "https://user@host:80",
        "https://host:80/v1",
        "https://host:80#x",
        "https://host:80?zeta=1",
        "https://host:80?ca",
        "http://host:80",
        "ftp://host:80",
    ],
)
def test_what_is_no_address_of_a_reader_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="address of a reader"):
        client_of(url)


def test_a_reader_is_named_by_its_socket_or_its_address() -> None:
    told = read_reader_address("https://[::1]:80?ca=/a%20b&cert=c&key=k")
    assert (told.host, told.port, str(told.ca), str(told.cert), str(told.key)) == ("::1", 80, "/a b", "c", "k")
    assert type(client_of("run/r.sock")) is Client
    assert isinstance(client_of("https://[::1]:80"), TlsClient)
    with pytest.raises(ProberError, match=r"nobody answers at https://127\.0\.0\.1:1"):
        client_of("https://127.0.0.1:1").get("/healthz")
