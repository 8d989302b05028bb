"""Libvirt's own domains, and what they come to here beside what they come to there."""
