"""How Sphinx builds the site: `make docs`, offline, from the pages of this folder."""

import inspect
import re
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import sklearn_emerge

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

project = "sklearn_emerge"
author = "The sklearn_emerge developers"
release = sklearn_emerge.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
# Tutorials and examples are scripts; pages of them show what they draw. They run in the folder that
# they are in.
sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "examples"],
    "gallery_dirs": ["learn", "gallery"],
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "reference_url": {"sklearn_emerge": None},
    # Which script uses which name, for the reference.
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("sklearn_emerge",),
    "show_signature": False,
    "write_computation_times": False,
    # What an axis returns is no result.
    "ignore_repr_types": r"matplotlib\.",
    "image_srcset": ["1.5x"],
    "thumbnail_size": (480, 320),
    "parallel": 2,
}

exclude_patterns = ["_build", "_templates", "templates", "tutorials", "examples"]
nitpicky = True
show_warning_types = True

# Pages in Markdown are read in the repository as well: no more than what it shows, too.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

# What docstrings set in single backticks is a name of the reference, or code.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_math_renderer = "mathml"
# An example ends in an empty line for doctest, not for readers.
highlight_options = {"python": {"stripnl": True}, "default": {"stripnl": True}}
toc_object_entries_show_parents = "hide"
html_theme = "pydata_sphinx_theme"
html_title = "sklearn_emerge"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
templates_path = ["_templates"]
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
# Pages without others below them have the whole width.
html_sidebars = {page: [] for page in ("index", "numbers", "glossary", "changes")}
project_copyright = f"{author}. BSD 3-clause licence"


def visit_math(translator, node):
    """Write a formula as MathML, which browsers draw by themselves, without a script from afar."""
    block = isinstance(node, nodes.math_block)
    formula = str(tex2mathml(node.astext(), as_block=block))
    translator.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def skip_inherited(app, what, name, member, skip, options):
    """Leave out what scikit-learn and Python give to every estimator and tuple."""
    function = inspect.unwrap(member.fget if isinstance(member, property) else member)
    module = getattr(function, "__module__", None) or ""
    if callable(function) and not module.startswith("sklearn_emerge"):
        return True
    return None


def resolve_name(app, env, node, contnode):
    """Link a name of the reference by its last part; what is no name there is code."""
    if node["refdomain"] != "py":
        return None
    objects = env.get_domain("py").objects
    target = node["reftarget"]
    found = sorted(name for name in objects if f".{name}".endswith(f".{target}"))
    if found and re.fullmatch(r"[\w.]+", target):
        name = min(found, key=len)
        entry = objects[name]
        uri = app.builder.get_relative_uri(node["refdoc"], entry.docname)
        return nodes.reference(
            "", "", contnode, internal=True, refuri=f"{uri}#{entry.node_id}", reftitle=name
        )
    return contnode if node["reftype"] == "obj" else None


def lead_to_pages_of_scripts(app, docname, source):
    """Links to scripts, which the repository has, lead to the pages that show what they draw."""
    pages = {"tutorials": "learn", "examples": "gallery"}
    source[0] = re.sub(
        r"(\]\((?:\.\./)?)(tutorials|examples)/(plot_\w+)\.py\)",
        lambda link: f"{link[1]}{pages[link[2]]}/{link[3]}.rst)",
        source[0],
    )


def anchor_words(app, doctree):
    """Give each word of the glossary, the first cell of a row, a place that pages can link to."""
    if app.env.current_document.docname != "glossary":
        return
    places = app.env.metadata["glossary"].setdefault("myst_slugs", {})
    for row in doctree.findall(nodes.row):
        if isinstance(row.parent, nodes.thead):
            continue
        cell = row[0]
        for word in re.split(r", | or ", cell.astext()):
            slug = re.sub(r"[^\w]+", "-", word.lower()).strip("-")
            if slug not in places:
                cell["ids"].append(slug)
                places[slug] = (0, slug, word)


def setup(app):
    """Connect what is above."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("autodoc-skip-member", skip_inherited)
    app.connect("missing-reference", resolve_name)
    app.connect("source-read", lead_to_pages_of_scripts)
    app.connect("doctree-read", anchor_words)
