"""Makes a page of HTML that opens anywhere, offline: nothing is loaded, nothing is run, all text is escaped."""

import base64
import hashlib
import time
from pathlib import Path
from typing import Any

from stress.campaign.identity import made_by
from stress.errors import UserError
from stress.extras import needs
from stress.results.pages.palette import DARK
from stress.results.pages.scales import bound_share_text, share_text
from stress.results.pages.text import clean


def check_extra(what: str) -> None:
    """Raise UserError where what a page is made with is not installed; `what` needs it."""
    try:
        import jinja2
        import matplotlib  # noqa: F401
    except ImportError:
        raise UserError(needs(what, "report")) from None
    del jinja2


def render(template: str, **contents: Any) -> str:
    """The page that a template makes of its contents, in ASCII, so that no encoding can spoil it; needs the extra."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else clean(str(value)),
    )
    environment.filters.update(rate=share_text, bound=bound_share_text)
    css = environment.get_template("page.css.j2").render(dark=DARK)
    text = environment.get_template(template).render(
        css=Markup(css), policy=_policy(css), markup=Markup, generator=made_by(), made_at=_now(), **contents
    )
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _file(name: str) -> str:
    """A template that comes with this package."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _now() -> str:
    """The time for the head of a page."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def _policy(css: str) -> str:
    """What a browser may do with the page: apply this one style sheet."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
