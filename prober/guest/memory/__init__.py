"""How much memory the guest has, and what it is made of on the host.

``pages.py`` and ``backend.py`` have what QEMU's backends are told, ``old_style.py`` what stands for them before
QEMU 5.0.
"""
