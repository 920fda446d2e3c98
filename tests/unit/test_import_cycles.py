"""No module needs itself, however far around: each can be read, tested and moved with what stands below it alone.

Imports for types only count like any other. So does the package around a module: to import `gateway.limits.cost` runs
`gateway/limits/__init__.py` first.
"""

from collections.abc import Iterable

import grimp
import pytest
from grimp import ImportGraph

FIRST_PARTY = ("benchmarks", "booking", "gateway", "integrations", "resolvers", "schema", "tools")


def cycles(graph: ImportGraph) -> set[frozenset[str]]:
    """The strongly connected components of more than one module."""
    needed = {module: graph.find_upstream_modules(module) for module in graph.modules}
    together = {module: {one for one in below if module in needed[one]} for module, below in needed.items()}
    return {frozenset({module, *others}) for module, others in together.items() if others}


def with_packages(graph: ImportGraph) -> ImportGraph:
    """The graph in which whoever imports a module imports the packages around it as well, but for those that both stand in."""
    for importer in sorted(graph.modules):
        for imported in graph.find_modules_directly_imported_by(importer):
            for package in {*packages(imported)} - {*packages(importer), importer}:
                graph.add_import(importer=importer, imported=package)
    return graph


def packages(module: str) -> Iterable[str]:
    """The packages around a module, outermost first."""
    parts = module.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))


def test_no_module_of_the_project_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph(*FIRST_PARTY, cache_dir=None)
    assert not [sorted(cycle) for cycle in cycles(with_packages(graph))]


def mutual_folders(graph: ImportGraph, package: str) -> set[frozenset[str]]:
    """The pairs of folders of a package that import each other; modules that lie beside the folders do not count."""
    folders = {child for child in graph.find_children(package) if graph.find_children(child)}
    importing = {
        (importer, imported)
        for importer in folders
        for imported in folders - {importer}
        if graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
    }
    return {frozenset(pair) for pair in importing if pair[::-1] in importing}


@pytest.mark.parametrize("package", ["booking", "gateway", "integrations"])
def test_no_two_folders_of_a_package_import_each_other(package: str) -> None:
    graph = grimp.build_graph(*FIRST_PARTY, cache_dir=None)
    assert not [sorted(pair) for pair in mutual_folders(graph, package)]


def test_two_folders_that_import_each_other_are_found() -> None:
    graph = ImportGraph()
    for module in ("a", "a.x", "a.x.one", "a.x.two", "a.y", "a.y.one"):
        graph.add_module(module)
    graph.add_import(importer="a.x.one", imported="a.y.one")
    assert mutual_folders(graph, "a") == set()
    graph.add_import(importer="a.y.one", imported="a.x.two")
    assert mutual_folders(graph, "a") == {frozenset({"a.x", "a.y"})}


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ([("a.one", "a.two"), ("a.two", "b"), ("b", "a.one")], [{"a.one", "a.two", "b"}]),
        ([("a.one", "a.two"), ("a.two", "a.one"), ("b", "a.one")], [{"a.one", "a.two"}]),
        ([("a", "a.one"), ("a.one", "b"), ("b", "a.two")], [{"a", "a.one", "b"}]),
        ([("a", "a.one"), ("a.one", "a.two"), ("b", "a.two")], []),
    ],
)
def test_a_cycle_is_found_through_modules_and_through_their_packages(
    imports: list[tuple[str, str]], expected: list[set[str]]
) -> None:
    graph = ImportGraph()
    for module in ("a", "a.one", "a.two", "b"):
        graph.add_module(module)
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    assert cycles(with_packages(graph)) == {frozenset(cycle) for cycle in expected}
