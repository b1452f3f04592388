"""Training of networks: jobs, losses, batches, engines, checkpoints, heads in closed form."""

from ._callbacks import N_PARTS, ClipEachGradient, LowerPrecision, check_callbacks
from ._checkpoint import Checkpoints
from ._context import ALONE, TrainingContext
from ._early_stopping import count_held_out
from ._heads import (
    Head,
    fit_head,
    folds,
    head_of,
    logistic_head,
    moments_of,
    parts,
    warn_unless_converged,
)
from ._isolation import isolated_torch
from ._job import Optimisation, TrainingJob, TrainingResult
from ._losses import make_loss
from ._net import Net, make_net
from ._replicas import rows_of_weights
from ._run import run, untrained_net

__all__ = [
    "ALONE",
    "N_PARTS",
    "Checkpoints",
    "ClipEachGradient",
    "Head",
    "LowerPrecision",
    "Net",
    "Optimisation",
    "TrainingContext",
    "TrainingJob",
    "TrainingResult",
    "check_callbacks",
    "count_held_out",
    "fit_head",
    "folds",
    "head_of",
    "isolated_torch",
    "logistic_head",
    "make_loss",
    "make_net",
    "moments_of",
    "parts",
    "rows_of_weights",
    "run",
    "untrained_net",
    "warn_unless_converged",
]
