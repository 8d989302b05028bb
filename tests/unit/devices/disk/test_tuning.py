"""What the host has to do on the monitor for disks."""

from __future__ import annotations

import json

from tests.unit.devices.disk.making import run


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


def test_without_a_monitor_a_note_says_what_is_not_done() -> None:
    limits = "<iotune><total_iops_sec>5</total_iops_sec></iotune>"
    histogram = "<statistics><latency-histogram><bin start='0'/></latency-histogram></statistics>"
    driver = f"<driver name='qemu'>{histogram}</driver>"
    disk = f"<disk type='file'>{driver}<source file='/a'/><target dev='vda'/>{limits}</disk>"
    translation = run(disk, version="11.1.2")
    assert [note.message for note in translation.notes] == [
        "<iotune> is set on QEMU's monitor: without one the disk has no limits",
        "<latency-histogram> is set on QEMU's monitor: without one there is none",
    ]
    assert {one.kind for one in translation.resources} >= {"iotune"}
    assert run(disk, monitor="/m", version="11.1.2").notes == ()


def test_a_transient_disk_gets_its_overlay_on_the_monitor() -> None:
    disk = "<disk type='file'><source file='/a'/><target dev='vda'/><transient/></disk>"
    (need,) = [item for item in run(disk, monitor="/m").resources if item.kind == "transient"]
    assert "on top of /a" in need.todo


def test_histograms_are_set_on_the_monitor() -> None:
    disk = (
        "<disk type='file'><driver name='qemu'><statistics><latency-histogram><bin start='0'/><bin start='10'/>"
        "</latency-histogram><latency-histogram type='zone'><bin start='7'/></latency-histogram></statistics></driver>"
        "<source file='/a'/><target dev='vda'/></disk>"
    )
    (need,) = [item for item in run(disk, monitor="/m").resources if item.kind == "latency-histogram"]
    assert json.loads(need.todo.partition("send ")[2]) == {
        "execute": "block-latency-histogram-set",
        "arguments": {
            "id": "/machine/peripheral/virtio-disk0/virtio-backend",
            "boundaries": [10],
            "boundaries-zap": [7],
        },
    }


def test_a_drive_behind_its_bridge_is_the_one_that_is_limited() -> None:
    disk = (
        "<disk type='file' model='usb-bot'><source file='/a'/><target dev='sda' bus='usb'/>"
        "<iotune><total_iops_sec>5</total_iops_sec></iotune></disk>"
    )
    (need,) = [item for item in run(disk, monitor="/m").resources if item.kind == "iotune"]
    assert json.loads(need.todo.partition("send ")[2])["arguments"]["id"] == "usb-disk0-device"
