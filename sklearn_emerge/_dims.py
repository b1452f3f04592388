"""Dimensions by name: which of an xarray object are sequences, steps and channels."""

from typing import Any

from ._names import did_you_mean

SEQUENCE, TIME, CHANNEL = "sequence", "time", "channel"
_ROLES = {
    **dict.fromkeys(("trial", "sequence", "sample", "episode", "epoch", "instance"), SEQUENCE),
    **dict.fromkeys(("subject", "animal", "session", "repetition", "run", "batch"), SEQUENCE),
    **dict.fromkeys(("time", "t", "step", "timestep", "time_step", "timepoint", "frame"), TIME),
    **dict.fromkeys(("channel", "neuron", "unit", "cell", "electrode", "sensor"), CHANNEL),
    **dict.fromkeys(("feature", "variable", "latent", "roi"), CHANNEL),
}


def roles_of(dims: tuple[Any, ...]) -> tuple[str | None, ...]:
    """Return what each dimension is by its name, in the singular or plural; None if unknown."""
    names = [str(dim).lower() for dim in dims]
    roles = [_ROLES.get(name, _ROLES.get(name.removesuffix("s"))) for name in names]
    if roles.count(SEQUENCE) > 1 and TIME not in roles:
        # Where there are trials, samples are those of a trial.
        samples = ("sample", "samples")
        roles = [TIME if n in samples else role for n, role in zip(names, roles, strict=True)]
    return tuple(roles)


def in_order(data: Any, name: str = "X", *, recording: bool = False) -> Any:
    """Return xarray objects with sequences first, then steps, then channels, by their names.

    Parameters
    ----------
    data : object
        A DataArray; a Dataset, whose variables become channels; anything else is returned.
    name : str, default="X"
        Its name in messages.
    recording : bool, default=False
        Whether it is one recording, of which two dimensions are steps and channels.

    Returns
    -------
    object
        A DataArray. Dimensions of which no name is known are taken as they come. Of a Dataset
        of latents, one value a sequence, a table.

    Raises
    ------
    ValueError
        If names do not tell the order, or variables of a Dataset have other dimensions.
    """
    if hasattr(data, "data_vars"):
        data = _stacked(data, name)
    dims = getattr(data, "dims", ())
    if not (hasattr(data, "transpose") and isinstance(dims, tuple)):
        return data
    order = _order(dims, name, recording)
    return data if order == dims else data.transpose(*order)


def _order(dims: tuple[Any, ...], name: str, recording: bool) -> tuple[Any, ...]:
    roles = list(roles_of(dims))
    if recording and len(dims) == 2 and set(roles) == {None, CHANNEL}:
        # However time is called.
        roles[roles.index(None)] = TIME
    if len(dims) not in (2, 3) or not any(roles):
        return dims
    wanted = (SEQUENCE, TIME, CHANNEL)[: len(dims)]
    if sorted(filter(None, roles)) == sorted((TIME, CHANNEL)) and len(dims) == 2:
        # One recording, which is refused by others.
        wanted = TIME, CHANNEL
    left = [role for role in wanted if role not in roles]
    if roles.count(None) == 1 and len(left) == 1 and (len(dims) == 3 or SEQUENCE in roles):
        roles[roles.index(None)] = left[0]
    if sorted(map(str, roles)) == sorted(wanted):
        return tuple(dims[roles.index(role)] for role in wanted)
    if all(role in (None, usual) for role, usual in zip(roles, wanted, strict=True)):
        return dims
    if roles[0] == TIME and len(dims) == 2:
        return dims
    called = dict(zip(dims, ("trial", "time", "channel")[recording:], strict=False))
    raise ValueError(
        f"{name} has the dimensions {', '.join(map(repr, dims))}, which do not tell "
        f"{'' if recording else 'sequences, '}steps and channels. Rename them, if they are in that "
        f"order {name}.rename({called!r}), "
        f"or bring them into it by {name}.transpose(...) and pass {name}.to_numpy()."
    )


def _stacked(dataset: Any, name: str) -> Any:
    """Return the variables of a Dataset as the channels of one DataArray, or a table."""
    variables = list(dataset.data_vars)
    if not variables:
        raise ValueError(f"{name} is a Dataset without variables; pass one that has some.")
    if len(variables) == 1:
        return dataset[variables[0]]
    dims = {each: dataset[each].dims for each in variables}
    if len({frozenset(each) for each in dims.values()}) > 1 or len(dims[variables[0]]) > 2:
        said = ", ".join(f"{each!r} {tuple(map(str, dims[each]))}" for each in variables)
        raise ValueError(
            f"{name} is a Dataset whose variables are not all of one sequence and one time "
            f"dimension: {said}. Choose those that are the channels, for instance "
            f"{name}[{variables[:1]!r}]."
        )
    if len(dims[variables[0]]) == 1:
        return dataset.to_dataframe()[variables]
    units = [str(dataset[each].attrs.get("units", "")) for each in variables]
    array = dataset.to_array("channel")
    array.attrs = {"units": units[0]} if len(set(units)) == 1 and units[0] else {}
    return array.assign_coords(channel_units=("channel", units)) if any(units) else array


def labelled(
    X: Any, latents: Any, name: str = "latents", *, recording: bool = False
) -> tuple[Any, Any]:
    """Return sequences and latents with their dimensions in order.

    Parameters
    ----------
    X : object
        Sequences; of a Dataset, variables that are named as latents are no channels.
    latents : object
        Latents, or names of variables of X.
    name : str, default="latents"
        The name of the latents in messages.
    recording : bool, default=False
        Whether X is one recording, which messages call "series".

    Returns
    -------
    X, latents : object

    Raises
    ------
    ValueError
        As of `in_order`; if there is no variable of a name, or X has none.
    """
    sequences = "series" if recording else "X"
    if hasattr(X, "data_vars"):
        names = [latents] if isinstance(latents, str) else latents
        if isinstance(names, list | tuple) and all(isinstance(each, str) for each in names):
            missing = [each for each in names if each not in X.data_vars]
            # None is a variable, but there are as many as sequences or steps: classes.
            classes = not isinstance(latents, str) and len(names) in X.sizes.values()
            if not (classes and len(missing) == len(names)):
                X, latents = _divided(X, names, missing, name, sequences)
    elif isinstance(latents, str) and X is not None:
        columns = getattr(X, "columns", ())
        remedy = "the latents themselves"
        if latents in columns:
            remedy = f"{sequences}[{latents!r}] as {name}, and {sequences}.drop(columns="
            remedy += f"[{latents!r}]) as {sequences}"
        raise ValueError(
            f"{name}={latents!r} is a name, which a Dataset of xarray could have, but "
            f"{sequences} is a {type(X).__name__}; pass {remedy}."
        )
    X = in_order(X, sequences, recording=recording)
    latents = in_order(latents, name, recording=recording)
    dims, others = getattr(X, "dims", ()), getattr(latents, "dims", ())
    # Of what X has as well, the order is that of X, whatever it is called.
    shared = [dim for dim in dims if dim in others]
    order = (*shared, *(dim for dim in others if dim not in shared))
    return X, latents if order == tuple(others) else latents.transpose(*order)


def _divided(X: Any, names: Any, missing: list[str], name: str, sequences: str) -> tuple[Any, Any]:
    if missing:
        meant = did_you_mean(missing[0], list(map(str, X.data_vars)))
        raise ValueError(
            f"{name} has {missing[0]!r}, which is no variable of {sequences}; choose from "
            f"{', '.join(map(repr, X.data_vars))}.{meant}"
        )
    if len(set(names)) == len(X.data_vars):
        raise ValueError(
            f"{name}={names!r} are all variables of {sequences}, so that none is left to be "
            "predicted; leave out one."
        )
    return X.drop_vars(names), X[names]
