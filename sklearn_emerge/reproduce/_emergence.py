"""The experiment of the *Emergence page*: accuracy against capacity."""

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

EXPERIMENTS = {
    "emergence-sweep": Experiment(
        "nested", "transformer", _CONDITIONALS, _MICRO, _SWEEP, (), ("full",), ("corrected",),
        {
            "n_seeds": 1, "n_train": 3000, "n_eval": 500, "probe": None, "baselines": ["mean"],
            "record_at": list(range(0, 1001, 200)),
            "measures": {
                "accuracy": token_accuracy, "capacity": network_capacity, "gate": head_gates,
            },
        },
    ),
}  # fmt: skip
