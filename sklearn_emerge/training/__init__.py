"""Training of networks: jobs, losses, batches, engines, checkpoints, heads in closed form."""

from ._callbacks import N_PARTS, ClipEachGradient, CosineDecay, LowerPrecision, check_callbacks
from ._checkpoint import Checkpoints
from ._context import DEFAULT_CONTEXT, TrainingContext
from ._early_stopping import EarlyStopping, count_held_out
from ._heads import Head, fit_head, folds, head_of, moments_of, parts
from ._isolation import isolated_torch
from ._job import Optimisation, TrainingJob, TrainingResult
from ._net import Net, make_net
from ._observed import ObservedLoss
from ._replicas import rows_of_weights
from ._run import run, untrained_net

__all__ = [
    "DEFAULT_CONTEXT",
    "N_PARTS",
    "Checkpoints",
    "ClipEachGradient",
    "CosineDecay",
    "EarlyStopping",
    "Head",
    "LowerPrecision",
    "Net",
    "ObservedLoss",
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
    "make_net",
    "moments_of",
    "parts",
    "rows_of_weights",
    "run",
    "untrained_net",
]
