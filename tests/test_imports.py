"""Which room imports which: each only what stands above it.

``python tests/test_imports.py`` draws the picture.
"""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "sklearn_emerge"
# From the first that needs nothing of the package to the last that nothing needs. What is not
# listed are single files at the root, and need nothing but each other.
ROOMS = (
    "dynamics",
    "inference",
    "likelihoods",
    "worlds",
    "_registry",
    "datasets",
    "recurrence",
    "networks",
    "training",
    "predictors",
    "ceilings",
    "probes",
    "measures",
    "assessment",
    "emergence",
    "linear_systems",
    "displays",
    "reporting",
    "reproduce",
    "serving",
    "testing",
    "cli",
    "__main__",
)
# Arrows upwards that are still there. Take away what is gone; nothing is to be added.
UPWARDS = {
    # plot, the figure of a notebook, and report; the file says why.
    ("assessment/_short_ways.py", "displays"),
    ("assessment/_short_ways.py", "reporting"),
    # A world knows its best possible predictor.
    ("worlds/_base.py", "ceilings"),
}


def room_of(parts):
    """Return the room of a module, given the names below the package; "" at the root."""
    return parts[0] if parts and parts[0] in ROOMS else ""


def imports():
    """Return {file: rooms that it imports}, of imports in functions, too."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        rooms = found.setdefault(str(place), set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            above = list(place.parts[: len(place.parts) - node.level])
            modules = [node.module] if node.module else [alias.name for alias in node.names]
            rooms.update(room_of([*above, *module.split(".")]) for module in modules)
    return found


def picture():
    """Return a line a room: what it imports, with "^" before what stands below it."""
    found = {}
    for place, rooms in imports().items():
        parts = Path(place).with_suffix("").parts
        found.setdefault(room_of(parts), set()).update(rooms)
    lines = []
    for i, room in enumerate(ROOMS):
        others = sorted(found.get(room, set()) - {room, ""}, key=ROOMS.index)
        shown = [other if ROOMS.index(other) < i else f"^{other}" for other in others]
        lines.append(f"{room:16}{' '.join(shown)}")
    return "\n".join(lines)


def upwards():
    """Return (file, room) of each import of a room that stands below."""
    found = set()
    for place, rooms in imports().items():
        room = room_of(Path(place).with_suffix("").parts)
        for other in rooms - {room, ""}:
            # The root's own files are the first of all, but for its front door.
            if place != "__init__.py" and (not room or ROOMS.index(other) > ROOMS.index(room)):
                found.add((place, other))
    return found


def test_rooms_import_what_stands_above_them():
    assert upwards() == UPWARDS


def test_rooms_are_those_of_the_package():
    """A room that is gone, or a new one, has its place in the list."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(ROOMS)
    assert all(any(PACKAGE.glob(f"{room}*")) for room in ROOMS)


if __name__ == "__main__":
    print(picture())
