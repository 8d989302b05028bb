"""What a host runs to be known to its fleet: it follows the service of its host, and tells the store of each change."""
