"""The rules of prose find what they are for, and nothing in code or tables."""

import prose
import pytest

LONG = "This sentence " + "goes on and on " * 8 + "."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"Short.\n\n{LONG}", [(3, "a sentence of 34 words: make two of it")]),
        (f"Short. {LONG}\nShort.", [(1, "a sentence of 34 words: make two of it")]),
        ("First.\nSee `World`.", [(2, '"See `World`." alone: say what stands there')]),
        ("We do it in order to see.", [(1, '"in order to": write to')]),
        ("Clearly, it holds.", [(1, '"Clearly": write nothing, or why it is so')]),
        ("It is what issue 12 asks.", [(1, None)]),
    ],
)
def test_a_sentence_against_a_rule_is_named_with_its_line(text, said):
    found = prose.problems(text)
    assert [line for line, _ in found] == [line for line, _ in said]
    assert all(what in (None, heard) for (_, what), (_, heard) in zip(said, found, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "```python\n" + LONG + "\n```",
        "| " + LONG + " |",
        "# " + LONG,
        "Two sentences " + "of words " * 12 + "in a line. " + "Short " * 25,
        "[A link](" + "and-where-it-leads" * 40 + ") `obviously`, and a very new word.",
        "{% call says(a > b, " + "a=a, " * 40 + ") %}\nIt holds.\n{% endcall %}",
        "See `World` for what it draws.",
        "",
    ],
)
def test_code_tables_links_and_what_is_short_are_left_alone(text):
    assert prose.problems(text) == []


def test_lines_keep_their_numbers_after_code():
    assert prose.problems(f"A.\n```\nb\nc\n```\n{LONG}")[0][0] == 6


def test_of_a_script_its_text_is_read():
    script = f'"""\nTitle\n=====\n"""\n\n# %%\n# {LONG}\n\nx = 1  # {LONG}\n# {LONG}\n'
    assert [line for line, _ in prose.problems(prose.seen_of(script))] == [7]


def test_pages_are_those_that_people_write():
    pages = prose.pages()
    assert {"README.md", "docs/guide.md", "docs/how-to/names.md"} <= set(pages)
    assert {"docs/templates/anatomy.md", "docs/tutorials/plot_1_assess_a_world.py"} <= set(pages)
    assert not {"CHANGES.md", "docs/anatomy.md", "docs/reproduction.md"} & set(pages)


def test_pages_keep_the_rules(capsys):
    assert prose.main() == 0, capsys.readouterr().out
