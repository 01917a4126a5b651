"""What a machine's CPUs can do at a memory access, fixed before they are built. A feature that is off costs nothing."""

import attrs


@attrs.frozen
class Features:
    """kasan: look at the shadow at every access. noise: give up the core at random accesses."""

    kasan: bool = True
    noise: bool = False
