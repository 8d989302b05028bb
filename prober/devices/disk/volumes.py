"""``<disk type='volume'>``: the volume of a storage pool, as what it is on this host
(libvirt 11.3, ``virDomainStorageSourceTranslateSourcePool``)."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from prober.commandline.refusal import Broken, Note, Refusal
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.shared.source import Auth, StorageSource
from prober.domain.shared.source.attributes import misplaced, unused
from prober.domain.shared.source.children import StorageHost
from prober.domain.shared.source.references import AuthSecret
from prober.domain.steps import Completion
from prober.host.host import Pool
from prober.host.target import Target

#: Pools whose volumes are files, directories or devices of this host.
_LOCAL = ("dir", "fs", "netfs", "logical", "disk", "scsi", "zfs", "vstorage")

#: What names the volume, and ends with it.
_OF_VOLUMES = {"pool": None, "volume": None, "mode": None}


def settle_volumes(domain: Domain, target: Target) -> Completion:
    """Each disk on a volume as a disk on what the volume is; without its pool, it may be left out or empty."""
    settled: list[Disk] = []
    disks = domain.devices.of(Disk)
    if not any(disk.type == "volume" for disk in disks):
        return domain
    for disk in disks:
        if disk.type == "volume" and disk.source is not None:
            settled.append((yield from _on_what_it_is(disk, disk.source, target)))
        else:
            settled.append(disk)
    return domain.with_all(Disk, settled)


def _on_what_it_is(disk: Disk, source: StorageSource, target: Target) -> Generator[Refusal | Note, None, Disk]:
    """The disk on what its volume is, or as it was where that is refused."""
    wrong = list(misplaced(source, "volume"))
    if wrong:
        for broken in wrong:
            yield broken.at(source.place)
        return disk
    for broken in unused(source, "volume"):
        yield broken.at(source.place).noted()
        fields = {name: place for name, place in source.places.fields.items() if name != broken.field}
        source = source.replace(**{broken.field: None}, places=type(source.places)(source.places.own, fields))
    try:
        settled = _settled(disk, source, target)
    except Broken as error:
        if _may_be_missing(source):
            return _without_image(disk)
        yield error.at(source.place)
        return disk
    # Most rules of disks ask what is behind them, and this is known only now.
    for broken in settled.rules():
        yield broken.at(settled.place, settled.element)
    return settled


def _may_be_missing(source: StorageSource) -> bool:
    """``optional`` always, ``requisite`` not at a fresh start (``qemuDomainCheckDiskStartupPolicy``)."""
    return source.startup_policy == "optional"


def _without_image(disk: Disk) -> Disk:
    """A CD or floppy drive stays, empty; a hard disk goes."""
    return disk.replace(type="file", source=None, is_left_out=disk.device in ("disk", "lun"))


def _settled(disk: Disk, source: StorageSource, target: Target) -> Disk:
    """The disk on what its volume is on this host.

    :raise Broken: of the source, where the volume is nothing here.
    """
    pool = _pool_of(source, target.host.pools)
    if pool.type == "iscsi-direct" or source.mode == "direct":
        return disk.replace(type="network", source=_on_iscsi(source, pool), auth=None)
    if pool.type != "iscsi" and pool.type not in _LOCAL:
        raise _nothing("pool", f"disks on pools of type '{pool.type}' are not understood")
    volume = next((volume for volume in pool.volumes if volume.name == source.volume), None)
    if volume is None:
        raise _nothing("volume", f"there is no volume '{source.volume}' in the storage pool '{source.pool}'")
    kind = "block" if pool.type == "iscsi" else volume.type
    field = {"file": "file", "block": "dev", "dir": "dir"}[kind]
    changed = source.replace(**_OF_VOLUMES, **{field: volume.path}, places=_moved(source, {"volume": field}))
    form = disk.driver_type or ("fat" if kind == "dir" else "raw")
    return disk.replace(type=kind, source=changed, driver_type=form, auth=None)


def _nothing(field: str, message: str) -> Broken:
    return Broken(field, message, "tell prober of the host's storage pools")


def _pool_of(source: StorageSource, pools: Sequence[Pool]) -> Pool:
    """The pool that the volume is in; it is there, active, and reached in a way that pools of its type have.

    :raise Broken: of the source, where it is not.
    """
    pool = next((pool for pool in pools if pool.name == source.pool), None)
    if pool is None:
        raise _nothing("pool", f"there is no storage pool '{source.pool}' on this host")
    if not pool.active:
        raise _nothing("pool", f"the storage pool '{source.pool}' is not active")
    if source.mode is not None and pool.type != "iscsi":
        raise _nothing("mode", "mode is for storage pools of type iscsi alone")
    return pool


def _on_iscsi(source: StorageSource, pool: Pool) -> StorageSource:
    """The unit of the pool's target, reached by QEMU itself (``virDomainDiskTranslateISCSIDirect``).

    :raise Broken: of the source, where neither says which unit it is.
    """
    numbers = (source.volume or "").split(":")
    if len(numbers) != 4 or not re.fullmatch("[0-9]{1,9}", numbers[3]):
        raise _nothing("volume", f"'{source.volume}' is not a volume of an iSCSI pool, like unit:0:0:1")
    if pool.host is None or pool.device is None:
        raise _nothing("pool", f"the storage pool '{source.pool}' does not say where its target is")
    auth = None
    if pool.username is not None:
        secret = AuthSecret(type="iscsi", uuid=pool.secret_uuid, usage=pool.secret_usage)
        auth = Auth(username=pool.username, secret=secret)
    return source.replace(
        **_OF_VOLUMES,
        protocol="iscsi",
        name=f"{pool.device}/{numbers[3]}",
        hosts=(StorageHost(name=pool.host, port=pool.port),),
        auth=auth,
        initiator=pool.initiator,
        startup_policy=None,
        places=_moved(source, {"pool": "protocol", "volume": "name"}),
    )


def _moved(source: StorageSource, fields: dict[str, str]) -> object:
    """The places of the source, with those of the volume for what it became."""
    places = {
        fields.get(name, name): place
        for name, place in source.places.fields.items()
        if name in fields or name not in (*_OF_VOLUMES, "startup_policy")
    }
    return type(source.places)(source.places.own, places)
