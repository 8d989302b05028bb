"""The commands, a row each: what it is called and for, where its work is, and what it asks.

What a command asks is a route of the service's API.  A service is asked by it (:mod:`prober.cli.remote`), and a binary
or a recording answers the same (:mod:`prober.cli.local`), so no command asks which one it has.  A module is imported
when its command is called, as a start of ``prober supports`` may take no longer than 150 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from prober.service import routes
from prober.service.routes import Route


class Command(NamedTuple):
    """One command.

    ``module`` has a function called ``NAME_command``, whose parameters are its arguments and options, and whose
    docstring goes on where ``summary`` (markdown) ends.  ``asks`` are the routes that it asks; without any it needs
    nobody who answers.  ``settings`` are those of the parser.  One with commands
    ``within`` has these, and no function; what they are ``of`` stands before the names of their functions.
    """

    name: str
    module: str
    summary: str
    asks: tuple[Route, ...] = ()
    settings: Mapping[str, Any] = {}
    within: tuple[Command, ...] = ()
    of: str = ""

    @property
    def function(self) -> str:
        """The name of its function."""
        return f"{self.of}{self.name.replace('-', '_')}_command"


#: What is asked of many hosts at once.
FLEET = (
    Command(
        "init",
        "prober.cli.fleet.keeping",
        "Make a store for a fleet, or see that the one that is there is as it should be.",
        of="fleet_",
    ),
    Command(
        "key",
        "prober.cli.fleet.keeping",
        "Make the key of a host, a reader or the keeper, and tell what a server has to know of it.",
        of="fleet_",
    ),
    Command(
        "import",
        "prober.cli.fleet.importing",
        "Put hosts into a store, each by a recording of its QEMU.",
        of="fleet_",
    ),
    Command(
        "can",
        "prober.cli.fleet.can",
        "Tell how many hosts can run a domain, and why the others cannot.",
        of="fleet_",
    ),
    Command(
        "why",
        "prober.cli.fleet.can",
        "Tell why one host can or cannot run a domain.",
        of="fleet_",
    ),
    Command(
        "targets",
        "prober.cli.fleet.moving",
        "Tell to which hosts a guest may migrate that runs on one of them.",
        of="fleet_",
    ),
    Command(
        "upgrade",
        "prober.cli.fleet.moving",
        "Tell which domains break and which change where one build is replaced by another, and which hosts have it.",
        of="fleet_",
    ),
    Command(
        "baseline",
        "prober.cli.fleet.common",
        "Tell what all hosts have: what a guest may use that shall live on any of them.",
        of="fleet_",
    ),
    Command(
        "supports",
        "prober.cli.fleet.common",
        "Tell how many hosts have a type, property, machine, CPU model, QMP command or option, by build.",
        of="fleet_",
    ),
    Command(
        "drift",
        "prober.cli.fleet.common",
        "Tell which hosts differ from most of their peers.",
        of="fleet_",
    ),
    Command(
        "hosts",
        "prober.cli.fleet.lists",
        "List the hosts, each with its QEMUs.",
        of="fleet_",
    ),
    Command(
        "builds",
        "prober.cli.fleet.lists",
        "List the builds of QEMU, each with how many hosts have it.",
        of="fleet_",
    ),
    Command(
        "watch",
        "prober.cli.fleet.watching",
        "Tell of each change of a fleet that a reader sees, until it is interrupted.",
        of="fleet_",
    ),
    Command(
        "serve",
        "prober.cli.fleet.serve",
        "Run a reader in the foreground: it follows a store, holds all in memory, and answers on a unix socket.",
        of="fleet_",
    ),
)

#: What is done with the state of a guest.
STATE = (
    Command(
        "save",
        "prober.cli.state",
        "Start a domain, stopped and confined, and keep its state in a file.",
        of="state_",
    ),
    Command(
        "load",
        "prober.cli.state",
        "Have a QEMU take the state of a file, as a rehearsal, and tell what the guest would see change.",
        of="state_",
    ),
)

#: In the order of the help.
COMMANDS = (
    Command(
        "serve",
        "prober.cli.serve",
        "Run the service in the foreground: it answers for the QEMU binaries of this host, over HTTP on a unix socket.",
    ),
    Command(
        "serve-prover",
        "prober.cli.serve_prover",
        "Run what proves lines for the service in a process of its own, confined as proving needs it.",
    ),
    Command(
        "agent",
        "prober.cli.agent",
        "Report this host to the store of its fleet: what its service knows of its QEMU binaries, as it changes.",
    ),
    Command(
        "config",
        "prober.cli.config",
        "Tell the settings of the service: each with where it was told, or all that is wrong with them.",
    ),
    Command(
        "doctor",
        "prober.cli.doctor",
        "Look at this host as the service sees it, and say what to do about what stands in the way: binaries, KVM, "
        "groups, cache, socket, confinement, firmware.",
        asks=(routes.HEALTH, routes.DOCTOR),
    ),
    Command(
        "metrics",
        "prober.cli.metrics",
        "Print what a running service counts of itself, in Prometheus' text, or write it for node-exporter.",
        asks=(routes.METRICS,),
    ),
    Command(
        "probe",
        "prober.cli.probe",
        "Interview QEMU binaries here and now, and print a summary of each and how long it took.",
    ),
    Command(
        "record",
        "prober.cli.record",
        "Interview a QEMU binary and keep what it said, in the .replies form of libvirt's test suite.",
    ),
    Command(
        "show",
        "prober.cli.show",
        "Walk through what a QEMU can do: a summary, its QOM types, one type's properties, machines, CPU models, its "
        "QMP commands, one command's arguments; and what this host's kernel and CPU add.",
        asks=(
            routes.BINARIES,
            routes.BINARY,
            routes.TYPES,
            routes.TYPE,
            routes.MACHINES,
            routes.CPUS,
            routes.COMMANDS,
            routes.COMMAND,
            routes.HOST,
        ),
    ),
    Command(
        "explain",
        "prober.cli.explain",
        "Tell all that is known of a fact: what it is, type, default and values, on what grounds, and which recorded "
        "versions of QEMU have it.",
        asks=(routes.CAPABILITIES,),
    ),
    Command(
        "why",
        "prober.cli.why",
        "Tell what a message of QEMU, libvirt or prober means: which option it belongs to, why it is said, what to do, "
        "and which QEMUs are concerned.",
    ),
    Command(
        "diff",
        "prober.cli.diff",
        "Tell what an upgrade from one QEMU to another brings and takes away: machines, CPU models, devices, "
        "properties, QMP commands, their members, options, defaults and deprecations.",
        asks=(routes.CAPABILITIES,),
    ),
    Command(
        "domcapabilities",
        "prober.cli.domcapabilities",
        "Tell what domains may have, as `virsh domcapabilities` does: XML in libvirt's form, from what is known of a "
        "QEMU.",
        asks=(routes.DOMCAPABILITIES,),
    ),
    Command(
        "labels",
        "prober.cli.labels",
        "Tell the labels of a Kubernetes node that has this QEMU, as node-feature-discovery reads them: KubeVirt's "
        "names and prober's own.",
        asks=(routes.LABELS,),
    ),
    Command(
        "supports",
        "prober.cli.supports",
        "Say whether a QEMU has a type, property, machine, CPU model, QMP command or option, and on what grounds.",
        asks=(routes.SUPPORTS,),
    ),
    Command(
        "watch",
        "prober.cli.watch",
        "Tell of each change in what a running service knows of its QEMU binaries, until it is interrupted.",
        asks=(routes.CHANGES,),
    ),
    Command(
        "translate",
        "prober.cli.translate",
        "Turn a libvirt domain into a QEMU command line, checked against all that the QEMU says of itself, or say why "
        "not.",
        asks=(routes.TRANSLATE,),
    ),
    Command(
        "check-argv",
        "prober.cli.check_argv",
        "Hold any QEMU command line against what a QEMU says of itself, option by option; QEMU is not started with it.",
        asks=(routes.CHECK_ARGV,),
        settings={"allow_interspersed_args": False},
    ),
    Command(
        "prove",
        "prober.cli.prove",
        "Start a QEMU with a command line, confined and stopped, and tell what it makes of it.",
        asks=(routes.PROVE,),
        settings={"allow_interspersed_args": False},
    ),
    Command(
        "plug",
        "prober.cli.plug",
        "Plug devices into a machine that is started for it, confined and stopped, and tell what QEMU makes of them.",
    ),
    Command(
        "migrate",
        "prober.cli.migrate",
        "Rehearse a migration: a guest is sent, stopped and confined, from one QEMU to another.",
    ),
    Command(
        "upgrade",
        "prober.cli.upgrade",
        "Rehearse an upgrade of QEMU: what starts, what migrates there and back, what a guest sees change, what helps.",
    ),
    Command(
        "state",
        "prober.cli.state",
        "Keep the state of a guest in a file, and try it on another host.",
        within=STATE,
    ),
    Command(
        "preflight",
        "prober.cli.preflight",
        "Look at what this host has of all that a domain takes of it: images, sockets, taps, KVM, huge pages, devices, "
        "helpers, firmware, secrets.",
        asks=(routes.CAPABILITIES,),
    ),
    Command(
        "check",
        "prober.cli.check",
        "Say which of many QEMUs accept which of many libvirt domains, and why the others do not.",
    ),
    Command(
        "report",
        "prober.cli.report",
        "Make a page that is one file: QEMUs at a glance, types, what two differ in, and which takes which domain.",
    ),
    Command(
        "ui",
        "prober.cli.ui",
        "Open a page beside a running service: all that a report has, live, and what is typed into it is checked.",
        asks=(routes.BINARIES, routes.CAPABILITIES, routes.TRANSLATE, routes.CHECK_ARGV, routes.PROVE, routes.CHANGES),
    ),
    Command(
        "fleet",
        "prober.cli.fleet",
        "Ask many hosts at once: which of them can run a domain, why the others cannot, what an upgrade breaks.",
        within=FLEET,
    ),
)
