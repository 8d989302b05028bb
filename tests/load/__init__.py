"""The service under load: ``make load``.

2,000 connections are held; on 64 of them agents ask without pause, a mix of ``supports``, ``types``, ``translate`` and
``check-argv``; then as often as half of what that came to.  In the same run libvirtd is asked, where it is installed,
what is most like it: ``getDomainCapabilities`` and ``domxml-to-native``.
"""
