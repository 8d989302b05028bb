"""The virtual CPUs that the guest sees: which model it is, of which features, for this binary on this host."""
