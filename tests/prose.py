"""Rules of prose for the pages that people write; `make lint` runs them.

    python tests/prose.py

Prints file, line and what to do, and exits with 1 if there is anything. Pages that are written from
templates are read as templates; of tutorials and examples, what a reader sees of their scripts.
Docstrings are not read: tests/test_docs.py has rules for these.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = ("*.md", "docs/*.md", "docs/*/*.md", "docs/tutorials/*.py", "docs/examples/*.py")
# Entries of a list of changes, and what make docs writes.
LEFT_OUT = ("CHANGES.md", "docs/_build", "docs/gallery", "docs/learn", "docs/reference")
LONGEST = 30
# What to write instead.
WORDS = {
    r"issues? #?\d+|pull requests? #?\d+": "what it is about, as readers cannot look it up",
    r"in order to": "to",
    r"due to the fact that": "because",
    r"utili[sz]e[sd]?": "use",
    r"leverag(?:e[sd]?|ing)": "use",
    r"obviously|clearly|of course|needless to say": "nothing, or why it is so",
    r"simply|basically|actually": "nothing",
    r"seamless(?:ly)?|powerful|state[- ]of[- ]the[- ]art|cutting[- ]edge": "what was measured",
    r"e\.g\.": "for instance",
    r"i\.e\.": "that is",
}
_WORDS = {re.compile(rf"\b(?:{word})", re.IGNORECASE): instead for word, instead in WORDS.items()}
_ALONE = re.compile(r"See `[^`]+`\.?")
# Code, expressions of templates, and where links lead.
_NOT_PROSE = (
    (re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL), ""),
    (re.compile(r"\{%.*?%\}|<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"\{\{.*?\}\}", re.DOTALL), "0"),
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
)
_END = re.compile(r"(?<=[.?!])[*)]*\s+(?=[A-Z0-9`*(\[])")
_NO_SENTENCE = ("|", "#", ":::", "<", "```")


def seen_of(script):
    """Return the lines of a script that its page shows as text; others are empty."""
    lines, text = [], False
    head, _, rest = script.removeprefix('"""').partition('"""')
    for line in rest.splitlines():
        text = line.startswith("# %%") or (text and line.startswith("#"))
        lines.append(line[2:] if text and "%%" not in line else "")
    return head.replace("``", "`") + "\n".join(lines).replace("``", "`")


def pages():
    """Return the pages that people write, with their text, by their place in the repository."""
    found = {}
    for path in sorted({path for place in PLACES for path in ROOT.glob(place)}):
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        # Their templates are read.
        written = path.parent.name == "docs" and (path.parent / "templates" / path.name).exists()
        if written or name.startswith(LEFT_OUT):
            continue
        found[name] = seen_of(text) if path.suffix == ".py" else text
    return found


def sentences(text):
    """Return the number of the line and the words of each sentence, without code and tables."""
    for pattern, instead in _NOT_PROSE:
        # Lines keep their numbers.
        text = pattern.sub(lambda m, s=instead: m.expand(s) + "\n" * m[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith(_NO_SENTENCE):
            yield from ((number, each) for each in _END.split(line.strip()) if each)


def problems(text):
    """Return the numbers of lines and what to do there."""
    found = []
    for number, sentence in sentences(text):
        words = re.sub("`[^`]*`", "x", sentence).split()
        length = sum(bool(re.search(r"\w", word)) for word in words)
        if length > LONGEST:
            found.append((number, f"a sentence of {length} words: make two of it"))
        if _ALONE.fullmatch(sentence):
            found.append((number, f'"{sentence}" alone: say what stands there'))
        for word, instead in _WORDS.items():
            found += [
                (number, f'"{each[0]}": write {instead}')
                for each in word.finditer(re.sub("`[^`]*`", "", sentence))
            ]
    return found


def main():
    """Print what there is, and return how many."""
    found = [
        f"{name}:{number}: {what}"
        for name, text in pages().items()
        for number, what in problems(text)
    ]
    print("".join(f"{line}\n" for line in found), end="")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
