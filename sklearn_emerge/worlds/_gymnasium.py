"""Tasks of another package, as gymnasium and neurogym have them."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ._base import World
from ._sample import Sample


class GymnasiumWorld(World):
    """What is observed in a task that has gymnasium's interface, such as those of neurogym.

    A sequence is what is observed from a reset on, in one trial after another. The next
    observation is predicted. What the task tells beside (neurogym: the right answer, ``"gt"``) is
    the latent. gymnasium is optional, and only needed for tasks by name: ``pip install
    "sklearn-emerge[worlds]"``; neurogym is installed by itself.

    Parameters
    ----------
    make : str or callable
        Name of a task, for `gymnasium.make`, with the package that registers it, as in
        ``"neurogym:PerceptualDecisionMaking-v0"``; or a function without arguments that returns
        the task.
    latents : sequence of str, default=("gt",)
        Keys of numbers in the `info` of each step. What is in the info of the step that answers an
        observation is the latent of that observation. () if there are none.
    latent_kind : {"continuous", "discrete"}, default="discrete"
        Whether these are quantities or classes, which are integers; None if there are none.
    policy : callable, default=None
        ``policy(observation, rng)`` returns the action that answers an observation; all of its
        randomness comes from `rng`, a `numpy.random.Generator`. None draws from the task's
        `action_space`.
    n_steps : int, default=100
        Length of a sequence.

    Raises
    ------
    ImportError
        When sequences are drawn, if `make` is a name and gymnasium is not installed.
    ValueError
        When sequences are drawn: if observations are no arrays of finite numbers, if `info` has
        no such latents, or if there are other sequences for the same seed.

    Notes
    -----
    Trials that end (`terminated` or `truncated`) are followed by a reset. A task is seeded at the
    beginning of each sequence, by ``reset(seed=...)`` and, where it has one, by its method `seed`,
    as neurogym's tasks need it. Observations of several dimensions are flattened, a channel each.
    There is no ceiling, because the law of a task is its own.

    Examples
    --------
    A task of one's own: a light is on or off at random, and which lever it asks for is the latent.

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from sklearn_emerge import GymnasiumWorld
    >>> class Light:
    ...     observation_space = SimpleNamespace(shape=(1,))
    ...     action_space = None
    ...
    ...     def reset(self, seed=None):
    ...         if seed is not None:
    ...             self.rng = np.random.default_rng(seed)
    ...         self.on = self.rng.integers(2)
    ...         return np.array([self.on]), {}
    ...
    ...     def step(self, action):
    ...         right, (observation, _) = self.on, self.reset()
    ...         return observation, float(action == right), False, False, {"gt": right}
    >>> world = GymnasiumWorld(Light, policy=lambda observation, rng: 0, n_steps=6)
    >>> sample = world.sample(2, random_state=0)
    >>> sample.X.shape, bool((sample.X == sample.latents[:, :, 0]).all())
    ((2, 6), True)
    """

    output_scaling = "standard"
    _parameter_constraints = {
        "make": [str, callable],
        "latents": ["array-like"],
        "latent_kind": [StrOptions({"continuous", "discrete"}), None],
        "policy": [callable, None],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, make, *, latents=("gt",), latent_kind="discrete", policy=None, n_steps=100):
        self.make = make
        self.latents = latents
        self.latent_kind = latent_kind
        self.policy = policy
        self.n_steps = n_steps

    @property
    def latent_names(self):
        """Names of the latents: their keys."""
        return tuple(self.latents)

    def _check_request(self, n_sequences):
        super()._check_request(n_sequences)
        # They must fit together.
        _ = self.facts

    def _draw(self, n_sequences, stream):
        seeds = np.random.default_rng(stream).integers(2**31, size=n_sequences).tolist()
        task = self._task()
        sequences = [self._sequence(task, seed) for seed in seeds]
        if not np.array_equal(self._sequence(self._task(), seeds[0])[0], sequences[0][0]):
            raise ValueError(
                f"make={self.make!r} gives a task with other observations for the same seed; let "
                "the task draw everything random from what reset(seed=...) or seed(...) seeds, and "
                "the policy from its rng."
            )
        X = np.array([observed for observed, _ in sequences])
        latents = np.array([told for _, told in sequences]) if self.latents else None
        return Sample(X[:, :, 0] if X.shape[2] == 1 else X, latents)

    def _task(self):
        """Return a new task."""
        if not isinstance(self.make, str):
            return self.make()
        try:
            import gymnasium
        except ImportError as error:
            raise ImportError(
                f"make={self.make!r} needs gymnasium ({error}); run pip install "
                '"sklearn-emerge[worlds]", or pass a function that returns a task.'
            ) from error
        # Its checker warns of observations beyond their space, of which neurogym has some.
        return gymnasium.make(self.make, disable_env_checker=True)

    def _sequence(self, task, seed):
        """Return the observations and the latents of one sequence, a row a step."""
        rng = np.random.default_rng(seed)
        own = getattr(task, "unwrapped", task)
        if hasattr(own, "seed"):
            own.seed(seed)
        observation, _ = task.reset(seed=seed)
        if self.policy is None:
            # After the reset, in which neurogym seeds all actions alike.
            task.action_space.seed(seed)
        observed, told = [], []
        for _ in range(self.n_steps):
            observed.append(self._numbers(task, observation))
            if self.policy is None:
                action = task.action_space.sample()
            else:
                action = self.policy(observation, rng)
            observation, _, terminated, truncated, info = task.step(action)
            told.append(self._told(info))
            if terminated or truncated:
                observation, _ = task.reset()
        return np.array(observed), np.array(told)

    def _numbers(self, task, observation):
        """Return an observation as a row of numbers."""
        names = hasattr(task.observation_space, "n")
        array = np.asarray(observation) if not isinstance(observation, (dict, tuple)) else None
        if names or array is None or array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise ValueError(
                f"make={self.make!r} gives a task that shows {observation!r}; observations must "
                "be arrays of finite numbers. Wrap the task, for instance in gymnasium.wrappers."
                "FlattenObservation, which makes numbers of names."
            )
        return array.astype(np.float64).ravel()

    def _told(self, info):
        """Return the latents that a step tells."""
        values = [np.asarray(info.get(name)) for name in self.latents]
        dtype, kinds, said = np.float64, "biuf", "a number"
        if self.latent_kind == "discrete":
            dtype, kinds, said = np.int64, "biu", "an integer"
        for name, value in zip(self.latents, values, strict=True):
            if value.size != 1 or value.dtype.kind not in kinds:
                raise ValueError(
                    f"latents={tuple(self.latents)!r}, but info[{name!r}] of a step is not "
                    f"{said}; info has {', '.join(map(repr, info)) or 'nothing'}. Pass keys of "
                    "such, another latent_kind, or latents=() and latent_kind=None."
                )
        return [value.astype(dtype).item() for value in values]
