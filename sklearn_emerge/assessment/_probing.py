"""What is known of latents and their probe before anything is trained."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._probed import can_be_scored, count_classes, known_latents
from .._typing import Floats
from ..predictors._last_inputs import window_of
from ..probes import check_probe, score_probe
from ..worlds import ArrayWorld, Sample, World
from ._design import Design
from ._labels import STRUCTURED
from ._networks import groups_of
from ._plan import Configuration, clock_of, vocabulary_of
from ._trajectory import TRIED, fit_untrained

# Classes of a latent that a message names.
_NAMED = 3
_REMEDIES = {
    "discrete": (
        "join rare classes, record more of them, or, if there are four sequences of each, raise "
        "n_eval and n_probe"
    ),
    "continuous": "leave out what is constant",
}


def check_probing(
    probe: Any,
    n_probe: int,
    configurations: Iterable[Configuration],
    sizes: tuple[int | None, int | None],
    *,
    windows: bool,
    y: ArrayLike | None = None,
    n_seeds: int,
    **options: Any,
) -> None:
    """Refuse latents without a score and probes that do not work, and warn of rare classes.

    The evaluation sequences of every seed are looked at where that can tell something: of
    recordings, and of worlds whose latents are classes. A probe other than "auto" is tried on
    random numbers in place of the hidden states.

    Parameters
    ----------
    probe : "auto" or estimator
        The probe.
    n_probe : int
        Evaluation sequences that it uses, at most.
    configurations : list of Configuration
        The configurations.
    sizes : (int or None, int or None)
        Numbers of sequences for training and evaluation.
    windows : bool
        Whether the probe is fitted to the last inputs, too.
    y : array-like or None, default=None
        The latents as they were passed to `fit`, for the names of classes; None is those of the
        world.
    n_seeds : int
        Number of seeds.
    **options
        ``entropy`` and ``shared_data``, as in `Design`.

    Raises
    ------
    ValueError
        If no latent can be scored in any seed, or the probe fails or does not suit the latents.

    Warns
    -----
    UserWarning
        If there are seeds in which a latent or one of its classes cannot be scored.
    """
    found = []
    for configuration in configurations:
        world, model = configuration.worlds[STRUCTURED], configuration.models[STRUCTURED]
        check_probe(probe, world.latent_kind)
        recorded = isinstance(world, ArrayWorld)
        tried = not isinstance(probe, str)
        looked_at = recorded or world.latent_kind == "discrete"
        kind = world.latent_kind
        if kind is None or not hasattr(model, "transform") or not (tried or looked_at):
            continue
        n_train, n_eval = world.default_split(*sizes)
        if not recorded:
            # What a world draws for evaluation does not depend on what it draws for training.
            n_train = min(n_train, TRIED)
        design = Design(n_seeds if looked_at else 1, n_train, n_eval, **options)
        few, evaluations = _drawn(design, world, n_probe)
        latents, units = [], []
        for evaluation in evaluations:
            # The probe leaves out the first step.
            known = evaluation.latents[:n_probe, 1:], evaluation.probed(n_probe)
            latents.append(known_latents(*known, 1))
            units.append(groups_of(evaluation, n_probe))
        if looked_at:
            # One split stands for all seeds that share it.
            latents *= n_seeds // len(latents)
            units *= n_seeds // len(units)
            recordings = given = None
            if recorded and kind == "discrete":
                rows, recordings, _ = world.recorded()
                known = world._probed(rows, recordings)
                recordings = known_latents(recordings[:, 1:], known, 1)
                given = world._given_classes(y)[:, 1:]
                given = known_latents(given, known, 1)
            names = evaluation.latent_names
            problems, scored = _problems(names, latents, units, recordings, given)
            remedy = _REMEDIES[kind]
            if not scored:
                raise ValueError(
                    f"No latent can be scored: {'; '.join(problems)}; {remedy}, or pass probe=None."
                )
            found += problems
        if tried:
            n_hidden = fit_untrained(model, few).transform(few).shape[2]
            _try(probe, n_hidden, latents[0], "hidden states")
            if windows:
                roles = {name: getattr(world, name) for name in ("n_exogenous", "feedback")}
                window = window_of(few, n_hidden, clock_of(model), vocabulary_of(model), **roles)
                n = window.shape[2]
                _try(probe, n, latents[0], "the last inputs, for the claim 'representation'")
    if found:
        # Configurations of one world have the same to tell.
        once = "; ".join(dict.fromkeys(found))
        warnings.warn(f"{once}; {remedy}.", UserWarning, stacklevel=4)


def _drawn(design: Design, world: World, n_probe: int) -> tuple[Floats, Iterator[Sample]]:
    """Return the first training sequences of the first seed, and the evaluation samples of all.

    Of recordings, which may be large, one after the other, as far as they are probed.
    """
    if isinstance(world, ArrayWorld):
        rows = design.rows(world)
        return world._sample_of(rows[0][0][:TRIED]).X, (
            world._sample_of(each[:n_probe]) for _, each in rows
        )
    splits = design.splits(world)
    return splits[0][0].X[:TRIED], (evaluation for _, evaluation in splits)


def _problems(
    names: Sequence[str],
    latents: Sequence[NDArray[Any]],
    units: Sequence[NDArray[Any] | None],
    recordings: NDArray[Any] | None,
    given: NDArray[Any] | None,
) -> tuple[list[str], bool]:
    """Return what keeps latents from being scored in some seeds, and whether any ever is.

    `latents` are those that are probed, an array for each seed, and `units` their groups, or None;
    `recordings` those of all recordings, and `given` the same as they were passed, or None.
    """
    found, scored = [], False
    for i, name in enumerate(names):
        seeds = [each[:, :, i] for each in latents]
        scorable = map(can_be_scored, seeds, units)
        n_without = len(seeds) - sum(scorable)
        scored |= n_without < len(seeds)
        if seeds[0].dtype.kind == "i":
            all_of_it: tuple[NDArray[Any], ...] = ()
            if recordings is not None and given is not None:
                all_of_it = recordings[:, :, i], given[:, :, i]
            causes = _rare_classes(seeds, units, *all_of_it)
            what = "sequences" if units[0] is None else "groups"
            reason = f"fewer than two classes are in at least two {what}"
        else:
            causes, reason = [], "it is constant, up to rounding"
        if n_without:
            without = f"{n_without} of {len(seeds)} seeds"
            causes.append(f"its score is undefined (NaN) in {without}, because {reason}")
        if causes:
            found.append(f"latent {name!r}: {' and '.join(causes)}")
    return found, scored


def _rare_classes(
    seeds: Sequence[NDArray[Any]],
    units: Sequence[NDArray[Any] | None],
    recordings: NDArray[Any] | None = None,
    given: NDArray[Any] | None = None,
) -> list[str]:
    """Return, of a latent, the classes that some seed has in fewer than two sequences or groups."""
    counts = [
        dict(zip(*count_classes(*each), strict=True)) for each in zip(seeds, units, strict=True)
    ]
    what = "sequences" if units[0] is None else "groups"
    n_units = len(seeds[0]) if units[0] is None else len(np.unique(units[0]))
    total: dict[int, int] = {}
    called: dict[int, Any] = {}
    n_recordings = 0 if recordings is None else len(recordings)
    if recordings is not None:
        total = dict(zip(*count_classes(recordings), strict=True))
    if recordings is not None and given is not None:
        called = dict(zip(recordings.ravel().tolist(), given.ravel().tolist(), strict=True))
    rare = []
    for label in sorted({*total, *(label for count in counts for label in count)}):
        n_rare = sum(count.get(label, 0) < 2 for count in counts)
        if n_rare:
            occurs = f" (in {total[label]} of {n_recordings} sequences)" if total else ""
            rare.append(
                f"class {called.get(label, int(label))!r}{occurs} is in fewer than two of the "
                f"{n_units} evaluation {what} that are probed in {n_rare} of "
                f"{len(seeds)} seeds, where it cannot be decoded"
            )
    more = [f"so are {len(rare) - _NAMED} more classes"] if len(rare) > _NAMED else []
    return rare[:_NAMED] + more


def _try(probe: Any, n_columns: int, latents: NDArray[Any], what: str) -> None:
    """Score a probe of random numbers in place of so many columns of what it reads."""
    # Nothing that this says need be true of networks that are trained.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hidden = np.random.default_rng(0).standard_normal((*latents.shape[:2], n_columns))
        try:
            score_probe(hidden, latents, probe=probe, burn_in=0, random_state=0)
        except Exception as error:
            raise ValueError(
                f"probe={probe!r} failed when it was tried before training: "
                f"{type(error).__name__}: {error}. It is fitted to {what} ({n_columns} columns of "
                "float64, one row a step) and the latent at each row (float64, or int64 for "
                "classes), and its predictions have one value a row."
            ) from error
