"""What a host brings along to a translation: the settings of libvirt's daemon, and the firmware that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from prober.host.descriptor import Descriptor

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class Settings(BaseModel):
    """What shapes a command line beside the domain: libvirt's ``qemu.conf``, by its own names and with its defaults.

    ``state_directory`` holds a directory for each running domain, with what is made for it.
    """

    model_config = _CONFIG

    state_directory: str = "/var/lib/libvirt/qemu"
    #: Not in ``qemu.conf``: where sockets of helper programs are while guests run.
    run_directory: str = "/run/libvirt/qemu"
    #: Not in ``qemu.conf``: which virtio cards on a tap are served by the kernel's vhost-net.  libvirt does it for KVM
    #: guests, where ``<driver name>`` does not say qemu; ``always`` is for all of them.
    vhost_net: Literal["kvm", "always"] = "kvm"
    #: Whether a domain's sound may go to the host's devices, where nobody said where it goes to.
    vnc_allow_host_audio: bool = False
    nographics_allow_host_audio: bool = False
    #: Where swtpm keeps the state of guests' TPMs, and where it is awaited if not in the run directory.
    swtpm_storage_directory: str = "/var/lib/libvirt/swtpm"
    swtpm_socket: str | None = None
    #: Where displays listen that do not say where, and whether that is a socket in the domain's own directory.
    vnc_listen: str = "127.0.0.1"
    vnc_auto_unix_socket: bool = False
    spice_listen: str = "127.0.0.1"
    spice_auto_unix_socket: bool = False
    rdp_listen: str = "127.0.0.1"
    #: Whether VNC is encrypted, with which certificates, and whether clients need one.
    vnc_tls: bool = False
    vnc_tls_x509_cert_dir: str | None = None
    vnc_tls_x509_verify: bool | None = None
    vnc_tls_x509_secret_uuid: str | None = None
    #: The password of displays that have none of their own; not part of a command line, but that there is one.
    vnc_password: str | None = None
    spice_password: str | None = None
    #: Whether clients say who they are by SASL, and where its settings are.
    vnc_sasl: bool = False
    vnc_sasl_dir: str | None = None
    spice_sasl: bool = False
    spice_sasl_dir: str | None = None
    #: Whether SPICE can be encrypted, and with which certificates.
    spice_tls: bool = False
    spice_tls_x509_cert_dir: str | None = None

    #: Not libvirt's: whether an alias of a machine (``pc``) becomes the machine that it stands for, as libvirt has it
    #: when it defines a domain.
    expand_machine_aliases: bool = False
    #: Whether QEMU may not do what seccomp can forbid it; whether its messages have time stamps; whether its process
    #: is called after the domain.
    seccomp_sandbox: bool = True
    log_timestamp: bool = True
    set_process_name: bool = False
    #: What QEMU does where it is asked for what it will lose: nothing, or as ``-compat`` says.
    deprecation_behavior: Literal["none", "omit", "reject", "crash"] = "none"
    #: Firmware without descriptors: code and template of variables, as CODE:VARS.  libvirt's own list.
    nvram: tuple[str, ...] = (
        "/usr/share/OVMF/OVMF_CODE.fd:/usr/share/OVMF/OVMF_VARS.fd",
        "/usr/share/OVMF/OVMF_CODE.secboot.fd:/usr/share/OVMF/OVMF_VARS.fd",
        "/usr/share/AAVMF/AAVMF_CODE.fd:/usr/share/AAVMF/AAVMF_VARS.fd",
        "/usr/share/AAVMF/AAVMF32_CODE.fd:/usr/share/AAVMF/AAVMF32_VARS.fd",
    )
    #: Whether a dump of QEMU's memory holds the guest's, where ``<memory dumpCore>`` does not say.
    dump_guest_core: bool = False
    #: Where memory that is a file lies, for guests whose ``<memoryBacking>`` asks for one.
    memory_backing_dir: str = "/var/lib/libvirt/qemu/ram"
    #: The mounts of hugetlbfs, each with the size of its pages in KiB.  libvirt finds them in ``/proc/mounts`` where
    #: ``qemu.conf`` names none; these two are where distributions have them.
    hugetlbfs_mount: tuple[tuple[int, str], ...] = ((2048, "/dev/hugepages"), (1048576, "/dev/hugepages1G"))
    #: The size of huge page, in KiB, for guests that ask for huge pages of any size; the kernel's own on x86.
    default_hugepage: int = 2048

    #: Where each domain has a directory with the sockets of the channels that name none.
    channel_target_directory: str = "/run/libvirt/qemu/channel"
    #: Who opens the files that character devices write to: virtlogd turns them over before they grow too large.
    stdio_handler: Literal["logd", "file"] = "logd"
    #: Not libvirt's: switched off, QEMU itself makes the sockets that it listens on and opens the files that it writes
    #: to, as fits a QEMU that nobody passes descriptors to.
    pass_descriptors: bool = True
    #: Where certificates are, and whether servers ask their clients for one, where a service does not say of its own.
    default_tls_x509_cert_dir: str = "/etc/pki/qemu"
    default_tls_x509_verify: bool | None = None
    #: Whether TCP sockets of character devices use TLS where the domain does not say, and theirs of the above.
    chardev_tls: bool = False
    chardev_tls_x509_cert_dir: str | None = None
    chardev_tls_x509_verify: bool | None = None
    chardev_tls_x509_secret_uuid: str | None = None

    #: Whether NBD servers are spoken to over TLS where the domain does not say, with which certificates, and the secret
    #: that the key of the certificate is encrypted with.
    nbd_tls: bool = False
    nbd_tls_x509_cert_dir: str | None = None
    nbd_tls_x509_secret_uuid: str | None = None
    default_tls_x509_secret_uuid: str | None = None
    #: How much Gluster's client writes into QEMU's log: 0 nothing, 9 everything.
    gluster_debug_level: int = 4


class Volume(BaseModel):
    """One volume of a storage pool: what it is on this host, and where."""

    model_config = _CONFIG

    name: str
    type: Literal["file", "block", "dir"]
    path: str


class Pool(BaseModel):
    """One storage pool of libvirt, as far as disks on its volumes need it.

    The fields from ``host`` on are of pools on iSCSI: the server, the target (``device``), the user and the secret
    by its uuid or usage, and the initiator's name.
    """

    model_config = _CONFIG

    name: str
    type: str = "dir"
    active: bool = True
    volumes: tuple[Volume, ...] = ()
    host: str | None = None
    port: int | None = None
    device: str | None = None
    username: str | None = None
    secret_uuid: str | None = None
    secret_usage: str | None = None
    initiator: str | None = None


class Network(BaseModel):
    """One of libvirt's virtual networks, as far as a guest's command line depends on it.

    ``forward`` is the mode of its ``<forward>``, ``none`` without one.  ``bridge`` is the bridge of the host that it
    is on, ``devices`` are what it is a pool of: PCI addresses (``0000:03:07.1``) for ``hostdev``, which ``managed``
    says libvirt takes from their drivers.  ``virtualport`` is the type of what its ports are.  ``address`` is the
    host's own address on it, where displays can listen.
    """

    model_config = _CONFIG

    forward: Literal["none", "nat", "route", "open", "bridge", "private", "vepa", "passthrough", "hostdev"] = "nat"
    bridge: str | None = None
    devices: tuple[str, ...] = ()
    managed: bool = False
    virtualport: Literal["802.1Qbg", "802.1Qbh", "openvswitch", "midonet"] | None = None
    address: str | None = None

    @property
    def kind(self) -> Literal["network", "bridge", "direct", "hostdev"]:
        """What an interface on it comes to (libvirt 11.3, ``virDomainNetGetActualType``)."""
        if self.forward == "hostdev":
            return "hostdev"
        if self.forward == "bridge" and self.bridge is not None:
            return "bridge"
        return "direct" if self.forward in ("bridge", "private", "vepa", "passthrough") else "network"


#: A model or a feature, as libvirt and QEMU name them.
CpuWord: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]


class HostCpu(BaseModel):
    """A CPU as ``virsh domcapabilities`` shows it under ``host-model``: the nearest model, and what differs.

    By libvirt's names.  It stands in for what a binary itself said, where that was on another host; what such a host
    lacks of a domain's CPU is not known.
    """

    model_config = _CONFIG

    model: CpuWord
    require: tuple[CpuWord, ...] = ()
    disable: tuple[CpuWord, ...] = ()


class Confidential(BaseModel):
    """Which ways of keeping a guest's memory from its host the kernel lets guests have, as the parameters of KVM's
    modules say; none where that is not known."""

    model_config = _CONFIG

    #: AMD's SEV (``kvm_amd.sev``).
    sev: bool | None = None
    #: SEV-ES (``kvm_amd.sev_es``): registers are encrypted, too.
    sev_es: bool | None = None
    #: SEV-SNP (``kvm_amd.sev_snp``): memory cannot be changed, either.
    sev_snp: bool | None = None
    #: Intel's TDX (``kvm_intel.tdx``).
    tdx: bool | None = None


class Host(BaseModel):
    """One host, as far as command lines show it.  Read once, at the edge; translating looks at nothing else."""

    model_config = _CONFIG

    settings: Settings = Settings()
    #: libvirt's networks by name; it brings ``default`` along.
    networks: Mapping[str, Network] = {"default": Network(forward="nat", bridge="virbr0", address="192.168.122.1")}
    #: The GPU that displays draw with where the domain names none: the first render node.
    render_node: str = "/dev/dri/renderD128"
    #: The installed firmware, in the order in which it is tried: see :func:`prober.host.firmware.read_firmware`.
    firmware: tuple[Descriptor, ...] = ()
    #: The CPU, for domains that take it over; None for that of the host where the binary was interviewed.
    cpu: HostCpu | None = None
    #: The NUMA nodes of the host, each with its CPUs; None where nobody looked.
    numa_nodes: tuple[tuple[int, tuple[int, ...]], ...] | None = None
    #: The nodes that numad advises for a guest whose memory is placed automatically; None without advice.
    numad_nodes: tuple[int, ...] | None = None
    #: The block devices that are CD drives, by the paths that domains have for them.
    cdroms: tuple[str, ...] = ("/dev/cdrom", "/dev/sr0")
    #: When guests start, in seconds since 1970, and how far the host's local time is ahead of UTC then, in seconds: for
    #: clocks that go on from where they were.  None where nobody said; it is no setting for a file.
    starts_at: int | None = None
    utc_offset: int = 0
    #: libvirt's storage pools.
    pools: tuple[Pool, ...] = ()
    #: What its kernel says of guests whose memory it cannot read; looked up where no file says it.
    confidential: Confidential | None = None
