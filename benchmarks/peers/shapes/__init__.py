"""Shapes of faults that people report, written in own words, each with its mended twin; no harness in any of them."""

from benchmarks.peers.shapes import caches, lazy, locks, pools, state, structures
from benchmarks.peers.shapes.shape import Shape

SHAPES: dict[str, Shape] = {
    shape.name: shape for module in (caches, lazy, pools, state, structures, locks) for shape in module.SHAPES
}
