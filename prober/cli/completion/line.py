"""A command line that is being typed, in words."""

from __future__ import annotations

#: Nobody types more; a longer line gets no completion.
LONGEST = 100_000


def split_line(line: str) -> list[str]:
    """The words of a line as a shell reads them, up to the cursor; the last one is being typed, and may be empty.

    A quotation mark that is not closed goes on to the end.

    >>> split_line("prober show 'a b")
    ['prober', 'show', 'a b']
    >>> split_line("prober show ")
    ['prober', 'show', '']
    """
    words, word, quote = [""], False, ""
    characters = iter(line[:LONGEST])
    for one in characters:
        if quote and one == quote:
            quote = ""
        elif one == "\\" and quote != "'":
            words[-1] += next(characters, "")
            word = True
        elif quote:
            words[-1] += one
        elif one in "'\"":
            quote, word = one, True
        elif one.isspace():
            if word:
                words.append("")
            word = False
        else:
            words[-1] += one
            word = True
    return words
