"""Symbolic tasks: scores of translations, and what recall, the prompt and chance would give."""

from ._accuracy import token_accuracy
from ._intermediate import intermediate_words
from ._measures import task_scores
from ._queries import draw_queries, words_right
from ._recall import hoeffding_interval, hoeffding_p_value, recall_share
from ._scores import score_tasks

__all__ = [
    "draw_queries",
    "hoeffding_interval",
    "hoeffding_p_value",
    "intermediate_words",
    "recall_share",
    "score_tasks",
    "task_scores",
    "token_accuracy",
    "words_right",
]
