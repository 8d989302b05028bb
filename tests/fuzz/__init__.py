"""Fuzzing of all that reads what somebody else wrote: ``make fuzz``; ``tests/unit/test_fuzz.py`` runs a short form.

``targets`` says what is fed and with what it begins, ``mutator`` makes other inputs of these, ``watch`` runs one and
says what is wrong with it: an error that is none of ours, no end, or a growth that is not linear.  What was found
stands in ``cases``, a file an input, named by its target.
"""
