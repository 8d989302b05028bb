"""What looks at the whole domain: addresses, aliases, boot order, CPU, memory, NUMA, firmware, hot-plug."""
