"""Checkpoints of causal language models that others have trained, as they are in folders."""

from ._series import CheckpointSeries

__all__ = ["CheckpointSeries"]
