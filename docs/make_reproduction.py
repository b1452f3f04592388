"""Run everything that the papers report, and write a page a paper from the cubes.

The text is in docs/templates. The modules page_* compute what it names, and a sentence that concludes
something is not written if the numbers say otherwise.

    python docs/make_reproduction.py [--jobs 2] [--memory .reproduce] [--page-only]

Cubes go to datasets/cubes, one NetCDF file an experiment and protocol, and the recurrent networks of
the corrected protocol to datasets/networks. With --memory an interrupted run continues where it
stopped; networks that are there are not trained again. The full budget takes about eight hours on two cores.
"""

import argparse
from pathlib import Path

from page import draw, load_all, path_of, write
from page_anatomy import anatomy_values
from page_emergence import emergence_values
from page_recurrent import recurrent_values
from page_sizes import size_values
from page_triangle import triangle_values
from page_verdicts import verdict_values

from sklearn_emerge.reproduce import EXPERIMENTS, PROTOCOLS, RECIPES, run_experiment
from sklearn_emerge.reproduce._networks import read_networks, train_networks, write_networks

DOCS = Path(__file__).parent
NETWORKS = DOCS.parent / "datasets" / "networks"
# One of all papers, and one of each.
PAGES = ("reproduction.md", "emergence-without-scale.md", "scaling-down-transformers.md")


def planned(protocol):
    """Return the names of the experiments of a protocol."""
    return [name for name in EXPERIMENTS if protocol in EXPERIMENTS[name].protocols]


def trained(name):
    """Return the networks of an experiment, after training those that are missing."""
    path = NETWORKS / f"{name}.npz"
    cells = read_networks(path) if path.exists() else {}
    for cell, states in train_networks(name, known=tuple(cells)):
        cells[cell] = states
        write_networks(path, cells)
    return cells


def run_all(jobs, memory):
    """Run all experiments under both protocols and keep their cubes."""
    for protocol in PROTOCOLS:
        for name in planned(protocol):
            print(f"{name}, {protocol}")
            of_tokens = EXPERIMENTS[name].world.observation == "token"
            networks = trained(name) if protocol == "corrected" and not of_tokens else None
            run_experiment(name, protocol, networks=networks, n_jobs=jobs, memory=memory).to_netcdf(
                path_of(name, protocol)
            )


def write_page(page=DOCS / "reproduction.md", figures=DOCS / "figures"):
    """Write the pages, in the folder of this one, and their figures from the cubes."""
    published, corrected = (load_all(protocol) for protocol in PROTOCOLS)
    # They have a page of their own, and neither ceilings nor operators.
    anatomy = {name: corrected.pop(name) for name in list(corrected) if name.startswith("anatomy")}
    recurrent = recurrent_values(published, corrected, figures)
    missing = [
        path_of(name, protocol).name
        for protocol in PROTOCOLS
        for name in planned(protocol)
        if not path_of(name, protocol).exists()
    ]
    for name, recipe in RECIPES.items():
        # Shown by docs/emergence.md.
        if recipe.figure == "emergence":
            draw(name, corrected, figures)
    values = {
        "protocols": PROTOCOLS,
        "recurrent": recurrent,
        "verdicts": verdict_values(corrected),
        "triangle": triangle_values(published, corrected, figures),
        "missing": missing,
    }
    for name in PAGES:
        write(page.with_name(name), name, **values)
    emergence = emergence_values(corrected)
    if emergence is not None:
        write(page.with_name("emergence.md"), "emergence.md", emergence=emergence)
    if "anatomy" in anatomy:
        write(
            page.with_name("anatomy.md"),
            "anatomy.md",
            anatomy=anatomy_values(anatomy["anatomy"], figures),
            sizes=size_values(anatomy, figures),
        )
    print(f"{recurrent['agree']} of {len(recurrent['rows'])} values agree; page: {page}")


def main():
    """Run, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--memory", default=None)
    parser.add_argument("--page-only", action="store_true")
    options = parser.parse_args()
    if not options.page_only:
        run_all(options.jobs, options.memory)
    write_page()


if __name__ == "__main__":
    main()
