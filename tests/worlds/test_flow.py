"""Worlds state their dynamics: how latents go on, what they show, and where they rest."""

import numpy as np
import pytest

from sklearn_emerge import (
    ArrayWorld,
    DriftWorld,
    FlipFlopWorld,
    FunctionWorld,
    LinearSystemWorld,
    LorenzWorld,
    NoisyPeriodicWorld,
    OscillatorWorld,
    RegimeWorld,
    SwitchingLinearWorld,
)
from sklearn_emerge._registry import WORLDS, make_world
from sklearn_emerge._roles import targets_of
from sklearn_emerge.testing import check_world
from sklearn_emerge.worlds import Sample, World

WITH_FLOW = [name for name in WORLDS if make_world(name).flow_kind is not None]
A = np.array([[0.9, 0.3], [-0.2, 0.7]])
QUIET = {
    "oscillator": OscillatorWorld(),
    "nonstationary": OscillatorWorld(omega=(0.8, 1.2)),
    "drift": DriftWorld(dynamics_std=0.0),
    "linear": LinearSystemWorld(A, np.eye(2), 0.0, 0.1, initial=1.0, n_steps=30),
    "periodic": NoisyPeriodicWorld(period=7.3),
    "lorenz": LorenzWorld(channels="xz"),
}
VARIANTS = {
    "drift": QUIET["drift"],
    "linear": QUIET["linear"],
    "periodic": QUIET["periodic"],
    "below the threshold": LorenzWorld(rho=0.5, n_steps=20),
    "driven": LinearSystemWorld(A, [1.0, 0.0], 0.1, 0.1, B=[1.0, 0.0], n_steps=20),
    "three regimes": SwitchingLinearWorld(
        [0.9 * np.eye(2), A, np.diag([0.3, -0.9])], np.eye(3, 2), n_steps=20
    ),
    "no velocity": DriftWorld(velocity=0.0),
    "no frequency": OscillatorWorld(omega=0.0, n_steps=30),
    "all at rest": LinearSystemWorld(0.5, 1.0, 0.0, 0.1, initial="zero", n_steps=20),
    "task": FlipFlopWorld(n_bits=2, n_steps=20, feedback=False),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_keep_to_the_contract(name):
    check_world(VARIANTS[name])


def test_some_registered_worlds_know_their_flow_and_some_do_not():
    assert WITH_FLOW == [
        "drift",
        "oscillator",
        "oscillator-nonstationary",
        "random-walk",
        "local-linear-trend",
        "flip-flop",
        "lorenz",
        "noisy-periodic",
        "switching-linear",
    ]


@pytest.mark.parametrize("name", QUIET)
def test_without_process_noise_latents_of_a_sample_go_on_as_the_flow_says(name):
    world = QUIET[name]
    assert world.flow_kind == "exact"
    latents = world.sample(20, random_state=0).latents
    for start in (0, 3, latents.shape[1] // 2):
        n_steps = latents.shape[1] - 1 - start
        flow = world.flow(latents[:, start], n_steps, start=start)
        np.testing.assert_allclose(flow, latents[:, start + 1 :], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("world", [OscillatorWorld(omega=(0.8, 1.2)), LorenzWorld()])
def test_even_chaos_goes_on_to_the_last_bit(world):
    latents = world.sample(20, random_state=0).latents
    assert np.array_equal(world.flow(latents[:, 7], 150, start=7), latents[:, 8:158])


@pytest.mark.parametrize("name", WITH_FLOW)
def test_what_latents_show_is_observed_up_to_noise(name):
    world = make_world(name)
    sample = world.sample(400, random_state=0)
    X = targets_of(sample.X, world.n_exogenous) if world.n_exogenous else sample.X
    noise = X - world.emission(sample.latents)
    known = {
        "flip-flop": [0.05**0.5] * 3 + [1.0] * 3,
        "random-walk": 1.0,
        "local-linear-trend": 1.0,
        "switching-linear": 0.1**0.5,
    }
    expected = known[name] if name in known else world.observation_std  # noqa: SIM401
    # At the first step all bits are set.
    assert noise[:, 1:].std(axis=(0, 1)) == pytest.approx(expected, rel=0.05)
    assert noise[:, 1:].mean(axis=(0, 1)) == pytest.approx(0, abs=0.03)


def test_a_linear_system_goes_on_by_powers_of_its_matrix():
    world = LinearSystemWorld(A, [1.0, 2.0], 0.1, 0.1)
    states = np.random.default_rng(0).normal(size=(5, 2))
    flow = world.flow(states, 9)
    for k in range(9):
        assert flow[:, k] == pytest.approx(states @ np.linalg.matrix_power(A, k + 1).T)
    assert world.emission(flow) == pytest.approx(flow @ [1.0, 2.0])
    assert world.flow_kind == "mean"


@pytest.mark.parametrize(
    "world",
    [
        DriftWorld(dynamics_std=0.3, n_steps=12),
        LinearSystemWorld(A, np.eye(2), 0.5, 0.1, B=np.eye(2), n_steps=12),
    ],
)
def test_noisy_linear_worlds_go_on_as_their_flow_on_average(world):
    latents = world.sample(20_000, random_state=0).latents
    away = latents[:, 3:] - world.flow(latents[:, 2], 9, start=2)
    error = away.std(axis=0) / np.sqrt(len(away))
    assert (np.abs(away.mean(axis=0)) < 4.5 * error).all()


def test_an_oscillator_ends_on_its_cycle_and_leaves_rest_as_is_known():
    world = OscillatorWorld()
    period, amplitude = world.cycle()
    assert period == pytest.approx(125.611, abs=5e-4)
    assert amplitude == pytest.approx(1.01243, abs=5e-6)
    shown = world.emission(world.flow([[0.01, 0.0]], 3000))[0, 1000:]
    assert np.abs(shown).max() == pytest.approx(amplitude, abs=1e-3)
    turns = np.flatnonzero((shown[:-1] < 0) & (shown[1:] >= 0))
    crossings = turns - shown[turns] / (shown[turns + 1] - shown[turns])
    assert np.diff(crossings).mean() == pytest.approx(period, abs=1e-2)
    points, jacobians = world.rest_points()
    assert points.tolist() == [[0, 0]]
    assert np.abs(np.linalg.eigvals(jacobians[0])) == pytest.approx(1.051190, abs=5e-7)


def test_where_frequency_changes_the_step_matters_and_there_is_no_cycle():
    world = OscillatorWorld(omega=(0.8, 1.2), n_steps=50)
    early, late = (world.flow([[1.0, 0.0]], 1, start=start)[0, 0] for start in (0, 49))
    assert early == pytest.approx([1.0, 0.05 * 0.8])
    assert late == pytest.approx([1.0, 0.05 * 1.2])
    assert world.cycle() is None
    assert world.rest_points(49).jacobians[0, 1, 0] == pytest.approx(0.05 * 1.2)
    assert world.flow([[1.0, 0.0]], 50).shape == (1, 50, 2)
    with pytest.raises(ValueError, match="not known at step 50; take start .* of at most 50"):
        world.flow([[1.0, 0.0]], 2, start=49)
    assert OscillatorWorld(omega=(1.0, 1.0)).cycle() == OscillatorWorld().cycle()


def test_a_cycle_of_each_sequence_has_a_period_and_no_amplitude():
    world = NoisyPeriodicWorld(period=12, amplitude=2.0)
    assert world.cycle() == (12, None)
    start = np.array([[1.0, 0.5]])
    assert world.flow(start, 12)[:, -1] == pytest.approx(start)


def test_the_regime_is_back_after_its_cycle_and_alone_does_not_tell_what_it_shows():
    world = RegimeWorld(period=5, n_steps=40)
    regime = world.sample(4, random_state=0).latents
    assert world.cycle() == (10, None)
    assert np.array_equal(regime[:, 10:], regime[:, :-10])
    assert not np.array_equal(regime[:, 5:], regime[:, :-5])
    assert world.flow_kind is None


def test_bits_and_regimes_stay_where_nothing_disturbs_them():
    assert FlipFlopWorld(2).flow([[0, 1]], 3).tolist() == [[[0, 1]] * 3]
    world = SwitchingLinearWorld([[[0.5]], [[-0.8]]])
    flow = world.flow([[1.0, 0.0], [1.0, 1.0], [1.0, 0.9]], 2)
    assert flow[0] == pytest.approx(np.array([[0.5, 0], [0.25, 0]]))
    assert flow[1] == pytest.approx(np.array([[-0.8, 1], [0.64, 1]]))
    # What a probe decodes belongs to the nearest regime.
    assert flow[2] == pytest.approx(np.array([[-0.8, 0.9], [0.64, 0.9]]))


def test_points_are_none_where_a_line_of_states_rests_and_empty_where_nothing_does():
    assert LinearSystemWorld.random_walk().rest_points() is None
    assert LinearSystemWorld.local_linear_trend().rest_points() is None
    assert SwitchingLinearWorld([0.5, 1.0]).rest_points() is None
    assert DriftWorld(velocity=0.0).rest_points() is None
    assert OscillatorWorld(omega=0.0).rest_points() is None
    assert DriftWorld().rest_points().points.shape == (0, 1)
    # Nearly a line, and yet none.
    assert len(LinearSystemWorld.jordan_block(3, 0.999).rest_points().points) == 1
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    walk = turned @ np.diag([1.0, 0.9, 0.5, -0.3, 0.0]) @ turned.T
    assert LinearSystemWorld(walk, np.eye(5)).rest_points() is None
    assert DriftWorld().rest_points().jacobians.shape == (0, 1, 1)


@pytest.mark.parametrize(
    "world",
    [
        RegimeWorld(),
        make_world("triangle"),
        make_world("nested-conditional"),
        make_world("bernoulli"),
        OscillatorWorld().null("phase"),
        ArrayWorld(np.random.default_rng(0).normal(size=(9, 5)), np.zeros((9, 5))),
        FlipFlopWorld(feedback=False),
    ],
)
def test_worlds_that_do_not_know_their_flow_say_so_in_one_way(world):
    assert world.flow_kind is None
    with pytest.raises(ValueError, match=r"flow_kind=None\), so that it has no flow; compare"):
        world.flow([[0]], 1)
    with pytest.raises(ValueError, match=r"flow_kind=None\), so that it has no emission; compare"):
        world.emission([[0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: w.flow([[0.0]], 1), "shape .1, 1., but OscillatorWorld has 2 latents, x, y"),
        (lambda w: w.emission(0.0), "pass them along the last axis"),
        (
            lambda w: w.flow(np.zeros((2, 5, 2)), 1),
            r"those of one step.*sample.latents\[:, start\]",
        ),
        (lambda w: w.flow([[0.0, np.nan]], 1), "no finite numbers; pass floats"),
        (lambda w: w.flow([["a", "b"]], 1), "no finite numbers; pass floats"),
        (lambda w: w.flow([[0.0, 0.0]], 0), "n_steps=0 must be an integer of at least 1"),
        (lambda w: w.flow([[0.0, 0.0]], 2.0), "n_steps=2.0 must be an integer"),
        (lambda w: w.flow([[0.0, 0.0]], 1, start=-1), "start=-1 must be an integer of at least 0"),
        (lambda w: w.set_params(time_step=-1.0).flow([[0.0, 0.0]], 1), "time_step"),
        (lambda w: FlipFlopWorld(1).flow([[0.5]], 1), "no classes; pass integers"),
    ],
)
def test_what_has_no_flow_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(OscillatorWorld())


@pytest.mark.parametrize(
    "call",
    [
        lambda: OscillatorWorld(time_step=-0.05).rest_points(),
        lambda: OscillatorWorld(time_step=-0.05).cycle(),
        lambda: NoisyPeriodicWorld(period=0).rest_points(),
        lambda: NoisyPeriodicWorld(period=-3).cycle(),
        lambda: RegimeWorld(period=-3).cycle(),
        lambda: DriftWorld(velocity=np.nan).rest_points(),
        lambda: FlipFlopWorld(0).rest_points(),
    ],
)
def test_parameters_out_of_range_have_neither_rest_points_nor_a_cycle(call):
    with pytest.raises(ValueError, match="parameter of .* must be"):
        call()


@pytest.mark.parametrize("start", [-1, 0.5, True])
def test_rest_points_are_those_of_a_step(start):
    with pytest.raises(ValueError, match=f"start={start} must be an integer of at least 0"):
        OscillatorWorld(omega=(0.8, 1.2)).rest_points(start)


def test_what_is_wrong_with_a_matrix_is_said_before_latents_are():
    with pytest.raises(ValueError, match="A must be a number or a square matrix"):
        LinearSystemWorld([[1.0, 2.0]]).flow([[1.0, 0.0]], 2)
    with pytest.raises(ValueError, match="C must have one column for each of the 2 states"):
        LinearSystemWorld(A, np.eye(3)).flow([[1.0, 0.0]], 2)


def test_bits_are_0_and_1():
    world = FlipFlopWorld(1)
    for call in (lambda z: world.flow(z, 1), world.emission):
        with pytest.raises(ValueError, match="no bits; pass 0 for an output of -1, and 1"):
            call([[-1]])
        assert call([[0]]).size


def test_states_that_leave_the_range_say_after_how_many_steps_and_fewer_work():
    world = OscillatorWorld()
    with pytest.raises(ValueError, match=r"after 5 steps of n_steps=9; pass n_steps=5 or less"):
        world.flow([[30.0, 0.0]], 9)
    assert world.flow([[30.0, 0.0]], 5).shape == (1, 5, 2)
    with pytest.raises(ValueError, match=r"after 0 steps of n_steps=9; pass latents nearer to"):
        world.flow([[1e200, 0.0]], 9)


def spiral(n_sequences, rng):
    """Draw a spiral, whose two coordinates are the latents."""
    z = rng.normal(size=(n_sequences, 2)) @ [1, 1j]
    z = z[:, np.newaxis] * (0.9 * np.exp(0.4j)) ** np.arange(12)
    return z.real + 0.1 * rng.normal(size=z.shape), np.stack([z.real, z.imag], axis=2)


def turn(latents, step):
    z = latents @ [1, 1j] * 0.9 * np.exp(0.4j)
    return np.stack([z.real, z.imag], axis=1)


NAMES = dict(latent_names=("x", "y"), latent_kind="continuous")
STATED = NAMES | dict(flow_kind="exact", move=turn, emit=lambda latents: latents[..., 0])


def test_a_function_states_its_flow_by_two_more():
    world = FunctionWorld(spiral, **STATED)
    check_world(world)
    latents = world.sample(5, random_state=0).latents
    assert world.flow(latents[:, 2], 9, start=2) == pytest.approx(latents[:, 3:])
    assert FunctionWorld(spiral, **NAMES).flow_kind is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"move": None}, "flow_kind='exact', but move=None; pass both"),
        ({"emit": None}, "flow_kind='exact', but emit=None; pass both"),
        ({"flow_kind": None}, "move is given, but flow_kind=None; pass flow_kind='exact'"),
        ({"move": lambda z, step: z}, "but move=.*returned.*or pass flow_kind='noisy'"),
        ({"move": lambda z, step: z[:, :1]}, r"move=.*shape \(2, 1\).*of the same shape"),
        ({"emit": lambda z: z}, r"emit=.*shape \(2, 12, 2\).*has shape \(2, 12\); return that"),
        ({"move": lambda z, step: z * np.nan}, "returned NaN for finite latents at step 0"),
        ({"emit": lambda z: z[..., 0] * np.nan}, "emit=.*return observations as finite numbers"),
        ({"move": lambda z: z}, r"move=.*cannot be called as move\(latents, step\).*let it take b"),
        ({"emit": lambda z, step: z}, r"emit=.*as emit\(latents\).*let it take latents alone"),
        ({"emit": lambda z: z.sum()}, r"emit=.*returned an array of shape \(\)"),
        ({"flow_kind": "noise"}, "flow_kind"),
    ],
)
def test_functions_that_do_not_say_how_latents_go_on_are_refused_before_training(options, message):
    with pytest.raises(ValueError, match=message):
        FunctionWorld(spiral, **STATED | options).sample(2)


def test_what_a_function_shows_wrongly_is_told_by_the_name_of_its_parameter():
    world = FunctionWorld(spiral, **STATED | {"emit": lambda latents: latents[..., 1]})
    with pytest.raises(AssertionError, match="return from emit what latents show"):
        check_world(world)


def test_a_function_states_neither_rest_points_nor_a_cycle():
    world = FunctionWorld(spiral, **STATED)
    assert world.rest_points() is None
    assert world.cycle() is None


def test_a_wrong_law_is_accepted_as_that_of_a_noisy_world():
    world = FunctionWorld(
        spiral, **STATED | {"flow_kind": "noisy", "move": lambda z, step: 0.9 * z}
    )
    assert world.sample(2, random_state=0).X.shape == (2, 12)


class Decay(World):
    """A number that halves at each step."""

    latent_kind = "continuous"
    latent_names = ("x",)
    flow_kind = "exact"
    by, shift, slope, moves = 0.5, 0.0, 0.5, True

    def _draw(self, n_sequences, stream):
        rng = np.random.default_rng(stream)
        x = rng.normal(size=(n_sequences, 1)) * 0.5 ** np.arange(8)
        return Sample(x + 0.1 * rng.normal(size=x.shape), x[:, :, np.newaxis])

    def _move(self, latents, step):
        return latents * self.by

    def _emit(self, latents):
        return latents[..., 0] + self.shift

    def rest_points(self, start=0):
        from sklearn_emerge.worlds import RestPoints

        return RestPoints(np.array([[0.0 if self.moves else 1.0]]), np.array([[[self.slope]]]))


def test_a_world_of_ones_own_states_its_flow():
    check_world(Decay())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"by": 0.6, "slope": 0.6}, "flow_kind='exact', but after step 0 latents differ"),
        ({"shift": 0.1}, "emission differs from observations by .-0.09"),
        ({"_emit": lambda self, z: -z[..., 0]}, "correlated with latents or emission"),
        ({"_emit": lambda self, z: 0 * z[..., 0]}, "correlated with latents or emission"),
        ({"_emit": lambda self, z: 1.2 * z[..., 0]}, "correlated with latents or emission"),
        ({"slope": 0.4}, "Jacobians of which column 0 differs"),
        ({"moves": False}, "rest_points has points that flow moves"),
        (
            {"flow_kind": None, "flow": lambda self, latents, n_steps: latents},
            "flow does not raise",
        ),
        ({"_move": lambda self, latents, step: latents * 0.5 + np.zeros((1, 2))}, "shape"),
        ({"_emit": lambda self, latents: latents}, "emission returned shape"),
    ],
)
def test_worlds_that_state_something_else_are_told_what_to_correct(wrong, message):
    Wrong = type("Wrong", (Decay,), {**wrong, "__module__": __name__})
    globals()["Wrong"] = Wrong
    with pytest.raises((AssertionError, ValueError), match=message):
        check_world(Wrong())


def test_a_noisy_flow_need_not_be_that_of_each_sequence():
    Wrong = type("Noisy", (Decay,), {"flow_kind": "noisy", "by": 0.6, "slope": 0.6})
    globals()["Noisy"] = Wrong
    Wrong.__module__ = __name__
    check_world(Wrong())


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"flow_kind": "exakt"}, "flow_kind='exakt' is no fact.*Did you mean 'exact'"),
        ({"flow_kind": "exact", "latent_kind": None, "latent_names": ()}, "no latents that go on"),
        ({"flow_kind": "exact", "feedback": False, "n_exogenous": 1}, "but feedback=False"),
    ],
)
def test_facts_of_flows_that_cannot_be_are_refused(facts, message):
    with pytest.raises(ValueError, match=message):
        _ = type("Odd", (Decay,), facts)().facts
