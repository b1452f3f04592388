"""Measures of fitted predictors: what they know, hold in memory, translate, cost and are worth."""

from .._moved import moved_names
from ._accuracy import outcome_accuracy, token_accuracy
from ._answer_geometry import answer_geometry
from ._answer_states import answer_dimensionality
from ._answers import answer_scores, seen_share
from ._capacity import capacity, count_flops, module_capacity, network_capacity
from ._exchange import exchange_states
from ._gate import attention_gate, attention_head_gates
from ._intermediate import intermediate_words
from ._layers import probe_layers
from ._memory import memory_curve
from ._patch import patch_effect
from ._queries import draw_queries, words_right
from ._reasons import reasons_of
from ._recall import recall_share
from ._reservoir import equivalent_reservoir_size, reservoir_curve, reservoir_interval
from ._task_scores import task_scores
from ._translations import score_tasks

__all__ = [
    "answer_dimensionality",
    "answer_geometry",
    "answer_scores",
    "attention_gate",
    "attention_head_gates",
    "capacity",
    "count_flops",
    "draw_queries",
    "equivalent_reservoir_size",
    "exchange_states",
    "intermediate_words",
    "memory_curve",
    "module_capacity",
    "network_capacity",
    "outcome_accuracy",
    "patch_effect",
    "probe_layers",
    "reasons_of",
    "recall_share",
    "reservoir_curve",
    "reservoir_interval",
    "score_tasks",
    "seen_share",
    "task_scores",
    "token_accuracy",
    "words_right",
]

__getattr__ = moved_names(
    __name__,
    {
        "effective_capacity": "measures.capacity",
        "gate_activation": "measures.attention_gate",
        "head_gates": "measures.attention_head_gates",
    },
)
