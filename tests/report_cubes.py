"""Cubes whose configuration says something else, and what a report reads in a cube."""

import json

from sklearn_emerge.reporting._facts import Facts


def with_options(cube, **options):
    """Return a cube whose configuration says something else."""
    configuration = json.loads(cube.attrs["configuration"]) | options
    return cube.assign_attrs(configuration=json.dumps(configuration))


def of_model(cube, **parameters):
    """Return a cube whose model has other parameters."""
    model = json.loads(cube.attrs["configuration"])["model"]
    return with_options(cube, model=model | parameters)


def facts_of(cube):
    return Facts(cube)
