"""What an assessment is to do: what parameters mean, and what is refused before any training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from platform import python_version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from .._names import did_you_mean
from .._random import seed_sequence, substream
from .._registry import make_model, make_world
from ..inference import check_alpha, check_correction
from ..likelihoods import LIKELIHOODS
from ..measures._reservoir import check_sizes
from ..operators import target_of
from ..predictors import GRUPredictor
from ..predictors._base import BasePredictor
from ..training import N_PARTS
from ..worlds import ArrayWorld, RecordingWorld, World
from ._checks import (
    check_configurations,
    check_groups_trained_on,
    check_recording,
    try_baselines,
    warn_if_fitted,
    warn_if_seeds_cannot_reach_alpha,
)
from ._claims import DYNAMICS, REPRESENTATION, check_claims
from ._cube import describe
from ._design import Design
from ._flow import NO_TARGET
from ._given import read_given
from ._grid import Grid, distribution_in_words, is_distribution, read_grid
from ._key import library_versions
from ._labels import STRUCTURED, check_names
from ._order import warn_if_steps_are_elsewhere
from ._panel import make_baselines, reference_names
from ._plan import Configuration, expand
from ._probing import check_probing
from ._recordings import (
    check_likelihoods,
    check_values,
    warn_if_one_recording,
    world_of,
)
from ._store import Store
from ._trajectory import Timed, check_record

if TYPE_CHECKING:
    from ._assessment import EmergenceAssessment

# Where and how fast: of no effect on results, and folders are nobody else's concern.
_CHANGES_NOTHING = ("memory", "n_jobs", "progress")
# Replicates if nobody says how many.
_N_SEEDS = 6


@dataclass(frozen=True)
class Plan:
    """What an assessment is to do.

    Attributes
    ----------
    assessment : EmergenceAssessment
        Its parameters.
    store : Store
        Where finished cells are kept.
    world : World
        The world.
    model : predictor
        The model.
    grid : Grid
        The parameters that are varied.
    configurations : list of Configuration
        Its points.
    modes, nulls, claims, latents : tuple of str
        Names of training modes, of nulls, of claims to test and of latents that are probed.
    baselines : dict of str to predictor
        Those of the first configuration.
    candidates : list of str
        Names of the baselines among which the reference is chosen.
    record_at : tuple of int
        Updates at which measures are taken.
    measures : dict of str to Timed
        The measures, and when they are taken.
    entropy : list of int
        Root of all random streams.
    given : list of dict or None
        What each given network has of its own, see `read_given`; None if the model is trained.
    """

    assessment: EmergenceAssessment
    store: Store
    world: World
    model: BasePredictor
    grid: Grid
    configurations: list[Configuration]
    modes: tuple[str, ...]
    nulls: tuple[str, ...]
    claims: tuple[str, ...]
    latents: tuple[str, ...]
    baselines: dict[str, BasePredictor]
    candidates: list[str]
    record_at: tuple[int, ...]
    measures: dict[str, Timed]
    entropy: list[int]
    given: list[dict[str, Any]] | None = None

    @property
    def n_seeds(self) -> int:
        """Number of replicates."""
        if self.given is not None:
            return len(self.given)
        asked = self.assessment.n_seeds
        return _N_SEEDS if asked is None else asked

    def with_more_seeds(self, n: int) -> Plan:
        """Return the same plan with more seeds; raise a ValueError if there can be none."""
        if self.given is not None or self.assessment._networks:
            raise ValueError(
                f"n={n} seeds cannot be added to networks that are trained already; pass an "
                "assessment a longer list of networks as model, one a seed."
            )
        assessment = self.assessment._unfitted()
        assessment.n_seeds = self.n_seeds + n
        return replace(self, assessment=assessment)

    def flow_target(self, configuration: Configuration) -> str | None:
        """Return what networks that are left alone are compared with, see `target_of`, or None."""
        if self.assessment.operator_evidence != "flow":
            return None
        target = target_of(configuration.worlds[STRUCTURED])
        likelihood = getattr(configuration.models[STRUCTURED], "likelihood", "auto")
        # Arrays of integers are tokens if the model says so; these have no distance.
        tokens = likelihood in LIKELIHOODS and LIKELIHOODS[likelihood].tokens
        return None if tokens and target == "continuation" else target

    @property
    def flow_targets(self) -> tuple[tuple[str, ...], NDArray[np.object_]]:
        """What networks that are left alone are compared with, or "none", along the grid."""
        found = [self.flow_target(each) or NO_TARGET for each in self.configurations]
        labels = self.grid.labels
        shape = [len(each) for each in labels.values()]
        return tuple(labels), np.array(found, object).reshape(shape)

    @property
    def sizes(self) -> tuple[int | None, int | None]:
        """Numbers of sequences for training and evaluation that were asked for, or None."""
        return self.assessment.n_train, self.assessment.n_eval

    def design_of(self, world: World) -> Design:
        """Return the seeds and sequences of a world."""
        sizes = world.default_split(*self.sizes)
        return Design(self.n_seeds, *sizes, self.assessment.shared_data, self.entropy)

    @property
    def units(self) -> tuple[int, int] | None:
        """Recordings that a seed trains on and holds out; None if seeds are independent."""
        if self.assessment.shared_data:
            return None
        return self.world.units_per_split(*self.world.default_split(*self.sizes))

    @property
    def coords(self) -> dict[str, Any]:
        """The coordinates of the cube."""
        assessment = self.assessment
        coords: dict[str, Any] = {
            "condition": (STRUCTURED, *self.nulls),
            "mode": self.modes,
            **self.grid.labels,
            "seed": np.arange(self.n_seeds),
            "baseline": list(self.baselines),
            "block": np.arange(1, N_PARTS + 1) / N_PARTS,
        }
        if assessment.reservoir_sizes is not None:
            coords["n_units"] = np.asarray(assessment.reservoir_sizes)
        if self.record_at:
            coords["step"] = np.array(self.record_at)
        return coords | {"latent": self.latents} if self.latents else coords

    @property
    def tests(self) -> dict[str, Any]:
        """The parameters of all tests."""
        names = "alpha", "correction", "n_flips"
        return {name: getattr(self.assessment, name) for name in names} | {"units": self.units}

    @property
    def _noise(self) -> list[Any]:
        """The standard deviations of the Gaussian and of Student's t, as configurations say."""
        models = [configuration.models[STRUCTURED] for configuration in self.configurations]
        said = [
            describe(getattr(model, "noise_std", "estimate"))
            for model in models
            if getattr(model, "likelihood", "gaussian") in ("gaussian", "student_t")
        ]
        return [noise for i, noise in enumerate(said) if noise not in said[:i]]

    @property
    def description(self) -> dict[str, Any]:
        """What the results depend on, as plain data."""
        given = describe(self.assessment)
        if not self.grid.drawn:
            del given["sampling"]
        else:
            # Objects have addresses, and no parameters that can be read.
            for key, values in (self.assessment.param_grid or {}).items():
                if is_distribution(key, values):
                    given["param_grid"][key] = distribution_in_words(values)
        networks = {}
        if self.given is not None:
            heads = sum(own["trained"].head is not None for own in self.given)
            networks = {"given_networks": len(self.given), "given_heads": heads}
        blocks = {}
        if hasattr(self.world, "describe_units"):
            blocks = {"recording": self.world.describe_units()}
        return {name: given[name] for name in given if name not in _CHANGES_NOTHING} | {
            "n_seeds": self.n_seeds,
            **networks,
            **blocks,
            "world": describe(self.world),
            "model": describe(self.model),
            "entropy": self.entropy,
            "n_sequences": describe(self.world.default_split(*self.sizes)),
            "units": describe(self.units),
            "noise": self._noise,
            "n_configurations": len(self.configurations),
            "versions": {"python": python_version(), **library_versions()},
        }


def refuse_others(others: Iterable[str]) -> None:
    """Raise a TypeError if `fit` received something else than X and y, by name."""
    for name in others:
        known = [each for each in ArrayWorld._get_param_names() if each not in ("X", "latents")]
        if name not in known:
            meant = did_you_mean(name, known)
            raise TypeError(f"fit has no argument {name!r}; pass X and y.{meant}")
        raise TypeError(
            f"fit has no argument {name!r}, which belongs to the world: pass "
            f"EmergenceAssessment(ArrayWorld(X, y, {name}={name}), ...).fit()."
        )


def make_plan(assessment: EmergenceAssessment, X: Any, y: Any) -> Plan:
    """Return what an assessment is to do, after checking that parameters mean something.

    Parameters
    ----------
    assessment : EmergenceAssessment
        The assessment; receives `n_features_in_` if sequences are passed.
    X, y
        As in its `fit`.

    Returns
    -------
    Plan
    """
    check_alpha(assessment.alpha)
    check_correction(assessment.correction)
    store, world = Store(assessment.memory), _resolve_world(assessment, X, y)
    model, given = _resolve_model(assessment)
    record_at, measures = check_record(assessment.record_at, assessment.measures)
    entropy = seed_sequence(assessment.random_state).generate_state(4).tolist()
    drawing = assessment.n_configurations, assessment.sampling
    grid = read_grid(assessment.param_grid, *drawing, substream(entropy, "configurations"))
    asked = _nulls(assessment, world, model, grid)
    nulls = check_names("nulls", asked, world.null_kinds, auto=True)
    configurations = expand(world, model, grid, nulls)
    check_values(configurations)
    sizes = assessment.n_train, assessment.n_eval
    modes, configurations = check_configurations(configurations, assessment.modes, *sizes, given)
    claims = check_claims(assessment.claims)
    probed = assessment.probe is not None and world.latent_kind is not None
    first = configurations[0].models[STRUCTURED]
    baselines = make_baselines(assessment.baselines, first, world)
    return Plan(
        assessment,
        store,
        world,
        model,
        grid,
        configurations,
        modes,
        nulls,
        claims,
        latents=world.facts.latent_names if probed else (),
        baselines=baselines,
        candidates=reference_names(assessment.reference, baselines),
        record_at=record_at,
        measures=measures,
        entropy=entropy,
        given=given,
    )


def check_plan(plan: Plan, y: Any) -> None:
    """Refuse what cannot be done, and warn of what cannot be found; `y` as in `fit`."""
    assessment, configurations, sizes = plan.assessment, plan.configurations, plan.sizes
    windows = REPRESENTATION in plan.claims
    if plan.units is None:
        warn_if_seeds_cannot_reach_alpha(
            plan.n_seeds,
            len(configurations),
            len(plan.latents) if windows else 0,
            assessment.alpha,
            assessment.correction,
            assessment.n_flips,
            given=plan.given is not None,
        )
    if assessment.reservoir_sizes is not None:
        check_sizes(assessment.reservoir_sizes, "reservoir_sizes")
    own = assessment.baselines if isinstance(assessment.baselines, dict) else {}
    warn_if_fitted(plan.model, own)
    given = getattr(plan.model, "likelihood", "") != "auto" or any(
        key.removeprefix("model__") == "likelihood" for key in plan.grid.values
    )
    grid = tuple(plan.grid.labels)
    check_likelihoods(configurations, plan.baselines, plan.nulls, *sizes, given=given)
    check_groups_trained_on(configurations, plan.design_of)
    try_baselines(own, configurations)
    check_recording(plan.record_at, plan.measures, plan.modes, configurations, sizes, grid)
    if assessment.probe is not None:
        check_probing(
            assessment.probe,
            assessment.n_probe,
            configurations,
            sizes,
            windows=windows,
            y=y,
            n_seeds=plan.n_seeds,
            shared_data=assessment.shared_data,
            entropy=plan.entropy,
        )
    plan.store.check(world=plan.world, model=plan.given or plan.model, measures=plan.measures)
    names = "param_grid", "probe", "baselines"
    plan.store.check(**{name: getattr(assessment, name) for name in names})


def _nulls(
    assessment: EmergenceAssessment, world: World, model: BasePredictor, grid: Grid
) -> str | Sequence[str]:
    """Return the nulls that were asked for, of "auto" those that claims need.

    Phase surrogates have all that a linear filter can know: where networks can be left alone, what
    is trained on them tells operators from filters.
    """
    if not isinstance(assessment.nulls, str) or assessment.nulls != "auto":
        return assessment.nulls
    world._validate_params()
    likelihood = getattr(model, "likelihood", "auto")
    likelihoods = [world.likelihood if likelihood == "auto" else likelihood]
    for key, values in grid.values.items():
        likelihoods += values if key in ("likelihood", "model__likelihood") else []
    # Only sums of waves have phases.
    waves = all(name in LIKELIHOODS and not LIKELIHOODS[name].discrete for name in likelihoods)
    asked = assessment.operator_evidence == "flow" and DYNAMICS in check_claims(assessment.claims)
    sharp = asked and waves and "phase" in world.null_kinds and target_of(world) is not None
    return ("resample", "phase") if sharp else ("resample",)


def _resolve_model(
    assessment: EmergenceAssessment,
) -> tuple[BasePredictor, list[dict[str, Any]] | None]:
    """Return the model that is trained, and what given networks have of their own, or None."""
    model: Any = assessment.model
    n_seeds = assessment.n_seeds
    if isinstance(model, nn.Module) or getattr(model, "_is_given", False):
        raise ValueError(
            f"model is one {type(model).__name__} that is trained already, and it is assessed as "
            "it is; pass a list of networks, one a seed, or model=[network] to assess this one."
        )
    if not isinstance(model, list | tuple):
        model = GRUPredictor() if model is None else model
        return (make_model(model) if isinstance(model, str) else model), None
    model, given = read_given(model)
    if n_seeds is not None and n_seeds != len(given):
        raise ValueError(
            f"n_seeds={n_seeds}, but model has {len(given)} networks, one a seed; leave n_seeds "
            "out, or pass as many networks."
        )
    for key in assessment.param_grid or ():
        if key in ("module", "trained", "model__module", "model__trained"):
            raise ValueError(
                f"param_grid key {key!r} cannot be varied with given networks, which have their "
                "own; assess each list of networks on its own."
            )
    return model, given


def _resolve_world(assessment: EmergenceAssessment, X: Any, y: Any) -> World:
    """Return the world that an assessment has, or that sequences which were passed to fit are."""
    world = assessment.world
    if world is not None and X is not None:
        raise ValueError(
            "fit received X, but world is set, too; pass one of them (ArrayWorld(X, latents) "
            "is the world of your own sequences)."
        )
    if X is not None:
        own = world_of(assessment, X, y)
        warn_if_one_recording(X)
        warn_if_steps_are_elsewhere(X)
        return own
    if world is None:
        raise ValueError(
            "There is nothing to assess: world is None and fit received no X. Pass a world to "
            "the constructor or sequences to fit."
        )
    if y is not None:
        raise ValueError("fit received latents y without X; pass both or neither.")
    if isinstance(world, str):
        return make_world(world)
    if isinstance(world, ArrayWorld):
        world.check()
        if not isinstance(world, RecordingWorld):
            warn_if_one_recording(world.X)
            warn_if_steps_are_elsewhere(world.X)
    return world
