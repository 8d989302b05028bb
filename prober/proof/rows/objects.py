"""The rows of ``-object``: what asks for memory, secrets, certificates and files of the host gets such as are here.

Seen with QEMU 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from types import MappingProxyType

from prober.commandline.text import as_size
from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.images import STAND_IN_SECRET
from prober.proof.members import Members
from prober.proof.row import KEPT, StandInRow, left_out, stood_in, treat
from prober.proof.rows.certificates import CA_CERT, CERT, DH_PARAMS, KEY

_ON = ("on", "yes", "true", "y")

#: A name that a file of keys can have a line for.
_USERNAME = re.compile(r"[\w.@-]{1,64}")


def _memory(given: Given, members: Members, bench: Bench) -> None:
    """Set aside what only the host's nodes and huge pages can give; nothing of the memory is ever touched."""
    policy = members.text("policy")
    # One without the other is refused by QEMU, whatever the host has.
    has_nodes = members.value("host-nodes") is not None or members.inner("host-nodes") is not None
    if policy not in ("", "default") and has_nodes:
        for name in ("policy", "host-nodes"):
            members.drop(name)
            bench.replace(given, name, "memory of no node")
    if _is_cut(members):
        return
    for name in ("prealloc", "hugetlb", "pmem"):
        if members.text(name) in _ON:
            members.drop(name)
            bench.replace(given, name, "memory that is never touched")


def _is_cut(members: Members) -> bool:
    """Whether it is no whole number of huge pages, which the kernel refuses (``util/memfd.c``)."""
    size, page = as_size(members.text("size")), as_size(members.text("hugetlbsize"))
    return members.text("hugetlb") in _ON and bool(size and page and size % page)


def _memory_file(given: Given, members: Members, bench: Bench) -> None:
    _memory(given, members, bench)
    path = members.text("mem-path")
    if not path:
        return
    # QEMU makes a file as large as it has to be, but one that it only reads.
    size = 0
    if members.text("readonly") in _ON or members.text("rom") in _ON:
        size = _file_size(members)
    members.set("mem-path", bench.add(path, size=size, shared_as=f"memory {path} {given.id}"))
    bench.replace(given, "mem-path", "a file that takes no room")


def _file_size(members: Members) -> int:
    return (as_size(members.text("size")) or 0) + (as_size(members.text("offset")) or 0)


def _threads(given: Given, members: Members, bench: Bench) -> None:
    for name in ("node-affinity", "cpu-affinity"):
        if members.value(name) is not None or members.inner(name) is not None:
            members.drop(name)
            bench.replace(given, name, "any processor")


def _random(given: Given, members: Members, bench: Bench) -> None:
    if members.text("filename") not in ("", "/dev/urandom", "/dev/random"):
        members.set("filename", "/dev/urandom")
        bench.replace(given, "filename", "/dev/urandom")


def _secret(given: Given, members: Members, bench: Bench) -> None:
    data, file = members.get("data"), members.get("file")
    if (data is None) == (file is None):
        return  # QEMU says what is missing, or what is too much
    form = members.text("format")
    if form not in ("", "raw", "base64") or (data is not None and not _is_well_formed(members, form)):
        return
    if not _decrypt_nothing(given, members, bench):
        return
    members.drop("file")
    members.set("data", b64encode(STAND_IN_SECRET.encode()).decode() if form == "base64" else STAND_IN_SECRET)
    bench.replace(given, "data" if file is None else "file", "a secret of nobody")


def _is_well_formed(members: Members, form: str) -> bool:
    if _is_to_come(members, "data"):
        return True
    return not (form == "base64" or members.text("keyid")) or _is_base64(members.text("data"))


def _is_to_come(members: Members, name: str) -> bool:
    """Whether it is the word that a translation has where the host puts a secret (``data-of-ID``)."""
    return members.text(name) == f"{name}-of-{members.text('id')}"


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return False
    return True


def _decrypt_nothing(given: Given, members: Members, bench: Bench) -> bool:
    """What is encrypted with a key is plain here; whether key and vector are what QEMU takes."""
    key = members.text("keyid")
    if not key:
        return True
    vector = members.text("iv")
    is_vector = _is_to_come(members, "iv") or (_is_base64(vector) and len(b64decode(vector)) == 16)
    if bench.find("-object", key) is None or not is_vector:
        return False
    for name in ("keyid", "iv"):
        members.drop(name)
        bench.replace(given, name, "a secret that is not encrypted")
    return True


def _keyring(given: Given, members: Members, bench: Bench) -> None:
    if not _decrypt_nothing(given, members, bench):
        return
    members.set("qom-type", "secret")
    members.drop("serial")
    form = members.text("format")
    members.set("data", b64encode(STAND_IN_SECRET.encode()).decode() if form == "base64" else STAND_IN_SECRET)
    for name in ("qom-type", "serial"):
        bench.replace(given, name, "a secret of nobody")


def x509_directory(bench: Bench) -> str:
    """The directory with a certificate for both ends, under the names that QEMU and SPICE look for."""
    bench.add_named("ca-cert.pem", CA_CERT)
    for end in ("server", "client"):
        bench.add_named(f"{end}-cert.pem", CERT)
        bench.add_named(f"{end}-key.pem", KEY)
    return _with_group(bench)


def _with_group(bench: Bench) -> str:
    """Since QEMU 7.0 the group is GnuTLS's own, and from 11.0 on a file with one is deprecated."""
    if bench.caps.version.numbers < (7, 0, 0):
        bench.add_named("dh-params.pem", DH_PARAMS)
    return bench.theirs


def _x509(given: Given, members: Members, bench: Bench) -> None:
    if members.text("dir"):
        members.set("dir", x509_directory(bench))
        bench.replace(given, "dir", "a directory with certificates of nobody")


def _psk(given: Given, members: Members, bench: Bench) -> None:
    if not members.text("dir"):
        return
    user = members.text("username") or "qemu"
    if _USERNAME.fullmatch(user):
        bench.add_named("keys.psk", f"{user}:{STAND_IN_SECRET.encode().hex()}\n".encode())
    members.set("dir", _with_group(bench))
    bench.replace(given, "dir", "a directory with keys of nobody")


def _anonymous(given: Given, members: Members, bench: Bench) -> None:
    if members.text("dir"):
        members.set("dir", _with_group(bench))
        bench.replace(given, "dir", "a directory with keys of nobody")


def _list_file(given: Given, members: Members, bench: Bench) -> None:
    if members.text("filename"):
        members.set("filename", bench.add(members.text("filename"), content=b'{"policy":"deny","rules":[]}'))
        bench.replace(given, "filename", "a list that allows nobody")


def _dump(given: Given, members: Members, bench: Bench) -> None:
    if members.text("file"):
        members.set("file", bench.place(members.text("file")))
        bench.replace(given, "file", "a file in the directory of stand-ins")


_MEMORY = stood_in(
    "memory of no node, without huge pages, never touched: `policy`, `prealloc` … are set aside", _memory
)
_LIST_FILE = stood_in("a list that allows nobody, in `filename`", _list_file)
_SEALED = "the host's processor has to keep the guest's memory from the host"
_PROCESS = "it talks to another process, which is not here"

OBJECTS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **dict.fromkeys(
            ("acpi-generic-initiator", "acpi-generic-port", "authz-list", "authz-pam", "authz-simple", "can-bus",
             "colo-compare", "cryptodev-backend", "cryptodev-backend-builtin", "filter-buffer", "filter-mirror",
             "filter-redirector", "filter-replay", "filter-rewriter", "iothread", "main-loop", "memory-backend-shm",
             "monitor-hmp", "monitor-qmp", "qtest", "rng-builtin", "rng-egd", "throttle-group", "tls-cipher-suites"),
            KEPT,
        ),
        **dict.fromkeys(("memory-backend-ram", "memory-backend-memfd"), _MEMORY),
        "memory-backend-file": stood_in("the same, in a file that takes no room", _memory_file),
        "thread-context": stood_in("any processor: `node-affinity` and `cpu-affinity` are set aside", _threads),
        "rng-random": stood_in("`/dev/urandom`", _random),
        "secret": stood_in("a secret of nobody in `data`, which opens the images that stand in", _secret),
        "secret_keyring": stood_in("`secret`, of nobody", _keyring),
        "tls-creds-x509": stood_in("certificates of nobody in `dir`", _x509),
        "tls-creds-psk": stood_in("keys of nobody in `dir`", _psk),
        "tls-creds-anon": stood_in("itself; `dir` is the directory of stand-ins", _anonymous),
        **dict.fromkeys(("authz-list-file", "authz-listfile"), _LIST_FILE),
        "filter-dump": stood_in("a `file` in the directory of stand-ins", _dump),
        **dict.fromkeys(("pef-guest", "s390-pv-guest", "sev-guest", "sev-snp-guest", "tdx-guest"), left_out(_SEALED)),
        **dict.fromkeys(
            ("cryptodev-vhost-user", "dbus-vmstate", "input-barrier", "pr-manager-helper", "vhost-user-backend",
             "x-remote-object", "x-vfio-user-server"),
            left_out(_PROCESS),
        ),
        "can-host-socketcan": left_out("a CAN interface is the host's"),
        "cryptodev-backend-lkcf": left_out("the host's kernel does its work"),
        "igvm-cfg": left_out("what is in its file is nothing that could be made up"),
        "input-linux": left_out("an input device is the host's"),
        "iommufd": left_out("the IOMMU is the host's"),
        "memory-backend-epc": left_out("the memory of an enclave is of the host's processor"),
    }
)  # fmt: skip


def _change(given: Given, members: Members, bench: Bench) -> None:
    """Without a type, QEMU says so."""
    if members.text("qom-type"):
        treat(OBJECTS, "object", members.text("qom-type"), given, members, bench)


OPTIONS_OF_OBJECTS: Mapping[str, StandInRow] = MappingProxyType(
    {"-object": stood_in("by its type, see below", _change)}
)
