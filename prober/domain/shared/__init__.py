"""What several device elements have in common: addresses, character devices, virtio's options."""
