"""The objects that the images of disks refer to."""

from __future__ import annotations

from prober.host.host import Host, Settings
from tests.unit.devices.disk.making import run, values


def test_the_certificates_of_nbd_may_have_a_key_with_a_secret() -> None:
    settings = Settings(nbd_tls=True, nbd_tls_x509_cert_dir="/certs", nbd_tls_x509_secret_uuid="u-1")
    disk = "<disk type='network'><source protocol='nbd'><host name='h'/></source><target dev='vda'/></disk>"
    objects = {item["id"]: item for item in values(run(disk, host=Host(settings=settings)), "-object")}
    credentials = objects["objlibvirt-1-storage_tls0"]
    assert (credentials["dir"], credentials["passwordid"]) == ("/certs", "objlibvirt-1-storage_tls0-secret0")
    assert {"masterKey0", "objlibvirt-1-storage_tls0-secret0"} <= objects.keys()


def test_no_master_key_without_a_secret() -> None:
    disk = "<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
    assert "masterKey0" not in " ".join(run(disk).argv)
