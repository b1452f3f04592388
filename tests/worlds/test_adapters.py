"""Worlds of other packages: with a stand-in, with the package if it is there, and without it."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_emerge import DystsWorld, GymnasiumWorld, LinearFilterPredictor, MeanPredictor
from sklearn_emerge.testing import check_world
from sklearn_emerge.worlds._dysts import _flow_of


class Space:
    """Two actions."""

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def sample(self):
        return int(self.rng.integers(2))


class Trials:
    """Trials of four steps: a cue, and three steps of noise; the cue is the right answer."""

    observation_space = SimpleNamespace(shape=(2,))

    def __init__(self, truncates=False):
        self.action_space, self.truncates = Space(), truncates

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t, self.cue = 0, int(self.rng.integers(2))
        return self.observation(), {}

    def observation(self):
        return np.array([self.cue if self.t == 0 else -1, self.rng.normal()])

    def step(self, action):
        info = {"gt": np.int64(self.cue), "reward": float(action == self.cue)}
        self.t += 1
        ended = self.t == 4
        observation = np.full(2, 99.0) if ended else self.observation()
        return observation, 0.0, ended and not self.truncates, ended and self.truncates, info


class NeuroTrials(Trials):
    """As neurogym: a method seeds it, reset does not; its actions are seeded alike; no end."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng()

    @property
    def unwrapped(self):
        return self

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def reset(self, seed=None, options=None):
        self.action_space.seed(0)
        return super().reset()

    def step(self, action):
        observation, *_, info = super().step(action)
        return (super().reset()[0] if self.t == 4 else observation), 0.0, False, False, info


@pytest.mark.parametrize("make", [Trials, NeuroTrials])
def test_tasks_keep_to_the_contract(make):
    check_world(GymnasiumWorld(make, n_steps=12))


@pytest.mark.parametrize("make", [Trials, lambda: Trials(truncates=True), NeuroTrials])
def test_a_sequence_is_one_trial_after_another_with_the_answer_to_each_observation(make):
    sample = GymnasiumWorld(make, n_steps=12).sample(20, random_state=0)
    assert sample.X.shape == (20, 12, 2)
    assert sample.latents.dtype == np.int64
    cues = sample.X[:, ::4, 0]
    assert set(np.unique(cues)) == {0, 1}
    # The answer of each trial is its cue; what is seen after the end belongs to no trial.
    assert np.array_equal(np.repeat(cues, 4, axis=1), sample.latents[:, :, 0])
    assert sample.X.max() < 99
    assert np.unique(sample.X[:, 0, 1]).size == 20


def test_actions_are_those_of_the_policy_or_drawn_anew_in_each_sequence():
    options = dict(latents=("gt", "reward"), latent_kind="continuous", n_steps=8)

    def right(observation, rng):
        right.last = observation[0] if observation[0] >= 0 else right.last
        return right.last

    told = GymnasiumWorld(Trials, policy=right, **options).sample(5, random_state=0)
    assert told.latent_names == ("gt", "reward")
    assert (told.latents[:, :, 1] == 1).all()
    drawn = GymnasiumWorld(NeuroTrials, **options).sample(50, random_state=0).latents[:, :, 1]
    assert drawn.mean() == pytest.approx(0.5, abs=0.1)
    assert len(np.unique(drawn, axis=0)) > 20


class WholeTrials(NeuroTrials):
    """As neurogym's TrialEnv: new_trial makes the observations and answers of a trial."""

    observation_space = SimpleNamespace(shape=(2,))

    def __init__(self, n=2):
        super().__init__()
        self.action_space.n = n

    def reset(self, seed=None, options=None):
        self.new_trial()
        return super().reset()

    def new_trial(self):
        cue, n_steps = int(self.rng.integers(2)), int(self.rng.integers(3, 6))
        self.ob = np.stack([np.full(n_steps, -1.0), self.rng.normal(size=n_steps)], axis=1)
        self.ob[0, 0] = cue
        self.gt = np.zeros(n_steps, dtype=np.int64)
        self.gt[-1] = cue
        return {"cue": cue, "strength": 0.5 + cue}


def test_the_task_itself_asks_for_the_answers_to_what_is_seen():
    world = GymnasiumWorld(WholeTrials, latents=("cue", "gt"), n_steps=40, feedback=False)
    check_world(world)
    assert (world.observation, world.n_tokens, world.n_exogenous) == ("token", 2, 2)
    sample = world.sample(20, random_state=0)
    assert sample.X.shape == (20, 40, 3)
    answers, seen = sample.X[:, 1:, 0], sample.X[:, :-1, 1:]
    starts = seen[:, :, 0] >= 0
    cues = seen[:, :, 0][starts]
    assert starts[:, 0].all()
    assert set(cues) == {0, 1}
    # The cue holds from its trial's first step, and is asked for in the last alone.
    number = starts.ravel().cumsum() - 1
    cue = cues[number].reshape(starts.shape)
    last = np.roll(starts, -1, axis=1)
    assert np.array_equal(answers[:, :-1], (cue * last)[:, :-1])
    assert np.array_equal(sample.latents[:, :-1, 0], cue)
    assert np.array_equal(sample.latents[:, :-1, 1], answers)
    assert set(np.diff(np.flatnonzero(starts[0]))) == {3, 4, 5}


def test_without_whole_trials_answers_are_those_of_each_step():
    def make():
        task = Trials()
        task.action_space.n = 2
        return task

    world = GymnasiumWorld(make, n_steps=13, feedback=False)
    check_world(world)
    X = world.sample(20, random_state=0).X
    assert np.array_equal(np.repeat(X[:, :-1:4, 1], 4, axis=1), X[:, 1:, 0])


def test_answers_of_tasks_without_discrete_actions_are_quantities():
    class Reaching(WholeTrials):
        def __init__(self):
            super().__init__()
            del self.action_space.n

        def new_trial(self):
            super().new_trial()
            self.gt = self.ob.cumsum(axis=0)

    world = GymnasiumWorld(Reaching, latents=(), latent_kind=None, n_steps=20, feedback=False)
    check_world(world)
    assert (world.observation, world.n_tokens, world.likelihood) == (
        "continuous",
        "auto",
        "gaussian",
    )
    X = world.sample(3, random_state=0).X
    assert np.array_equal(X[:, 1, :2], X[:, 0, 2:])
    assert np.array_equal(X[:, 3, :2], X[:, :3, 2:].sum(axis=1))


class OtherAnswers(WholeTrials):
    """Shows the same for the same seed, and asks for something else."""

    unseeded = np.random.default_rng(0)

    def new_trial(self):
        trial = super().new_trial()
        self.gt = self.unseeded.integers(2, size=len(self.ob))
        return trial


class NoTrials(WholeTrials):
    def new_trial(self):
        self.ob, self.gt = np.zeros((0, 2)), np.zeros(0, dtype=np.int64)


class FewAnswers(WholeTrials):
    def new_trial(self):
        super().new_trial()
        self.gt = self.gt[:-1]


class ShowsParts(WholeTrials):
    observation_space = SimpleNamespace(shape=None)


def test_a_task_is_learned_from_what_is_seen():
    world = GymnasiumWorld(WholeTrials, n_steps=30, feedback=False)
    train, test = world.split(100, 100, random_state=0)
    roles = dict(n_exogenous=2, feedback=False, likelihood="categorical", n_tokens=2)
    learned, mean = (each(**roles).fit(train.X) for each in (LinearFilterPredictor, MeanPredictor))
    assert learned.score(test.X) > mean.score(test.X) + 0.01


def test_a_task_without_latents():
    world = GymnasiumWorld(Trials, latents=(), latent_kind=None, n_steps=5)
    assert world.sample(3, random_state=0).latents is None


class Named(Trials):
    observation_space = SimpleNamespace(shape=(), n=3)


class Boxes(Trials):
    def observation(self):
        return {"cue": self.cue}


class Unseeded(Trials):
    def observation(self):
        return np.random.default_rng().normal(size=2)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (Named, {}, "observations must be arrays of finite numbers. Wrap the task"),
        (Boxes, {}, "shows {'cue'.*FlattenObservation"),
        (Unseeded, {}, "other observations or answers for the same seed"),
        (Trials, {"latents": ["truth"]}, r"info\['truth'\] of a step is not an integer; info has"),
        (Trials, {"latents": ["reward"]}, r"is not an integer; info has 'gt', 'reward'"),
        (Trials, {"latents": ()}, "latent"),
        (Trials, {"latent_kind": None}, "latent"),
        (lambda: WholeTrials(n=1), {"feedback": False}, "right answer is 1.*one of the 1 actions"),
        (OtherAnswers, {"feedback": False}, "other observations or answers for the same seed"),
        (NoTrials, {"feedback": False}, "makes 0 observations and 0 answers; let ob and gt be"),
        (FewAnswers, {"feedback": False}, "observations and . answers; let ob and gt be as long"),
        (ShowsParts, {"feedback": False}, "are no arrays; Wrap the task, for .*Flatten"),
        (WholeTrials, {"feedback": False, "latents": ["dots"]}, "'cue', 'strength', 'gt'. Pass"),
    ],
)
def test_tasks_that_cannot_be_used_say_why(make, options, message):
    with pytest.raises(ValueError, match=message):
        GymnasiumWorld(make, n_steps=5, **options).sample(20, random_state=0)


def test_without_gymnasium_a_task_by_name_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ImportError, match=r'CartPole-v1.*pip install "sklearn-emerge\[worlds\]"'):
        GymnasiumWorld("CartPole-v1", latents=(), latent_kind=None).sample(2)


def test_a_task_of_gymnasium():
    pytest.importorskip("gymnasium")
    world = GymnasiumWorld("CartPole-v1", latents=(), latent_kind=None, n_steps=30)
    check_world(world)
    X = world.sample(3, random_state=0).X
    # The cart moves by its velocity, 0.02 units of time a step, but for the resets after a fall.
    kept = np.isclose(np.diff(X[:, :, 0]), 0.02 * X[:, :-1, 1], atol=1e-6)
    assert 0.85 < kept.mean() < 1


@pytest.mark.filterwarnings("ignore")
def test_a_task_of_neurogym():
    pytest.importorskip("neurogym")
    world = GymnasiumWorld("neurogym:PerceptualDecisionMaking-v0", n_steps=44)
    check_world(world)
    sample = world.sample(5, random_state=0)
    # Fixation, 20 steps of stimulus and the decision; the answer is asked for in the last one.
    fixation, answer = sample.X[:, :, 0], sample.latents[:, :, 0]
    assert fixation.shape == (5, 44)
    assert ((answer > 0).sum(axis=1) == 2).all()
    assert not (fixation[answer > 0]).any()


@pytest.mark.filterwarnings("ignore")
def test_the_supervised_task_of_neurogym():
    pytest.importorskip("neurogym")
    name = "neurogym:PerceptualDecisionMaking-v0"
    world = GymnasiumWorld(
        name, latents=("ground_truth", "coh"), latent_kind="continuous", n_steps=67, feedback=False
    )
    check_world(world)
    assert (world.n_tokens, world.n_exogenous) == (3, 3)
    X = world.sample(30, random_state=0).X
    # Trials of 22 steps, of which the last is the decision: the stronger of two stimuli.
    answers, seen = (part.reshape(30, 3, 22, -1) for part in (X[:, 1:, 0], X[:, :-1, 1:]))
    assert not answers[:, :, :-1].any()
    assert set(answers[:, :, -1].ravel()) == {1, 2}
    stronger = seen[:, :, 1:-1, 1:].mean(axis=2).argmax(axis=2) + 1
    assert (stronger == answers[:, :, -1, 0]).mean() > 0.8


def test_without_dysts_the_world_says_what_to_install(monkeypatch):
    _flow_of.cache_clear()
    monkeypatch.setitem(sys.modules, "dysts", None)
    with pytest.raises(ImportError, match=r'needs dysts.*pip install "sklearn-emerge\[worlds\]"'):
        DystsWorld().sample(2)
    assert "DystsWorld()" in repr(DystsWorld())


def test_a_flow_of_dysts_moves_by_its_law():
    pytest.importorskip("dysts")
    world = DystsWorld("Rossler", points_per_period=2000, n_steps=20)
    sample = world.sample(8, random_state=0)
    states, flow = sample.latents, _flow_of("Rossler")
    time_step = flow.period / 2000
    velocity = (states[:, 2:] - states[:, :-2]) / (2 * time_step)
    law = np.array([[flow.rhs(state, 0.0) for state in row] for row in states[:, 1:-1]])
    assert np.allclose(velocity, law, atol=1e-3 * np.abs(law).max())
    assert sample.latent_names == ("x1", "x2", "x3")
    away = world.flow(states[:, 4], 15, start=4) - states[:, 5:]
    assert np.abs(away).max() < 1e-6 * np.abs(states).max()


def test_a_law_that_depends_on_time_has_no_flow():
    pytest.importorskip("dysts")
    world = DystsWorld("Torus")
    for call in (lambda: world.sample(2), lambda: world.flow(np.zeros((2, 3)), 1)):
        with pytest.raises(ValueError, match="does not take many states at once; take another"):
            call()


def test_coordinates_that_are_not_there_are_not_observed():
    pytest.importorskip("dysts")
    world = DystsWorld("Rossler", channels=(3,))
    for call in (lambda: world.sample(2), lambda: world.emission(np.zeros((1, 3)))):
        with pytest.raises(ValueError, match="must be some of the coordinates of Rossler"):
            call()


def test_coordinates_that_are_wrapped_are_not_the_whole_state():
    pytest.importorskip("dysts")
    assert DystsWorld("ForcedVanDerPol").flow_kind is None
    assert DystsWorld("Rossler").flow_kind == "exact"


def test_a_flow_of_dysts_is_on_its_attractor_and_keeps_to_the_contract():
    pytest.importorskip("dysts")
    check_world(DystsWorld("Lorenz", channels=(0, 2), n_steps=20))
    sample = DystsWorld("Lorenz", n_steps=30).sample(1000, random_state=0)
    assert sample.latents[:, 0, 2].mean() == pytest.approx(23.55, abs=1)
    assert sample.latents[:, -1, 2].mean() == pytest.approx(23.55, abs=1)
    # The common start is forgotten: both wings are as likely.
    assert (sample.latents[:, 0, 0] > 0).mean() == pytest.approx(0.5, abs=0.07)
    noise = sample.X - sample.latents[:, :, 0]
    assert noise.std() == pytest.approx(0.05 * sample.latents[:, :, 0].std(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"system": "Lorentz"}, "not a flow of dysts.flows.*Did you mean 'Lorenz'"),
        ({"system": "MackeyGlass"}, "maps and equations with a delay are not taken"),
        ({"system": "BelousovZhabotinsky"}, "does not take many states at once.*ArrayWorld"),
        ({"channels": (3,)}, r"channels=\(3,\) must be some of the coordinates.*0 to 2"),
        ({"channels": ()}, r"channels=\(\) must be some"),
    ],
)
def test_flows_that_cannot_be_used_say_why(options, message):
    pytest.importorskip("dysts")
    with pytest.raises(ValueError, match=message):
        DystsWorld(**options).sample(2)
