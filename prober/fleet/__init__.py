"""Many hosts: which of them can run a domain, and why the others cannot.

A *build* is what one QEMU says on any host, a *variant* what a host's kernel and CPU add to it, a *host record* which
of them a host has.  A question over all hosts is a question over their few builds and variants.
"""
