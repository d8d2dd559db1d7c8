"""Text of strangers in, cells of a CSV table out that no spreadsheet runs, however it splits them."""

import re

# A spreadsheet takes a cell for a formula that begins so (OWASP, CSV Injection), some with the wide forms.
# It may split a line at other separators than commas, quotes or not, and trim what is left.
GUARDED = re.compile(r'(^|[,;\t\r\n])(?=[\s"\u200b\ufeff]*[=+\-@＝＋－＠﹦﹢﹣﹫]|[\t\r])')
NEEDS_QUOTES = re.compile(r'[",;\t\r\n]')


def escape_cell(text: str) -> str:
    """The text with an apostrophe wherever a cell that is a formula could begin."""
    return GUARDED.sub(r"\1'", text)


def quote_cell(text: str) -> str:
    """A cell in quotes, as RFC 4180 has them."""
    return '"' + text.replace('"', '""') + '"'


def foreign_cell(text: str) -> str:
    """A cell of text that strangers wrote: guarded, and always in quotes."""
    return quote_cell(escape_cell(text))


def own_cell(text: str) -> str:
    """A cell of text that is this tool's own: in quotes only where it needs them."""
    return quote_cell(text) if NEEDS_QUOTES.search(text) else text
