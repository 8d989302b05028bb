"""QEMUs that are none: real processes that speak QMP, well or badly on purpose."""
