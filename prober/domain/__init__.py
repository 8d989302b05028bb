"""Libvirt's domain: the root, the elements that are no devices, and what several devices share."""
