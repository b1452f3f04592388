"""The part of a plane that is shown, and arrows that fill it."""

import numpy as np

from .._typing import Floats

# Arrows a side of the plane.
_N_ARROWS = 15
# Paths may leave the range of the world's by so much of it.
_MOST_ROOM = 0.5


def limits_of(paths: dict[str, Floats]) -> Floats:
    """Return the ends of both axes: all of the world, and of others what is near it."""
    first = paths.get("world", next(iter(paths.values())))
    low, high = (end(first.reshape(-1, 2), axis=0) for end in (np.nanmin, np.nanmax))
    room = _MOST_ROOM * np.maximum(high - low, 1e-6)
    shown = paths.get("network", first).reshape(-1, 2)
    shown = shown[np.isfinite(shown).all(axis=1)]
    shown = np.clip(np.vstack([shown, [low, high]]), low - room, high + room)
    low, high = shown.min(axis=0), shown.max(axis=0)
    room = 0.08 * (high - low)
    return np.array([low - room, high + room]).T


def grid_in(limits: Floats) -> Floats:
    """Return points that fill the plane."""
    ends = [np.linspace(low, high, _N_ARROWS + 2)[1:-1] for low, high in limits]
    return np.stack(np.meshgrid(*ends), axis=-1).reshape(-1, 2)


def as_long(moves: Floats, limits: Floats) -> Floats:
    """Return arrows of which the longest have the length of their spacing.

    In units of the axes; where most are short, the longest few are cut.
    """
    spacing = (limits[:, 1] - limits[:, 0]) / (_N_ARROWS + 1)
    length = np.linalg.norm(moves / spacing, axis=1)
    usual = np.quantile(length, 0.8)
    if not usual > 0:
        return moves
    share = np.minimum(1.0, usual / np.maximum(length, usual)) / usual
    return moves * share[:, np.newaxis]
