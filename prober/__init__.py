"""Asks QEMU binaries what they can do, and turns libvirt domain XML into command lines they accept."""

__version__ = "0.2.0"

#: What prober is as a library, and where each stands (behind a colon: as what): these names stay, and all else is
#: internal.
#: Each is imported when it is first asked for, as the command has no use for most of them.  ``__init__.pyi`` says the
#: same to type checkers.
_PUBLIC = {
    "ArgvFinding": "prober.commandline.report",
    "ArgvReport": "prober.commandline.report",
    "Asking": "prober.service.asking.questions",
    "AsyncServiceClient": "prober.service.asking.awaited",
    "Capabilities": "prober.capabilities",
    "ChangesLost": "prober.service.asking.questions",
    "Difference": "prober.capabilities.difference",
    "Domain": "prober.domain.domain",
    "Evidence": "prober.capabilities",
    "Host": "prober.host.host",
    "Interview": "prober.qemu.interview",
    "InterviewLimits": "prober.qemu.limits",
    "LineRequest": "prober.proof.subject",
    "LineSubject": "prober.proof.subject",
    "Migration": "prober.rehearsal.models",
    "MigrationList": "prober.rehearsal.told",
    "Note": "prober.commandline.refusal",
    "PlugRehearsal": "prober.rehearsal.plug_models",
    "PlugTranslation": "prober.translate.plug_models",
    "ProberError": "prober.errors",
    "Proof": "prober.proof.models",
    "Recording": "prober.qemu.recording",
    "Refusal": "prober.commandline.refusal",
    "RefusedError": "prober.errors",
    "Rehearsing": "prober.service.asking.rehearsals",
    "ServiceClient": "prober.service.asking.client",
    "ServiceError": "prober.errors",
    "StateKept": "prober.rehearsal.keeping",
    "Translation": "prober.translate.translation",
    "UnreadableDomainError": "prober.errors",
    "UsageError": "prober.errors",
    "Verdict": "prober.capabilities",
    "Wishes": "prober.translate.wishes",
    "XmlLimits": "prober.xml.document",
    "bundled_names": "prober.qemu.bundled",
    "check_argv": "prober.commandline.report",
    "compare_for": "prober.translate.uses",
    "diff": "prober.capabilities.diff",
    "interview": "prober.qemu.interview",
    "load_bundled": "prober.qemu.decoding",
    "load_recording": "prober.qemu.decoding",
    "prove_once": "prober.proof.once",
    "read_domain": "prober.translate.read",
    "translate_domain": "prober.translate.pipeline:translate",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'prober' has no attribute {name!r}")
    # Imported late: whoever imports prober alone pays for nothing.
    from importlib import import_module

    module, _, own = _PUBLIC[name].partition(":")
    found: object = getattr(import_module(module), own or name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
