"""What looks at the whole domain: addresses, aliases, boot order, CPU, memory, NUMA, clock, firmware, hot-plug."""
