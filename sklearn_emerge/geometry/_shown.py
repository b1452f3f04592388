"""Tables that print all of their columns, in lines of 80."""

import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd

_WIDTH = 79
# Columns of sentences.
_SAID = ("reason",)


class WholeTable(pd.DataFrame):
    """A table that leaves out no column when it is printed; what is made of it is ordinary.

    Columns that do not fit beside the others stand below them, and sentences below all.
    """

    def __repr__(self) -> str:
        """Return the table as text of 80 columns."""
        said = [name for name in _SAID if name in self]
        lines = [self.drop(columns=said).to_string(line_width=_WIDTH)]
        for name in said:
            lines += [textwrap.fill(f"{row}: {text}", _WIDTH) for row, text in self[name].items()]
        return "\n".join(lines)


def table_of(rows: Mapping[Any, Mapping[str, Any]], axis: str) -> WholeTable:
    """Return rows by their names as a table.

    Parameters
    ----------
    rows : mapping of object to mapping of str to object
        Cells of each row by their columns.
    axis : str
        What the names of rows are.
    """
    return WholeTable(pd.DataFrame.from_dict(rows, orient="index").rename_axis(axis))
