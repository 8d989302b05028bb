"""Disks: their names and numbers, what the host has to do with them, and what volumes come to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prober.devices.disk.names import index_of, prefix_of
from prober.errors import RefusedError
from prober.host.host import Host, Pool, Settings, Volume
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.conformance.aes import encrypt
from tests.recordings import FIXTURES, load_capabilities

DOMAIN = """<domain type='qemu'>
  <name>disks</name>
  <memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>{}</devices>
</domain>"""

POOLS = (
    Pool(
        name="here",
        volumes=(
            Volume(name="a", type="file", path="/pool/a"),
            Volume(name="b", type="dir", path="/pool/b"),
            Volume(name="c", type="block", path="/dev/vg/c"),
        ),
    ),
    Pool(name="there", type="iscsi", host="h", device="iqn.a", username="joe", secret_usage="s", initiator="iqn.b"),
    Pool(name="asleep", active=False),
    Pool(name="ceph", type="rbd"),
)


def run(devices: str, *, monitor: str | None = None, host: Host | None = None) -> Translation:
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    domain = read_domain(DOMAIN.format(devices).encode())
    return translate(domain, caps, binary="/q", monitor=monitor, host=host or Host(pools=POOLS))


def values(translation: Translation, flag: str) -> list[dict[str, Any]]:
    argv = translation.argv
    return [json.loads(argv[at + 1]) for at, word in enumerate(argv) if word == flag and argv[at + 1].startswith("{")]


def volume(pool: str, name: str, inner: str = "", **attributes: str) -> str:
    more = "".join(f" {key}='{value}'" for key, value in attributes.items())
    return f"<disk type='volume'><source pool='{pool}' volume='{name}'{more}/>{inner}<target dev='vda'/></disk>"


@pytest.mark.parametrize(
    ("name", "prefix", "index"),
    [
        ("vda", "vd", 0),
        ("hdz", "hd", 25),
        ("sdaa", "sd", 26),
        ("xvdb", "xvd", 1),
        ("fdb", "fd", 1),
        ("sdzz", "sd", 701),
    ],
)
def test_a_name_is_a_kind_and_a_number(name: str, prefix: str, index: int) -> None:
    assert (prefix_of(name), index_of(name)) == (prefix, index)


@pytest.mark.parametrize("name", ["", "vd", "vda1", "nvme0", "VDA", "vdaaaaaaaaaa", "vda\n"])
def test_other_names_are_none(name: str) -> None:
    assert index_of(name) == -1


def test_one_reason_is_said_once() -> None:
    # Six IDE controllers would be added for it, of which the machine has one.
    with pytest.raises(RefusedError) as caught:
        run("<disk type='file'><source file='/a'/><target dev='hdz'/></disk>")
    assert len(caught.value.refusals) == 1


def test_a_local_volume_is_what_it_is_on_this_host() -> None:
    (node,) = values(run(volume("here", "a")), "-blockdev")
    assert (node["driver"], node["filename"]) == ("file", "/pool/a")
    (node,) = values(run(volume("here", "c")), "-blockdev")
    assert (node["driver"], node["filename"]) == ("host_device", "/dev/vg/c")


def test_a_volume_that_is_a_directory_is_fat() -> None:
    storage, form = values(run(volume("here", "b", "<readonly/>")), "-blockdev")
    assert (storage["driver"], storage["dir"], form["driver"]) == ("vvfat", "/pool/b", "raw")


def test_a_unit_of_an_iscsi_pool_is_reached_by_qemu_itself() -> None:
    translation = run(volume("there", "unit:0:0:4", mode="direct"))
    (node,) = values(translation, "-blockdev")
    assert (node["portal"], node["target"], node["lun"]) == ("h:3260", "iqn.a", 4)
    assert (node["user"], node["initiator-name"]) == ("joe", "iqn.b")
    assert any("usage 's'" in resource.todo for resource in translation.resources)


def test_a_disk_whose_volume_may_be_missing_is_left_out() -> None:
    translation = run(volume("asleep", "x", startupPolicy="optional"))
    assert values(translation, "-blockdev") == []
    assert not any(device["driver"].startswith("virtio-blk") for device in values(translation, "-device"))


@pytest.mark.parametrize(
    ("disk", "message"),
    [
        (volume("nowhere", "a"), "there is no storage pool 'nowhere'"),
        (volume("asleep", "a"), "is not active"),
        (volume("here", "z"), "there is no volume 'z'"),
        (volume("here", "a", mode="host"), "mode is for storage pools of type iscsi"),
        (volume("there", "four", mode="direct"), "not a volume of an iSCSI pool"),
        (volume("ceph", "a"), "pools of type 'rbd' are not understood"),
    ],
)
def test_other_volumes_are_refused(disk: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        run(disk)


@pytest.mark.parametrize(
    ("disk", "message"),
    [
        (volume("here", "b"), "a directory cannot be written to"),
        (volume("here", "b", "<readonly/><driver type='qcow2'/>"), "needs <driver type='fat'>"),
        (volume("here", "a").replace("type='volume'", "type='volume' device='lun'"), "needs a block device"),
    ],
)
def test_the_rules_of_what_is_behind_a_volume_hold(disk: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        run(disk)


def test_limits_are_set_on_the_monitor() -> None:
    disk = (
        "<disk type='file'><source file='/a'/><target dev='vda'/><iotune><read_bytes_sec>5</read_bytes_sec>"
        "<write_iops_sec_max>7</write_iops_sec_max><write_iops_sec_max_length>2</write_iops_sec_max_length>"
        "<size_iops_sec>3</size_iops_sec><group_name>g</group_name></iotune></disk>"
    )
    (need,) = [item for item in run(disk, monitor="/m").resources if item.kind == "iotune"]
    command = json.loads(need.todo.partition("send ")[2])
    assert command["execute"] == "block_set_io_throttle"
    told = {name: value for name, value in command["arguments"].items() if value}
    assert told == {
        "id": "/machine/peripheral/virtio-disk0/virtio-backend",
        "bps_rd": 5,
        "iops_wr_max": 7,
        "iops_wr_max_length": 2,
        "iops_size": 3,
        "group": "g",
    }
    assert {"bps", "bps_wr", "iops", "iops_rd", "iops_max"} <= command["arguments"].keys()


def test_a_transient_disk_gets_its_overlay_on_the_monitor() -> None:
    disk = "<disk type='file'><source file='/a'/><target dev='vda'/><transient/></disk>"
    (need,) = [item for item in run(disk, monitor="/m").resources if item.kind == "transient"]
    assert "on top of /a" in need.todo


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


def test_the_suite_encrypts_as_the_standard_has_it() -> None:
    # NIST SP 800-38A, F.2.5, the first block.
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    text = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    assert encrypt(text, key, bytes(range(16)))[:16].hex() == "f58c4c04d6e5f1ba779eabfb5f7bfbd6"
