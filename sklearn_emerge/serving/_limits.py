"""What a service allows, of one request and of all."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from numbers import Integral, Real

from ._network import check_prompts

# Bytes that a body may have: for each token, white space included, and beside them.
_BYTES_OF_TOKEN, _OTHER_BYTES = 16, 1024


@dataclass(frozen=True)
class Limits:
    """Limits of a service, as in `create_service`; ValueError unless each is in its range.

    The budget has been checked before: the default of `max_tokens` is made of it.
    """

    budget: int
    max_tokens: int
    max_batch: int
    max_answer: int
    max_requests: int
    max_share: float
    timeout: float

    def __post_init__(self) -> None:
        check_limit("max_tokens", self.max_tokens, 1, self.budget - 1)
        for name in ("max_batch", "max_answer", "max_requests"):
            check_limit(name, getattr(self, name), 1)
        if not _is_number(self.max_share) or not 0 < self.max_share <= 1:
            raise ValueError(
                f"max_share={self.max_share!r} must be a number above 0 and at most 1; pass 1 "
                "to let a client have all."
            )
        check_timeout(self.timeout)

    @property
    def max_bytes(self) -> int:
        """Bytes of a body."""
        return _OTHER_BYTES + self.max_batch * self.budget * _BYTES_OF_TOKEN

    @property
    def max_requests_of_client(self) -> int:
        """Requests of one client that are under way at once."""
        return max(1, int(self.max_share * self.max_requests))

    def as_dict(self) -> dict[str, int | float]:
        """Return them by name."""
        return asdict(self)

    def check(self, prompts: Sequence[Sequence[int]], n_steps: int, n_tokens: int) -> None:
        """Raise a ValueError unless a request is allowed."""
        if len(prompts) > self.max_batch:
            raise ValueError(
                f"prompts has {len(prompts)} prompts; send at most {self.max_batch} at once."
            )
        check_prompts(prompts, n_tokens)
        if not 1 <= n_steps <= self.max_tokens:
            raise ValueError(f"n_steps={n_steps} is out of range; ask for 1 to {self.max_tokens}.")
        for i, prompt in enumerate(prompts):
            if len(prompt) + n_steps > self.budget:
                raise ValueError(
                    f"prompts[{i}] has {len(prompt)} tokens, with n_steps={n_steps} more than the "
                    f"budget of {self.budget}; shorten it or ask for fewer steps."
                )
        if len(prompts) * n_steps > self.max_answer:
            raise ValueError(
                f"{len(prompts)} prompts with n_steps={n_steps} ask for {len(prompts) * n_steps} "
                f"tokens, more than max_answer={self.max_answer}; send fewer prompts or ask for "
                "fewer steps."
            )


def check_timeout(timeout: float) -> None:
    """Raise a ValueError unless this is a number of seconds."""
    if not _is_number(timeout) or not timeout > 0:
        raise ValueError(
            f"timeout={timeout!r} must be a finite number of seconds above 0, such as 10."
        )


def check_limit(name: str, value: int, least: int, most: int | None = None) -> None:
    """Raise a ValueError unless a limit is an integer in its range."""
    integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not integer or value < least or (most is not None and value > most):
        range_ = f"at least {least}" if most is None else f"{least} to {most}, one below the budget"
        raise ValueError(f"{name}={value!r} must be an integer of {range_}.")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
