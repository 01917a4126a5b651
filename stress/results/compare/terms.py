"""On what terms two campaigns are compared."""

import attrs

from stress.errors import UserError

HIGHEST_LEVEL = 0.5
HIGHEST_TOLERANCE = 0.9


@attrs.frozen(kw_only=True)
class Terms:
    """How sure one has to be, and how small a difference is none; both are shares.

    `level` is how likely it may be that anything at all is called different where nothing is: 0.05 is 5 % over all
    figures of all cells together. At a `tolerance` of 0.05 a figure must be more than 5 % off.

    Raises:
        UserError: for a value out of range.
    """

    level: float = 0.05
    tolerance: float = 0.05

    def __attrs_post_init__(self) -> None:
        """Refuse what is out of range, and what is not a number."""
        if not 0 < self.level <= HIGHEST_LEVEL:
            raise UserError(f"--level: {self.level} is not above 0 and at most {HIGHEST_LEVEL}; give a share like 0.05")
        if not 0 <= self.tolerance <= HIGHEST_TOLERANCE:
            raise UserError(
                f"--tolerance: {self.tolerance} is not from 0 to {HIGHEST_TOLERANCE}; give a share like 0.05"
            )
