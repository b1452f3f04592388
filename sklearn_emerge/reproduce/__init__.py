"""The source papers' tables as recipes: run them, and compare with what was published."""

from ._compare import TABLES, compare_with_published
from ._declare import Experiment, Protocol, Recipe
from ._recipes import EXPERIMENTS, PROTOCOLS, RECIPES
from ._run import reproduce, run_experiment

__all__ = [
    "EXPERIMENTS",
    "PROTOCOLS",
    "RECIPES",
    "TABLES",
    "Experiment",
    "Protocol",
    "Recipe",
    "compare_with_published",
    "reproduce",
    "run_experiment",
]
