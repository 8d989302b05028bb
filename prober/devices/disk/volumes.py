"""``<disk type='volume'>``: the volume of a storage pool, as what it is on this host
(libvirt 11.3, ``virDomainStorageSourceTranslateSourcePool``)."""

from __future__ import annotations

import re

from prober.commandline.refusal import Refusal
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.shared.source import Auth, Source
from prober.domain.shared.source.belongs import misplaced
from prober.domain.shared.source.parts import StorageHost
from prober.domain.shared.source.references import AuthSecret
from prober.host.host import Pool
from prober.host.target import Target

#: Pools whose volumes are files, directories or devices of this host.
_LOCAL = ("dir", "fs", "netfs", "logical", "disk", "scsi", "zfs", "vstorage")

#: What names the volume, and ends with it.
_OF_VOLUMES = {"pool": None, "volume": None, "mode": None}


class _Untranslated(Exception):
    """Why a volume is nothing on this host; the first argument is the field that is at fault."""


def translate_volumes(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each disk on a volume as a disk on what the volume is; without its pool, it may be left out or empty."""
    return domain.with_each(
        Disk, lambda disk: _on_what_it_is(disk, target, refusals) if disk.type == "volume" else disk
    )


def _on_what_it_is(disk: Disk, target: Target, refusals: list[Refusal]) -> Disk:
    source = disk.source
    if source is None:
        return disk
    faults = list(misplaced(source, "volume"))
    if faults:
        refusals += [Refusal(place=source.place(name), message=sentence) for name, sentence in faults]
        return disk
    try:
        translated = _translated(disk, source, target)
    except _Untranslated as error:
        field, message = error.args
        if _may_be_missing(disk, source):
            return _without_image(disk)
        hint = "tell prober of the host's storage pools"
        refusals.append(Refusal(place=source.place(field), message=message, hint=hint))
        return disk
    # Most rules of disks ask what is behind them, and this is known only now.
    refusals += [Refusal(place=translated.place(name), message=sentence) for name, sentence in translated.rules()]
    return translated


def _may_be_missing(disk: Disk, source: Source) -> bool:
    """``optional`` always, ``requisite`` not at a fresh start (``qemuDomainCheckDiskStartupPolicy``)."""
    return source.startup_policy == "optional"


def _without_image(disk: Disk) -> Disk:
    """A CD or floppy drive stays, empty; a hard disk goes."""
    return disk.replace(type="file", source=None, is_left_out=disk.device in ("disk", "lun"))


def _translated(disk: Disk, source: Source, target: Target) -> Disk:
    pool = next((pool for pool in target.host.pools if pool.name == source.pool), None)
    if pool is None:
        raise _Untranslated("pool", f"there is no storage pool '{source.pool}' on this host")
    if not pool.active:
        raise _Untranslated("pool", f"the storage pool '{source.pool}' is not active")
    if source.mode is not None and pool.type != "iscsi":
        raise _Untranslated("mode", "mode is for storage pools of type iscsi alone")
    if pool.type == "iscsi-direct" or source.mode == "direct":
        return disk.replace(type="network", source=_on_iscsi(source, pool), auth=None)
    if pool.type != "iscsi" and pool.type not in _LOCAL:
        raise _Untranslated("pool", f"disks on pools of type '{pool.type}' are not understood")
    volume = next((volume for volume in pool.volumes if volume.name == source.volume), None)
    if volume is None:
        raise _Untranslated("volume", f"there is no volume '{source.volume}' in the storage pool '{source.pool}'")
    kind = "block" if pool.type == "iscsi" else volume.type
    field = {"file": "file", "block": "dev", "dir": "dir"}[kind]
    changed = source.replace(**_OF_VOLUMES, **{field: volume.path}, places=_moved(source, {"volume": field}))
    form = disk.driver_type or ("fat" if kind == "dir" else "raw")
    return disk.replace(type=kind, source=changed, driver_type=form, auth=None)


def _on_iscsi(source: Source, pool: Pool) -> Source:
    """The unit of the pool's target, reached by QEMU itself (``virDomainDiskTranslateISCSIDirect``)."""
    numbers = (source.volume or "").split(":")
    if len(numbers) != 4 or not re.fullmatch("[0-9]{1,9}", numbers[3]):
        raise _Untranslated("volume", f"'{source.volume}' is not a volume of an iSCSI pool, like unit:0:0:1")
    if pool.host is None or pool.device is None:
        raise _Untranslated("pool", f"the storage pool '{source.pool}' does not say where its target is")
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


def _moved(source: Source, fields: dict[str, str]) -> object:
    """The places of the source, with those of the volume for what it became."""
    places = {
        fields.get(name, name): place
        for name, place in source.places.fields.items()
        if name in fields or name not in (*_OF_VOLUMES, "startup_policy")
    }
    return type(source.places)(source.places.own, places)
