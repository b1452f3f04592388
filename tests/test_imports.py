"""Which room imports which: each only what stands above it.

``python tests/test_imports.py`` draws the picture.
"""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "sklearn_emerge"
# What each room may import, from the first that needs nothing to the last that nothing needs. What
# is not listed are single files at the root, and need nothing but each other.
ROOMS = {
    "dynamics": "",
    "inference": "",
    "emergence": "inference",
    "likelihoods": "",
    "worlds": "dynamics",
    "_registry": "worlds",
    "datasets": "worlds",
    "recurrence": "",
    "networks": "recurrence",
    "training": "likelihoods recurrence networks",
    "predictors": "dynamics likelihoods recurrence networks training",
    "ceilings": "dynamics worlds recurrence predictors",
    "probes": "",
    "geometry": "inference emergence training",
    "measures": "inference likelihoods worlds networks predictors probes geometry",
    "operators": "dynamics inference likelihoods worlds predictors ceilings probes",
    "assessment": "inference likelihoods worlds _registry training predictors ceilings probes "
    "measures operators",
    "checkpoints": "training geometry assessment",
    "linear_systems": "dynamics worlds predictors",
    "displays": "inference likelihoods worlds predictors geometry measures operators assessment "
    "emergence linear_systems",
    "reporting": "inference worlds assessment displays",
    "reproduce": "worlds datasets predictors measures assessment emergence displays",
    "serving": "likelihoods training predictors",
    "testing": "likelihoods worlds predictors assessment",
    "cli": "likelihoods worlds _registry assessment reproduce serving",
    "__main__": "cli",
}
# Arrows upwards that are still there. Take away what is gone; nothing is to be added.
UPWARDS = {
    # plot, the figure of a notebook, and report; the file says why.
    ("assessment/_plot_and_report.py", "displays"),
    ("assessment/_plot_and_report.py", "reporting"),
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
    lines, order = [], list(ROOMS)
    for i, room in enumerate(order):
        others = sorted(found.get(room, set()) - {room, ""}, key=order.index)
        shown = [other if order.index(other) < i else f"^{other}" for other in others]
        lines.append(f"{room:16}{' '.join(shown)}")
    return "\n".join(lines)


def upwards():
    """Return (file, room) of each import of a room that the table does not allow."""
    found = set()
    for place, rooms in imports().items():
        room = room_of(Path(place).with_suffix("").parts)
        for other in rooms - {room, ""}:
            # The root's own files are the first of all, but for its front door.
            if place != "__init__.py" and other not in ROOMS.get(room, "").split():
                found.add((place, other))
    return found


def test_rooms_import_what_stands_above_them():
    assert upwards() == UPWARDS


def test_no_room_is_allowed_what_stands_below_it():
    above = set()
    for room, others in ROOMS.items():
        assert set(others.split()) <= above
        above.add(room)


def test_rooms_are_those_of_the_package():
    """A room that is gone, or a new one, has its place in the list."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(ROOMS)
    assert all(any(PACKAGE.glob(f"{room}*")) for room in ROOMS)


def test_tests_mirror_the_rooms():
    """Each room has a folder of tests, or a file of its own; each folder of tests is a room's."""
    tests = Path(__file__).parent
    folders = {path.parent.name for path in tests.glob("*/test_*.py")}
    files = {path.stem.removeprefix("test_") for path in tests.glob("test_*.py")}
    rooms = {room for room in ROOMS if not room.startswith("_")}
    assert folders <= rooms
    assert rooms <= folders | files


if __name__ == "__main__":
    print(picture())
