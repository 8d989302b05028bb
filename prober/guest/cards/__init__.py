"""What a guest calls its network cards, by systemd's scheme: worked out of addresses, slots and hot-plug."""
