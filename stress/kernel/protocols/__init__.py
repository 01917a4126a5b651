"""The protocols that come with kstress, one a file, each with its broken variants; `stress.protocols` has them all."""

from stress.kernel.protocols import epoch, hazard, percpu_ref, qsbr, rcu, refcount, seqlock, srcu

__all__ = ["epoch", "hazard", "percpu_ref", "qsbr", "rcu", "refcount", "seqlock", "srcu"]
