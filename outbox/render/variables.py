"""Tell which variables a template cannot do without, before anybody runs into the branch that reads them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from jinja2 import Environment, TemplateNotFound, meta, nodes
from jinja2.visitor import NodeTransformer

_GUARDS = {"default", "d", "defined", "undefined"}
"""The filters and tests that a missing variable passes unharmed."""


@dataclass(frozen=True, slots=True)
class Read:
    """A variable, and the FILE:LINE that reads it first."""

    name: str
    where: str


def needed(environment: Environment, template: str) -> list[Read]:
    """Return the variables that `template` and all that it extends or includes read without a default.

    A variable that its file asks about somewhere, by `is defined` or `default`, is none of them: there the
    author thought of its absence. Names of files that only a variable knows are passed over. Raises what
    Jinja raises for a file that is missing or broken.
    """
    found: dict[str, Read] = {}
    for read in _Walk(environment).reads(template):
        found.setdefault(read.name, read)
    return list(found.values())


class _Walk:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._seen: set[str] = set()
        # What is set, imported or overridden on the way is there for every file further up.
        self._set: set[str] = set()
        self._overridden: set[str] = set()

    def reads(self, template: str) -> Iterator[Read]:
        if template in self._seen:
            return
        self._seen.add(template)
        parsed, file = self._parse(template)
        parsed = _Without(self._overridden).visit(parsed)
        guarded = set(_guarded(parsed))
        self._set |= set(_set(parsed))
        free = meta.find_undeclared_variables(parsed) - guarded - self._set
        lines: dict[str, int] = {}
        for name in parsed.find_all(nodes.Name):
            lines.setdefault(name.name, name.lineno)
        yield from (Read(name, f"{file}:{line}") for name, line in lines.items() if name in free)
        self._overridden |= set(_overriding(parsed))
        for other in _others(parsed):
            # One that is missing may be meant to be, and if not, rendering says so.
            with suppress(TemplateNotFound):
                yield from self.reads(self._environment.join_path(other, template))

    def _parse(self, template: str) -> tuple[nodes.Template, str]:
        if self._environment.loader is None:
            raise TemplateNotFound(template)
        source, file, _ = self._environment.loader.get_source(self._environment, template)
        return self._environment.parse(source, template, file), file or template


class _Without(NodeTransformer):
    """Takes out the blocks that a template further down has written anew."""

    def __init__(self, blocks: set[str]) -> None:
        self._blocks = blocks

    def visit_Block(self, node: nodes.Block) -> nodes.Node | None:  # noqa: N802 - Jinja's name
        return None if node.name in self._blocks else self.generic_visit(node)


def _guarded(parsed: nodes.Template) -> Iterator[str]:
    for node in parsed.find_all((nodes.Filter, nodes.Test)):
        if node.name in _GUARDS and isinstance(node.node, nodes.Name):
            yield node.node.name


def _set(parsed: nodes.Template) -> Iterator[str]:
    """Yield the names that the template itself gives to all of its blocks."""
    for node in parsed.body:
        match node:
            case nodes.Import():
                yield node.target
            case nodes.FromImport():
                yield from (name if isinstance(name, str) else name[1] for name in node.names)
            case nodes.Macro():
                yield node.name
            case nodes.Assign() | nodes.AssignBlock():
                yield from (name.name for name in node.find_all(nodes.Name) if name.ctx == "store")


def _overriding(parsed: nodes.Template) -> Iterator[str]:
    for block in parsed.find_all(nodes.Block):
        if not any(name.name == "super" for name in block.find_all(nodes.Name)):
            yield block.name


def _others(parsed: nodes.Template) -> Iterator[str]:
    """Yield the names of the files that see the variables too."""
    named: list[nodes.Expr] = [node.template for node in parsed.find_all(nodes.Extends)]
    for node in parsed.find_all((nodes.Include, nodes.Import, nodes.FromImport)):
        if isinstance(node, nodes.Include | nodes.Import | nodes.FromImport) and node.with_context:
            named += node.template.items if isinstance(node.template, nodes.List) else [node.template]
    yield from (each.value for each in named if isinstance(each, nodes.Const))
