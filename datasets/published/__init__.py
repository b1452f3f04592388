"""The published tables, installed as package data of `sklearn_emerge.datasets.load_published`."""
