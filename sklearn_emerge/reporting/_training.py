"""Training curves: the loss over the share of the updates, a line a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..assessment._verdict import falls_of, looks_at_held_out
from ..assessment._words import arm_in_words, condition_in_words, in_digits
from ..displays._style import ARM_COLORS, GREEN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..assessment._case import Case

# The blocks before are far above and would hide whether the last ones still fall.
_FIRST_SHOWN = 2


def trained_arms(case: Case) -> list[tuple[str, str]]:
    """Return the (condition, mode) of a configuration that have a training curve."""
    cube = case.cube
    if "training_loss" not in cube:
        return []
    known = cube.training_loss.notnull().any(["seed", "block"])
    return [
        (condition, mode)
        for condition in cube.condition.values.tolist()
        for mode in cube.mode.values.tolist()
        if known.sel(condition=condition, mode=mode)
    ]


def fall_in_words(fall: float) -> str:
    """Return by how much a loss falls, or rises, in words."""
    if np.isnan(fall):
        return ""
    (amount,) = in_digits(abs(fall))
    if not float(amount):
        return "changes by less than 0.0001"
    return f"{'falls' if fall > 0 else 'rises'} by {amount}"


def draw_training(case: Case, figure: Figure) -> None:
    """Draw the training loss of every arm of one configuration.

    Parameters
    ----------
    case : Case
        The configuration, with arms that were trained.
    figure : matplotlib.figure.Figure
        Empty; its size is set.
    """
    arms, margin = trained_arms(case), case.run["margin"]
    n_columns = min(2, len(arms))
    n_rows = -(-len(arms) // n_columns)
    figure.set_size_inches(3.5 * n_columns + 0.2, 2.6 * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    looks = any(looks_at_held_out(case.cube, *place) for place in arms)
    for ax, (condition, mode) in zip(axes, arms, strict=False):
        arm, held_out = case.cube.sel(condition=condition, mode=mode), None
        seeds = arm.training_loss.transpose("seed", "block").values
        share = 100 * arm.block.values
        ax.plot(share, seeds.T, color=ARM_COLORS.get(mode, GREEN), linewidth=0.9, alpha=0.8)
        shown = seeds[:, _FIRST_SHOWN:]
        if looks_at_held_out(case.cube, condition, mode):
            held_out = arm.validation_loss.transpose("seed", "block").values
            for seed in held_out:
                # Not all parts of a short training have a look.
                some = np.isfinite(seed)
                ax.plot(share[some], seed[some], color="black", linewidth=0.7, linestyle="--")
            shown = np.concatenate([shown, held_out[:, _FIRST_SHOWN:]])
        else:
            # The two fifths that are compared.
            for left, right in ((60, 80), (80, 100)):
                inside = (share > left) & (share <= right + 1e-9)
                ax.hlines(seeds[:, inside].mean(), left, right, color="black", linewidth=1.6)
        shown = shown[np.isfinite(shown)]
        if shown.size:
            room = 0.08 * max(np.ptp(shown), margin)
            ax.set_ylim(shown.min() - room, shown.max() + room)
        fall = falls_of(arm).mean("seed").item()
        said = fall_in_words(fall)
        if held_out is not None:
            # In two lines, because panels are beside each other.
            n_stopped, n_seeds = int(arm.stopped_at.notnull().sum()), len(seeds)
            said = f"held out: {said}\n{n_stopped} of {n_seeds} stopped"
        if fall > margin:
            said += ": not ended" if (condition, mode) in case.falls else ", which does not matter"
        name = f"{condition_in_words(condition)}: {arm_in_words(mode)}"
        ax.set_title(f"{name}\n{said}", loc="left", fontsize=10)
        ax.set_xlabel("share of the updates (%)")
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[len(arms) :]:
        ax.set_visible(False)
    for ax in axes[::n_columns]:
        ax.set_ylabel(f"{'loss' if looks else 'training loss'}\n(nats per step)")
