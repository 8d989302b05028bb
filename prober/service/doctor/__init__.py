"""What of a host stands in the way of prober and its guests, and what to do about it.

Each module looks at one matter and gives observations; :mod:`prober.service.doctor.examine` puts them together.
"""
