"""Tasks of another package, as gymnasium and neurogym have them."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._typing import Floats
from ._base import World
from ._driven import of_rows, with_inputs
from ._sample import Sample

# What to do about observations that are no numbers.
_WRAP = (
    "Wrap the task, for instance in gymnasium.wrappers.FlattenObservation, which makes numbers of "
    "names."
)


class GymnasiumWorld(World):
    """What is observed in a task that has gymnasium's interface, such as those of neurogym.

    A sequence is what is observed from a reset on, in one trial after another. The next
    observation is predicted, or, with ``feedback=False``, the right answer to each, which neurogym
    calls ground truth. What the task tells beside (neurogym: that answer, ``"gt"``) is the latent.
    gymnasium is optional, and only needed for tasks by name: ``pip install
    "sklearn-emerge[worlds]"``; neurogym is installed by itself.

    Parameters
    ----------
    make : str or callable
        Name of a task, for `gymnasium.make`, with the package that registers it, as in
        ``"neurogym:PerceptualDecisionMaking-v0"``; or a function without arguments that returns
        the task.
    latents : sequence of str, default=("gt",)
        Keys of numbers in the `info` of each step. What is in the info of the step that answers an
        observation is the latent of that observation. () if there are none. Of trials that are
        taken as a whole, see `feedback`: "gt", or a key of what `new_trial` returns.
    latent_kind : {"continuous", "discrete"}, default="discrete"
        Whether these are quantities or classes, which are integers; None if there are none.
    policy : callable, default=None
        ``policy(observation, rng)`` returns the action that answers an observation; all of its
        randomness comes from `rng`, a `numpy.random.Generator`. None draws from the task's
        `action_space`.
    n_steps : int, default=100
        Length of a sequence.
    feedback : bool, default=True
        Whether observations are predicted. False is the task itself, as networks learn it under
        supervision: the answers ``"gt"`` are to be given out at the step of each observation, and
        nothing but observations is seen, which are exogenous. Answers are tokens where the
        `action_space` is discrete, and otherwise quantities. If the task has neurogym's
        `new_trial`, which makes `ob` and `gt`, whole trials are taken, as in neurogym's `Dataset`,
        without actions; else the answer is in the info of each step, as latents are.

    Raises
    ------
    ImportError
        When sequences are drawn, if `make` is a name and gymnasium is not installed.
    ValueError
        When sequences are drawn: if observations are no arrays of finite numbers, if there are no
        such latents or answers, or if there are other ones for the same seed.

    Notes
    -----
    Trials that end (`terminated` or `truncated`) are followed by a reset. A task is seeded at the
    beginning of each sequence, by ``reset(seed=...)`` and, where it has one, by its method `seed`,
    as neurogym's tasks need it. Observations of several dimensions are flattened, a channel each.
    There is no ceiling, and no flow, because the law of a task is its own. Wrappers of a task by
    name are those of gymnasium; a function may return a task with others, which is then taken step
    by step, unless it has `new_trial`, `ob` and `gt` itself.

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

    The task is to say which lever, of one of two, from the light:

    >>> Light.action_space = SimpleNamespace(n=2)
    >>> task = GymnasiumWorld(Light, policy=lambda observation, rng: 0, n_steps=6, feedback=False)
    >>> X = task.sample(2, random_state=0).X
    >>> X.shape, bool((X[:, 1:, 0] == X[:, :-1, 1]).all()), task.n_tokens
    ((2, 6, 2), True, 2)
    """

    _parameter_constraints = {
        "make": [str, callable],
        "latents": ["array-like"],
        "latent_kind": [StrOptions({"continuous", "discrete"}), None],
        "policy": [callable, None],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
        "feedback": ["boolean"],
    }

    def __init__(
        self,
        make: str | Callable[[], Any],
        *,
        latents: Sequence[str] = ("gt",),
        latent_kind: str | None = "discrete",
        policy: Callable[..., Any] | None = None,
        n_steps: int = 100,
        feedback: bool = True,
    ) -> None:
        self.make = make
        self.latents = latents
        self.latent_kind = latent_kind
        self.policy = policy
        self.n_steps = n_steps
        self.feedback = feedback

    @property
    def observation(self) -> str:
        """Quantities; of a task the answers, which are tokens if actions are discrete."""
        return "continuous" if self.feedback or self._n_answers() is None else "token"

    @property
    def n_tokens(self) -> int | str:
        """Number of answers, if they are tokens."""
        n_answers = None if self.feedback else self._n_answers()
        return "auto" if n_answers is None else n_answers

    @property
    def output_scaling(self) -> str | None:
        """How sequences leave a network: quantities in units of their spread."""
        return "standard" if self.observation == "continuous" else None

    @property
    def n_exogenous(self) -> int:
        """The observations, in a task."""
        if self.feedback:
            return 0
        space = self._task().observation_space
        if space.shape is None:
            raise ValueError(
                f"make={self.make!r} gives a task whose observations, of {space!r}, are no arrays; "
                f"{_WRAP}"
            )
        return int(np.prod(space.shape))

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """All nulls; of a task, the observations of other sequences in place of surrogates."""
        return ("shuffle", "resample", "phase" if self.feedback else "exchange")

    @property
    def latent_names(self) -> tuple[str, ...]:
        """Names of the latents: their keys."""
        return tuple(self.latents)

    def _check_request(self, n_sequences: int) -> None:
        super()._check_request(n_sequences)
        # They must fit together.
        _ = self.facts

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        seeds = np.random.default_rng(stream).integers(2**31, size=n_sequences).tolist()
        task = self._task()
        draw = self._sequence if self._maker_of_trials(task) is None else self._trials
        sequences = [draw(task, seed) for seed in seeds]
        again = zip(draw(self._task(), seeds[0]), sequences[0], strict=True)
        if not all(np.array_equal(one, two, equal_nan=True) for one, two in again):
            raise ValueError(
                f"make={self.make!r} gives a task with other observations or answers for the same "
                "seed; let the task draw everything random from what reset(seed=...) or seed(...) "
                "seeds, and the policy from its rng."
            )
        X = np.array([observed for observed, *_ in sequences])
        latents = np.array([told for _, told, _ in sequences]) if self.latents else None
        if not self.feedback:
            answers = np.array([answers for *_, answers in sequences])
            rows = with_inputs(answers, X, delay=0, feedback=False)
            return Sample(rows, None if latents is None else of_rows(latents, 0, feedback=False))
        return Sample(X[:, :, 0] if X.shape[2] == 1 else X, latents)

    def _task(self) -> Any:
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

    def _n_answers(self) -> int | None:
        """Return the number of actions if they are discrete, else None."""
        n_actions = getattr(self._task().action_space, "n", None)
        return None if n_actions is None else int(n_actions)

    @property
    def _length(self) -> int:
        """Number of observations of a sequence; in a task the first row has none of its own."""
        return self.n_steps if self.feedback else self.n_steps - 1

    def _started(self, task: Any, seed: int) -> Any:
        """Return the first observation of a task after seeding it."""
        own = getattr(task, "unwrapped", task)
        if hasattr(own, "seed"):
            own.seed(seed)
        return task.reset(seed=seed)[0]

    def _maker_of_trials(self, task: Any) -> Any:
        """Return what makes whole trials of a task with their answers, if anything does."""
        # gymnasium itself wraps tasks by name, and changes nothing.
        own = task.unwrapped if isinstance(self.make, str) else task
        if self.feedback or not hasattr(own, "new_trial"):
            return None
        # Both are there once a trial is.
        self._started(task, 0)
        return own if hasattr(own, "ob") and hasattr(own, "gt") else None

    def _trials(self, task: Any, seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return observations, latents and answers of one sequence of whole trials."""
        own = self._maker_of_trials(task)
        self._started(task, seed)
        observed: list[Floats] = []
        told: list[list[Any]] = []
        answers: list[Floats] = []
        length = self._length
        while len(observed) < length:
            trial = own.new_trial()
            known = trial if isinstance(trial, dict) else {}
            if len(own.ob) != len(own.gt) or not len(own.ob):
                raise ValueError(
                    f"make={self.make!r} gives a task whose new_trial makes {len(own.ob)} "
                    f"observations and {len(own.gt)} answers; let ob and gt be as long, of at "
                    "least one step."
                )
            for observation, answer in zip(own.ob, own.gt, strict=True):
                observed.append(self._numbers(task, observation))
                answers.append(self._answer(task, answer))
                told.append(self._told({**known, "gt": answer}))
        return np.array(observed[:length]), np.array(told[:length]), np.array(answers[:length])

    def _sequence(self, task: Any, seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return observations, latents and answers of one sequence, a row a step."""
        rng = np.random.default_rng(seed)
        observation = self._started(task, seed)
        if self.policy is None:
            # After the reset, in which neurogym seeds all actions alike.
            task.action_space.seed(seed)
        observed, told, answers = [], [], []
        for _ in range(self._length):
            observed.append(self._numbers(task, observation))
            if self.policy is None:
                action = task.action_space.sample()
            else:
                action = self.policy(observation, rng)
            observation, _, terminated, truncated, info = task.step(action)
            told.append(self._told(info))
            if not self.feedback:
                answers.append(self._answer(task, info.get("gt")))
            if terminated or truncated:
                observation, _ = task.reset()
        return np.array(observed), np.array(told), np.array(answers)

    def _numbers(self, task: Any, observation: Any) -> Floats:
        """Return an observation as a row of numbers."""
        names = hasattr(task.observation_space, "n")
        array = np.asarray(observation) if not isinstance(observation, (dict, tuple)) else None
        if names or array is None or array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise ValueError(
                f"make={self.make!r} gives a task that shows {observation!r}; observations must "
                f"be arrays of finite numbers. {_WRAP}"
            )
        return array.astype(np.float64).ravel()

    def _answer(self, task: Any, answer: Any) -> Floats:
        """Return a right answer as a row of numbers."""
        values = np.asarray(answer)
        n_answers = getattr(task.action_space, "n", None)
        usable = values.dtype.kind in "biuf" and np.isfinite(values).all()
        if n_answers is not None:
            usable = usable and values.dtype.kind in "biu" and values.size == 1
            usable = usable and 0 <= values.item() < n_answers
        if not usable:
            kind = "numbers" if n_answers is None else f"one of the {n_answers} actions, from 0 on"
            raise ValueError(
                f"make={self.make!r} gives a task whose right answer is {values.tolist()!r}; with "
                f"feedback=False it must be {kind}, as 'gt' in the info of each step or of "
                "each trial. Pass feedback=True to predict observations."
            )
        return values.astype(np.float64).ravel()

    def _told(self, info: Mapping[str, Any]) -> list[Any]:
        """Return the latents that a step tells."""
        values = [np.asarray(info.get(name)) for name in self.latents]
        dtype: type[np.generic] = np.float64
        kinds, said = "biuf", "a number"
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
