"""The protocols that come with kstress, by name: `from stress.protocols import RCU`."""

from collections.abc import Mapping

from stress.kernel.protocol import Protocol
from stress.kernel.protocols.epoch import EPOCH, EPOCH_BROKEN
from stress.kernel.protocols.hazard import HAZARD, HAZARD_BROKEN
from stress.kernel.protocols.none import NONE
from stress.kernel.protocols.percpu_ref import PERCPU_REF, PERCPU_REF_FREED_AT_ONCE
from stress.kernel.protocols.qsbr import QSBR, QSBR_BROKEN
from stress.kernel.protocols.rcu import RCU, RCU_BROKEN
from stress.kernel.protocols.refcount import REFCOUNT, REFCOUNT_BROKEN
from stress.kernel.protocols.seqlock import SEQLOCK, SEQLOCK_BROKEN
from stress.kernel.protocols.spinlock import SPINLOCK, SPINLOCK_DROPPED
from stress.kernel.protocols.srcu import SRCU, SRCU_BROKEN
from stress.kernel.protocols.stop_machine import STOP_MACHINE, UNSTOPPED

WHOLE = (SPINLOCK, STOP_MACHINE, RCU, SRCU, QSBR, EPOCH, HAZARD, SEQLOCK, REFCOUNT, PERCPU_REF)
"""Those that protect their readers."""

BROKEN = (
    NONE,
    SPINLOCK_DROPPED,
    UNSTOPPED,
    *RCU_BROKEN,
    *SRCU_BROKEN,
    *QSBR_BROKEN,
    *EPOCH_BROKEN,
    *HAZARD_BROKEN,
    *SEQLOCK_BROKEN,
    *REFCOUNT_BROKEN,
    PERCPU_REF_FREED_AT_ONCE,
)
"""Those that do not: the usual mistakes, each of which kstress finds."""

PROTOCOLS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in (*WHOLE, *BROKEN)}
"""All of them by name."""

__all__ = [
    "BROKEN",
    "EPOCH",
    "HAZARD",
    "NONE",
    "PERCPU_REF",
    "PROTOCOLS",
    "QSBR",
    "RCU",
    "REFCOUNT",
    "SEQLOCK",
    "SPINLOCK",
    "SRCU",
    "STOP_MACHINE",
    "WHOLE",
]
