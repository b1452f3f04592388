"""Experiments of the *Emergence page*: accuracy against capacity."""

from functools import partial
from typing import Any

from sklearn.base import clone

from ..measures import attention_head_gates, network_capacity, token_accuracy
from ..predictors import TransformerPredictor
from ..worlds import NestedConditionalWorld
from ._declare import Experiment

# The stated recipe. A width of 180 can be shared by 3 to 6 heads, and has 1.3 million parameters.
_MICRO = TransformerPredictor(
    180,
    3,
    3,
    head="sgd",
    max_steps=1000,
    batch_size=32,
    lr=3e-4,
    weight_decay=1e-2,
    precision="bfloat16",
    full_precision_steps=400,
    early_stopping=True,
    validation_fraction=0.05,
    validation_steps=20,
    n_iter_no_change=10,
)
# Depths 1 to 4, mostly 3 and 4, of which the longest have 78 tokens. Depth 5 would not fit 80.
_CONDITIONALS = NestedConditionalWorld(4, difficulty=0.75)
_SWEEP = {
    "world__row_length": [81, 121, 161],
    "n_heads": [3, 6],
    "precision": ["float32", "bfloat16"],
}


def _sweep(
    world: NestedConditionalWorld,
    model: TransformerPredictor,
    param_grid: dict[str, Any],
    every: int,
    n_focus: int = 8,
    **options: Any,
) -> Experiment:
    """Return an experiment that records accuracy, capacity and gates of trained networks."""
    measures = {
        "accuracy": token_accuracy,
        # Precision is compared, not multiplied with: half of a training is in single precision.
        "capacity": partial(network_capacity, include_precision=False),
        "gate": partial(attention_head_gates, n_focus=n_focus),
    }
    recorded = {"record_at": list(range(0, model.max_steps + 1, every)), "measures": measures}
    fixed = {"probe": None, "baselines": ["mean"]}
    return Experiment(
        "nested",
        "transformer",
        world,
        model,
        param_grid,
        (),
        ("full",),
        ("corrected",),
        recorded | fixed | options,
        "corrected",
    )


# A single conditional over one key: small enough that networks learn it in seconds.
_ONE = NestedConditionalWorld(1, alias_share=0, n_keys=1, n_tokens=20, row_length=16)
_SMALL = TransformerPredictor(8, 2, 2, head="sgd", max_steps=1500, batch_size=32, lr=5e-3)
_WIDTHS = [4, 8, 12, 16, 24, 32]
_SIZES = {"n_focus": 2, "n_seeds": 3, "n_train": 8000, "n_eval": 500}
EXPERIMENTS = {
    "emergence-sweep": _sweep(
        _CONDITIONALS, _MICRO, _SWEEP, 500, n_seeds=1, n_train=3000, n_eval=200
    ),
    # Variants that the page proposes, at a size for a laptop.
    "emergence-student": _sweep(
        _ONE,
        clone(_SMALL).set_params(batch_size=16, max_steps=2000),
        {"hidden_size": [4, 6, 8, 10, 12, 14, 16, 20, 24, 32]},
        200,
        **_SIZES,
    ),
    "emergence-heads": _sweep(
        _ONE,
        _SMALL,
        {"n_heads": [1, 2, 4], "hidden_size": _WIDTHS},
        500,
        **_SIZES,
    ),
    "emergence-complexity": _sweep(
        _ONE,
        _SMALL,
        {"world__branching": [2, 3, 4], "hidden_size": _WIDTHS},
        500,
        **_SIZES,
    ),
    "emergence-precision": _sweep(
        _ONE,
        clone(_SMALL).set_params(precision="bfloat16"),
        {"world__branching": [2, 3, 4], "hidden_size": _WIDTHS},
        500,
        **_SIZES,
    ),
}
