"""Tell which variables a template cannot do without, before anybody runs into the branch that reads them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, meta, nodes
from jinja2.visitor import NodeTransformer

from outbox.render.blocks import OVERRIDDEN

_GUARDS = {"default", "d", "defined", "undefined"}
"""The filters and tests that a missing variable passes unharmed."""


@dataclass(frozen=True, slots=True)
class Read:
    """A variable, and the FILE:LINE that reads it first."""

    name: str
    where: str


def needed(environment: Environment, template: str) -> list[Read]:
    """Return the variables that `template` and all that it extends or includes read without a default.

    A variable that its file, or one that includes it, asks about somewhere, by `is defined` or `default`, is
    none of them: there the author thought of its absence. Names of files that only a variable knows are
    passed over. Raises what Jinja raises for a file that is missing or broken.
    """
    found: dict[str, Read] = {}
    for read in _Walk(environment).reads(template):
        found.setdefault(read.name, read)
    return list(found.values())


class _Walk:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._seen: set[str] = set()

    def reads(self, template: str, known: frozenset[str] = frozenset()) -> Iterator[Read]:
        """Yield what a file, and what it extends and includes, reads beside the names that are `known`."""
        chain = list(self._chain(template, set()))
        # What a layout sets is there in the blocks of those that extend it, and the other way round.
        given = known.union(*(_given(parsed) for _, _, parsed in chain))
        for name, file, parsed in chain:
            guarded = set(_guarded(parsed))
            free = _undeclared(parsed, file) - (given - _read_to_be_set(parsed)) - known - guarded
            lines: dict[str, int] = {}
            for read in parsed.find_all(nodes.Name):
                if read.ctx == "load":
                    lines.setdefault(read.name, read.lineno)
            yield from (Read(each, f"{file}:{line}") for each, line in lines.items() if each in free)
            # Which loop is around which include is not looked at: rather miss one than blame a sound file.
            handed = given | guarded | set(_bound(parsed))
            for other in _others(parsed):
                # One that is missing may be meant to be, and if not, rendering says so.
                with suppress(TemplateNotFound):
                    yield from self.reads(self._environment.join_path(other, name), handed)

    def _chain(self, template: str, overridden: set[str]) -> Iterator[tuple[str, str, nodes.Template]]:
        """Yield a file and all that it extends: name, path, and what is parsed of it."""
        if template in self._seen:
            return
        self._seen.add(template)
        file, parsed = self._parse(template)
        layouts = []
        for extends in parsed.find_all(nodes.Extends):
            layout, is_replaced = _extended(extends.template, overridden)
            layouts.append(layout)
            if is_replaced:
                overridden = overridden.union(each.name for each in parsed.find_all(nodes.Block))
        parsed = _Without(overridden).visit(parsed)
        yield template, file, parsed
        overridden = overridden | set(_overriding(parsed))
        for layout in layouts:
            for other in _names(layout):
                with suppress(TemplateNotFound):  # as above
                    yield from self._chain(self._environment.join_path(other, template), overridden)

    def _parse(self, template: str) -> tuple[str, nodes.Template]:
        if self._environment.loader is None:
            raise TemplateNotFound(template)
        source, file, _ = self._environment.loader.get_source(self._environment, template)
        return file or template, self._environment.parse(source, template, file)


def _undeclared(parsed: nodes.Template, file: str) -> set[str]:
    try:
        return meta.find_undeclared_variables(parsed)
    except TemplateSyntaxError as error:  # of a filter that is not there; Jinja has forgotten the file
        error.filename = file
        raise


class _Without(NodeTransformer):
    """Empties the blocks that a template further down has written anew."""

    def __init__(self, blocks: set[str]) -> None:
        self._blocks = blocks

    def visit_Block(self, node: nodes.Block) -> nodes.Node:  # noqa: N802 - Jinja's name
        if node.name in self._blocks:
            node.body = []
        return self.generic_visit(node)


def _extended(layout: nodes.Expr, overridden: set[str]) -> tuple[nodes.Expr, bool]:
    """Return what a file extends, and whether a template further down has replaced the file's whole part."""
    match layout:
        case nodes.CondExpr(
            test=nodes.Test(name=name, node=nodes.Const(value=block)), expr2=nodes.Expr() as own
        ):
            if name == OVERRIDDEN:
                return (layout.expr1, True) if block in overridden else (own, False)
    return layout, False


def _guarded(parsed: nodes.Template) -> Iterator[str]:
    for node in parsed.find_all((nodes.Filter, nodes.Test)):
        if node.name in _GUARDS and isinstance(node.node, nodes.Name):
            yield node.node.name


def _given(parsed: nodes.Template) -> Iterator[str]:
    """Yield the names that a template itself gives to its blocks, and to those that write them anew."""
    yield from _surely_set(parsed.body)
    # Jinja's own look takes what each way of a condition sets for what only one of them does.
    for condition in parsed.find_all(nodes.If):
        yield from _surely_set([condition])
    if any(block.scoped for block in parsed.find_all(nodes.Block)):
        yield from _bound(parsed)


def _read_to_be_set(parsed: nodes.Template) -> set[str]:
    """Return the names that a template sets to something made of themselves, before anything has set them."""
    names: set[str] = set()
    before: set[str] = set()
    for node in parsed.body:
        if isinstance(node, nodes.Assign):
            names |= {name.name for name in node.node.find_all(nodes.Name)} & set(_stored(node)) - before
        before |= _surely_set([node])
    return names


def _surely_set(body: list[nodes.Node]) -> set[str]:
    """Return the names that a body gives to all that follows it, whichever way its conditions go."""
    names: set[str] = set()
    for node in body:
        match node:
            case nodes.Import():
                names.add(node.target)
            case nodes.FromImport():
                names |= {name if isinstance(name, str) else name[1] for name in node.names}
            case nodes.Macro():
                names.add(node.name)
            case nodes.Assign() | nodes.AssignBlock():
                names |= set(_stored(node))
            case nodes.If():
                ways = [node.body, *(each.body for each in node.elif_), node.else_]
                names |= set.intersection(*map(_surely_set, ways))
    return names


def _bound(parsed: nodes.Template) -> Iterator[str]:
    """Yield the names that a template binds anywhere: by loops, `set`, `with` and imports, as macros."""
    yield from _stored(parsed)
    for node in parsed.find_all((nodes.Import, nodes.FromImport, nodes.Macro)):
        yield from _surely_set([node])


def _stored(node: nodes.Node) -> Iterator[str]:
    yield from (name.name for name in node.find_all(nodes.Name) if name.ctx != "load")


def _overriding(parsed: nodes.Template) -> Iterator[str]:
    for block in parsed.find_all(nodes.Block):
        if not any(name.name == "super" for name in block.find_all(nodes.Name)):
            yield block.name


def _others(parsed: nodes.Template) -> Iterator[str]:
    """Yield the names of the files that see the variables too, besides those that are extended."""
    for node in parsed.find_all((nodes.Include, nodes.Import, nodes.FromImport)):
        if isinstance(node, nodes.Include | nodes.Import | nodes.FromImport) and node.with_context:
            yield from _names(node.template)


def _names(expression: nodes.Expr | None) -> Iterator[str]:
    """Yield the names of files that an expression may have, as far as they are written in it."""
    match expression:
        case nodes.Const(value=str(name)):
            yield name
        case nodes.List(items=items) | nodes.Tuple(items=items):
            for item in items:
                yield from _names(item)
        case nodes.CondExpr(expr1=one, expr2=other):
            yield from _names(one)
            yield from _names(other)
