"""Print the lower bounds of pyproject.toml as constraints of pip (make test-oldest).

What has no bound, and what our dependencies need themselves, is the newest that fits.
"""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lower_bounds():
    """Return {name: lowest version} of all dependencies that state one, of extras too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    stated = [*project["dependencies"], *(each for extra in extras for each in extra)]
    return dict(each.split(">=") for each in stated if ">=" in each)


if __name__ == "__main__":
    for name, version in lower_bounds().items():
        print(f"{name}=={version}")
