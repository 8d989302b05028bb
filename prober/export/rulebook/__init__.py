"""What is known of each rule by its name: what it means, why, what to do, and where that is from.

docs/rules.md is written of it, and SARIF carries it.  Rules of command lines have it in their own row
(:mod:`prober.commandline.rules`), steps of translating in their docstring, rules of elements in that of the function
that they stand in; what stands in neither has its words in ``words.toml``.
"""
