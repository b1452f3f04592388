"""Experiments of the *Emergence page*: accuracy against capacity."""

from sklearn.base import clone

from ..predictors import TransformerPredictor
from ..tasks import token_accuracy
from ..thresholds import head_gates, network_capacity
from ..worlds import NestedConditionalWorld
from ._declare import Experiment

# The stated recipe. A width of 180 can be shared by 3 to 6 heads, and has 1.3 million parameters.
_MICRO = TransformerPredictor(
    180, 3, 3, max_steps=1000, batch_size=32, lr=3e-4, weight_decay=1e-2, precision="bfloat16",
    full_precision_steps=400, early_stopping=True, validation_steps=20, n_iter_no_change=10,
)  # fmt: skip
# Depths 1 to 5, mostly 3 to 5. A network of 80 tokens does not see the beginning of all.
_CONDITIONALS = NestedConditionalWorld(5, difficulty=0.75, truncate=True)
_SWEEP = {
    "world__row_length": [81, 101, 129, 161],
    "n_heads": [3, 4, 5, 6],
    "precision": ["float32", "bfloat16"],
}

_MEASURES = {"accuracy": token_accuracy, "capacity": network_capacity, "gate": head_gates}


def _sweep(world, model, param_grid, every, **options):
    """Return an experiment that records accuracy, capacity and gates of trained networks."""
    recorded = {"record_at": list(range(0, model.max_steps + 1, every)), "measures": _MEASURES}
    fixed = {"probe": None, "baselines": ["mean"]}
    return Experiment(
        "nested", "transformer", world, model, param_grid, (), ("full",), ("corrected",),
        recorded | fixed | options,
    )  # fmt: skip


# A single conditional over one key: small enough that networks learn it in seconds.
_ONE = NestedConditionalWorld(1, alias_share=0, n_keys=1, n_tokens=20, row_length=16)
_SMALL = TransformerPredictor(8, 2, 2, max_steps=1500, batch_size=32, lr=5e-3)
_WIDTHS = [4, 8, 12, 16, 24, 32]
EXPERIMENTS = {
    "emergence-sweep": _sweep(
        _CONDITIONALS, _MICRO, _SWEEP, 200, n_seeds=1, n_train=3000, n_eval=500
    ),
    # Variants that the page proposes, at a size for a laptop.
    "emergence-student": _sweep(
        _ONE, clone(_SMALL).set_params(batch_size=16, max_steps=2000),
        {"hidden_size": [4, 6, 8, 10, 12, 14, 16, 20, 24, 32]}, 200,
        n_seeds=3, n_train=8000, n_eval=500,
    ),
    "emergence-heads": _sweep(
        _ONE, _SMALL, {"n_heads": [1, 2, 4], "hidden_size": _WIDTHS}, 500,
        n_seeds=3, n_train=8000, n_eval=500,
    ),
    "emergence-complexity": _sweep(
        _ONE, _SMALL, {"world__branching": [2, 3, 4], "hidden_size": _WIDTHS}, 500,
        n_seeds=3, n_train=8000, n_eval=500,
    ),
    "emergence-precision": _sweep(
        _ONE, clone(_SMALL).set_params(precision="bfloat16"),
        {"world__branching": [2, 3, 4], "hidden_size": _WIDTHS}, 500,
        n_seeds=3, n_train=8000, n_eval=500,
    ),
}  # fmt: skip
