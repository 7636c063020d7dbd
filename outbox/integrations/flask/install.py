"""Answer to the name `flask_mail`, for code that is not to be touched."""

import sys
from types import ModuleType

_HERE = "outbox.integrations.flask"
_NAMES = ("flask_mail", "flask.ext.mail")


def install_as_flask_mail() -> None:
    """Make `from flask_mail import …`, and the older `from flask.ext.mail import …`, give what is here.

    Call it before anything imports Flask-Mail, which need not be installed. Raises RuntimeError where it was
    imported already: whoever did so would go on with it. Again changes nothing.
    """
    ours = sys.modules[_HERE]
    real = sys.modules.get("flask_mail", ours)
    if real is not ours:
        raise RuntimeError(
            f"flask_mail: is already imported, from {getattr(real, '__file__', None)!r}. "
            "Call install_as_flask_mail() before the first import of it, at the top of your application."
        )
    # Flask has had no package of that name since 1.0.
    sys.modules.setdefault("flask.ext", ModuleType("flask.ext"))
    for name in _NAMES:
        sys.modules[name] = ours
