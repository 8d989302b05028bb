"""What a host brings along to a translation, as values: its settings, networks, pools and firmware; and the target."""
