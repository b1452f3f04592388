"""Exact risk of a filter on a linear system: ours, and from the covariance of all observations.

    OMP_NUM_THREADS=1 python benchmarks/filter_risk.py

Ours scales with the length of the filter; the definition with the cube of the horizon and more.
"""

import time

import numpy as np

from sklearn_emerge.linear_systems import linear_filter_risk

TREND = [[1.0, 1.0], [0.0, 1.0]], [1.0, 0.0], 0.1, 1.0


def milliseconds(call, repeats):
    """Return the median time of a call in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return np.median(times)


def by_definition(length, horizon):
    """Return the smallest risk from the normal equations over all steps."""
    A, C, q, r = np.array(TREND[0]), np.array([TREND[1]]), *TREND[2:]
    from scipy.linalg import solve_discrete_are

    P = solve_discrete_are(A.T, C.T, q * np.eye(2), [[r]])
    covariance = np.empty((horizon, horizon))
    for t in range(horizon):
        reach = P
        for s in range(t, horizon):
            covariance[t, s] = covariance[s, t] = (C @ reach @ C.T).item() + (s == t) * r
            reach = A @ reach
        P = A @ P @ A.T + q * np.eye(2)
    gram, cross, constant = np.zeros((length, length)), np.zeros(length), 0.0
    for t in range(1, horizon):
        best = np.linalg.solve(covariance[:t, :t], covariance[:t, t])
        past = np.eye(length, t)[:, ::-1]
        gram += past @ covariance[:t, :t] @ past.T
        cross += past @ covariance[:t, :t] @ best
        constant += best @ covariance[:t, :t] @ best
    return constant - cross @ np.linalg.solve(gram, cross)


def main():
    """Print a table."""
    print("local linear trend; ms a risk")
    print(f"{'length':>8}{'horizon':>12}{'ours':>10}{'definition':>13}{'ratio':>10}")
    for length in (2, 8, 32, 128):
        for horizon in (200, 10**4, 10**6):
            ours = milliseconds(lambda h=length, T=horizon: linear_filter_risk(*TREND, h, T), 50)
            line = f"{length:>8}{horizon:>12,}{ours:>10.2f}"
            if horizon == 200 and length <= 8:
                slow = milliseconds(lambda h=length, T=horizon: by_definition(h, T), 3)
                relative = by_definition(length, horizon) / linear_filter_risk(
                    *TREND, length, horizon
                )
                assert abs(relative - 1) < 1e-6
                line += f"{slow:>13.1f}{slow / ours:>9.0f}x"
            print(line)


if __name__ == "__main__":
    main()
