"""The papers' tables as recipes: run them, and compare with what was published."""

from ._compare import TABLES, compare_with_published
from ._declare import Experiment, Protocol, Recipe
from ._networks import load_networks
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
    "load_networks",
    "reproduce",
    "run_experiment",
]
