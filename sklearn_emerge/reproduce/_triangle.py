"""Experiments of *Scaling Down Transformers*, and some of our own beside them."""

from dataclasses import replace
from functools import partial
from typing import Any

from sklearn.base import clone

from ..measures import intermediate_words, task_scores
from ..predictors import GRUPredictor, RNNPredictor, TransformerPredictor
from ..worlds import TriangleWorld
from ._declare import Experiment

# The transformer of the triangle's source, and an epoch of it.
_SOURCE = TransformerPredictor(
    400,
    2,
    20,
    feedforward_size=2000,
    norm="post",
    attention_scale="width",
    activate_output=True,
    initial_weights="glorot",
    extra_outputs=1,
    head="sgd",
    adam_eps=1e-7,
    clip="each",
    lr=1e-4,
    batch_size=256,
    max_steps=900,
    precision="bfloat16",
)
_EPOCH = 9
# 50 examples fill one batch: an epoch of Figure 2a is one update.
UPDATES_PER_EPOCH = {
    "triangle-2a": 1,
    "triangle-2a-fair": 1,
    "triangle-2b": _EPOCH,
    "triangle-2c": _EPOCH,
}
# With those before the epochs whose mean loss is known.
_EPOCHS = [0, 1, 5, 9, 10, 15, 19, 20, 25, 29, 30, 35, 40, 49, 50, 60, 70, 80, 90, 99, 100]
_TRAJECTORY = {
    "n_seeds": 1,
    "probe": None,
    "record_at": [_EPOCH * epoch for epoch in _EPOCHS],
    # In the paper six solved examples are cut to what fits, and may have words of the query.
    "measures": {
        "tasks": partial(task_scores, n_shots=6, shots="random"),
        "disjoint_tasks": partial(task_scores, n_shots=6, shots="disjoint"),
    },
}


def _figure_2(model: TransformerPredictor = _SOURCE, **examples: int) -> Experiment:
    tasks = {"A->B": 0, "B->C": 0, "A->C": 0} | {"->".join(k): n for k, n in examples.items()}
    world = TriangleWorld(examples=tasks, tokens_per_word=2)
    return Experiment(
        "triangle", "transformer", world, model, None, (), ("full",), ("published",), _TRAJECTORY
    )


EXPERIMENTS = {
    # The paper's 100 epochs.
    "triangle-2a": replace(
        _figure_2(clone(_SOURCE).set_params(max_steps=100), AC=50),
        options=_TRAJECTORY | {"record_at": [0, 25, 50, 75, 100]},
    ),
    "triangle-2a-fair": replace(
        _figure_2(AC=50), options=_TRAJECTORY | {"record_at": [0, 100, 300, 600, 900]}
    ),
    "triangle-2b": _figure_2(AB=2500, BC=2500),
    "triangle-2c": _figure_2(AB=2500, BC=2500, AC=50),
}
_HUB = {"A->B": 5000, "A->D": 4500, "A->C": 4000, "D->B": 100, "D->C": 200, "B->C": 300}
_SMALL = TransformerPredictor(64, 2, 4, head="sgd", max_steps=1000)
EXPERIMENTS |= {
    "triangle-table-1": Experiment(
        "triangle-hub",
        "transformer",
        TriangleWorld(4, 12, _HUB),
        clone(_SMALL).set_params(hidden_size=96, max_steps=2000),
        None,
        (),
        ("full",),
        ("published",),
        {
            "n_seeds": 5,
            "probe": None,
            "record_at": [0, 250, 500, 1000, 1500, 2000],
            "measures": {"tasks": partial(task_scores, n_queries=200)},
        },
    ),
    # For a GPU: the paper's 34 million parameters.
    "triangle-table-1-full": Experiment(
        "triangle-hub",
        "transformer",
        TriangleWorld(4, 12, _HUB, tokens_per_word=2),
        clone(_SOURCE).set_params(
            hidden_size=900,
            n_layers=3,
            n_heads=30,
            feedforward_size=4500,
            batch_size=1024,
            max_steps=1200,
        ),
        None,
        (),
        ("full",),
        (),
        _TRAJECTORY | {"record_at": [6 * epoch for epoch in range(0, 201, 20)]},
    ),
}
# The engines round differently: what is published is that of torch.
_RECURRENT: Any = dict(head="sgd", max_steps=2000, lr=1e-3, engine="torch")
# Not in the paper: from how many examples is the sparse task learned, with and without dense
# tasks that it follows from?
EXPERIMENTS |= {
    f"triangle-sparse-{name}": Experiment(
        "triangle-sparse",
        name,
        TriangleWorld(evaluation_task="A->C"),
        model,
        {"world__sparse_examples": sizes},
        ("redrawn",),
        ("full", "readout", "random"),
        ("corrected",),
        options={
            "probe": None,
            "record_at": [model.max_steps],
            "measures": {
                "tasks": task_scores,
                "between": partial(intermediate_words, n_rows=50),
            },
        },
    )
    for name, model, sizes in (
        # Dense tasks are solved after 300 updates.
        ("transformer", clone(_SMALL).set_params(max_steps=600), [0, 10, 25, 50, 100, 200]),
        ("gru", GRUPredictor(128, **_RECURRENT), [50]),
        ("rnn", RNNPredictor(128, **_RECURRENT), [50]),
    )
}
