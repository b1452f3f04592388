"""Where measures of translations, and the bounds of Hoeffding, were."""

from ._moved import moved_names

_HOMES = {
    "draw_queries": "measures",
    "hoeffding_interval": "inference",
    "hoeffding_p_value": "inference",
    "intermediate_words": "measures",
    "recall_share": "measures",
    "score_tasks": "measures",
    "task_scores": "measures",
    "token_accuracy": "measures",
    "words_right": "measures",
}

__all__ = sorted(_HOMES)
__getattr__ = moved_names(__name__, _HOMES)
