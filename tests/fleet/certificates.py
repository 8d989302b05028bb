"""Certificates, made on the spot by openssl: an authority, and what it signs."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pair:
    """The file of a certificate, and that of its key."""

    cert: Path
    key: Path

    def ends(self) -> int:
        """Until when it is good (seconds since 1970)."""
        said = subprocess.run(
            ["openssl", "x509", "-in", self.cert, "-noout", "-enddate"], check=True, capture_output=True
        )
        return ssl.cert_time_to_seconds(said.stdout.decode().strip().removeprefix("notAfter="))

    def asking(self, url: str, ca: Path) -> str:
        """The address by which a reader is asked with it."""
        return f"{url}?ca={ca}&cert={self.cert}&key={self.key}"


class Authority:
    """One who signs; its certificate is ``ca``."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.ca, self._key = directory / "ca.pem", directory / "ca.key"
        _run("req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.ca)

    def sign(self, file: str, names: str = "", *, common: str = "", days: int = 2, usage: str = "") -> Pair:
        """A certificate with these names (``DNS:console,URI:spiffe://a/b``); its files are called so."""
        cert, key, request = (self._directory / f"{file}.{end}" for end in ("pem", "key", "csr"))
        told = {"subjectAltName": names, "extendedKeyUsage": usage}
        more = [word for name, value in told.items() if value for word in ("-addext", f"{name}={value}")]
        _run("req", *_KEY, "-subj", f"/CN={common}" if common else "/", *more, "-keyout", key, "-out", request)
        by = ("-CA", self.ca, "-CAkey", self._key, "-days", str(days), "-copy_extensions", "copy")
        _run("x509", "-req", "-in", request, *by, "-out", cert)
        key.chmod(0o600)
        return Pair(cert, key)


def _run(*words: str | Path) -> str:
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, text=True).stdout
