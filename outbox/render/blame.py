"""Say where in a template an exception came from, and what to do about it."""

import linecache
import re
from types import TracebackType

import jinja2

from outbox.errors import TemplateError

_UNDEFINED = re.compile(r"'(\w+)' is undefined")
_ATTRIBUTE = re.compile(r"has no attribute '(\w+)'")


def blamed(error: Exception, file: str, searched: str) -> TemplateError:
    """Return the TemplateError for `error`: file, line, what happened, remedy.

    `file` is the template that was asked for, `searched` the directories as text.
    """
    if isinstance(error, jinja2.TemplateSyntaxError):
        where = f"{error.filename or error.name or file}:{error.lineno}"
        return TemplateError(f"{where}: {_sentence(error.message)} Correct the template.")
    where = _innermost(error.__traceback__) or file
    if isinstance(error, TemplateError):
        return TemplateError(f"{where}: {error}")
    if isinstance(error, jinja2.TemplateNotFound):
        missing = ", ".join(map(repr, error.templates)) or repr(error.name)
        return TemplateError(
            f"{where}: {missing} not found in {searched}. Correct the name, or create the file."
        )
    if isinstance(error, jinja2.UndefinedError):
        name = _missing(str(error.message), where)
        remedy = f"Add it to the context, or write a default: {{{{ {name} | default('') }}}}."
        return TemplateError(f"{where}: {_sentence(error.message)} {remedy}")
    if isinstance(error, UnicodeDecodeError):
        return TemplateError(f"{where}: is not UTF-8 ({error}). Save the file as UTF-8.")
    return TemplateError(
        f"{where}: {type(error).__name__}: {_sentence(error)} Correct the template or the value that it used."
    )


def _missing(problem: str, where: str) -> str:
    """Return what is missing as the template calls it: `order` or `order.total`."""
    if variable := _UNDEFINED.match(problem):
        return variable[1]
    attribute = _ATTRIBUTE.search(problem)
    if attribute is None:
        return "NAME"
    file, _, number = where.rpartition(":")
    linecache.checkcache(file)
    line = linecache.getline(file, int(number)) if number.isdigit() else ""
    called = re.search(rf"\w[\w.]*\.{attribute[1]}\b", line)
    return called[0] if called else f"NAME.{attribute[1]}"


def _sentence(problem: object) -> str:
    text = str(problem).strip() or "no message"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _innermost(traceback: TracebackType | None) -> str | None:
    """Return FILE:LINE of the last template in a traceback that Jinja has rewritten to template lines."""
    found = None
    while traceback is not None:
        # Jinja marks the frames that it rewrites with this global; a test watches over it.
        if "__jinja_exception__" in traceback.tb_frame.f_globals:
            found = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
