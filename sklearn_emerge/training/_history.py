"""The history of a training, as skorch keeps it."""

from typing import Any

from skorch.history import History


class QuickHistory(History):
    """A history that finds an epoch without a copy of all.

    skorch makes one whenever it notes something of a batch, so that an update would take the
    longer the more epochs there have been.
    """

    def __getitem__(self, i: Any) -> Any:
        """Return what `skorch.history.History` returns."""
        first, *rest = i if isinstance(i, tuple) else (i,)
        if not isinstance(first, int):
            return super().__getitem__(i)
        epoch: Any = list.__getitem__(self, first)
        return History([epoch])[(0, *rest)] if rest else epoch
