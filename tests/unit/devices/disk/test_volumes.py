"""What the volumes of storage pools come to."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from prober.host.host import Host, Pool, Volume
from prober.translate.translation import Translation
from tests.unit.devices.disk import making
from tests.unit.devices.disk.making import values

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


def run(devices: str) -> Translation:
    return making.run(devices, host=Host(pools=POOLS))


def volume(pool: str, name: str, inner: str = "", **attributes: str) -> str:
    more = "".join(f" {key}='{value}'" for key, value in attributes.items())
    return f"<disk type='volume'><source pool='{pool}' volume='{name}'{more}/>{inner}<target dev='vda'/></disk>"


def test_a_local_volume_is_what_it_is_on_this_host() -> None:
    (node,) = values(run(volume("here", "a")), "-blockdev")
    assert (node["driver"], node["filename"]) == ("file", "/pool/a")
    (node,) = values(run(volume("here", "c")), "-blockdev")
    assert (node["driver"], node["filename"]) == ("host_device", "/dev/vg/c")


def test_what_a_volume_has_no_use_for_is_noted_once_and_changes_nothing() -> None:
    noted = run(volume("here", "a", dev="/dev/sda", file="/b"))
    assert noted.argv == run(volume("here", "a")).argv
    assert [note.place.path.rpartition("/")[2] for note in noted.notes] == ["@dev", "@file"]


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
