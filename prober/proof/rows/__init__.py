"""The rows, a file for each kind: what becomes of each option, netdev, character device, object and block driver."""
