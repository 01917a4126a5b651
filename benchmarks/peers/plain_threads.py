"""The race of `modlist_spinlock` as one would test it without a harness: plain objects, plain `threading`.

A list of modules with tables of symbols, changed by one writer under a lock that the readers do not take. What
is freed is poisoned and reused at once, last in first out, so that a stale reference shows. Readers look up
addresses whose names are known and copy the name byte by byte. Nobody sleeps. The corpus is the bundled one.

    python -m benchmarks.peers.plain_threads --switch-interval 1e-6 --seconds 2
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median

import attrs

from stress import corpus
from stress.judge.oracle import targets_of
from stress.judge.tables import Target

POISON_ADDRESS = 0x6B6B_6B6B_6B6B_6B6B
POISON_BYTE = b"k"
POISON_END = 0xA5
POLL_SECONDS = 0.01

Copy = Callable[["Symbol"], bytes]


class Symbol:
    """One entry of a symbol table; its name is overwritten in place when the module is freed."""

    __slots__ = ("name", "value")

    def __init__(self, value: int, name: bytes) -> None:
        """A symbol at `value`."""
        self.value = value
        self.name = bytearray(name)

    def poison(self) -> None:
        """Overwrite the entry as freed memory is overwritten."""
        self.value = POISON_ADDRESS
        size = len(self.name)
        if size:
            self.name[:] = POISON_BYTE * (size - 1) + b"\xa5"


class Module:
    """A module's memory: links, range, symbols. Also the head of the list, whose range is empty."""

    __slots__ = ("base", "live", "name", "next", "prev", "size", "symbols")

    def __init__(self) -> None:
        """Memory that was never used, linked to itself."""
        self.next: Module = self
        self.prev: Module = self
        self.live = True
        self.name = b""
        self.base = self.size = 0
        self.symbols: list[Symbol] = []

    def fill(self, image: corpus.Module) -> None:
        """Load a module into this memory, over what lies there."""
        for symbol, source in zip(self.symbols, image.symbols, strict=False):
            symbol.name[:] = source.name.encode()
            symbol.value = source.value
        have = len(self.symbols)
        del self.symbols[len(image.symbols) :]
        self.symbols += [Symbol(source.value, source.name.encode()) for source in image.symbols[have:]]
        self.name, self.base, self.size = image.name.encode(), image.core.base, image.core.size
        self.live = True

    def poison(self) -> None:
        """Free this memory: mark it, then overwrite it."""
        self.live = False
        self.base = self.size = POISON_ADDRESS
        for symbol in self.symbols:
            symbol.poison()


class ModuleList:
    """The list, its writers' lock, and the freed memory that the next load takes."""

    def __init__(self, images: Sequence[corpus.Module]) -> None:
        """A list with every module loaded."""
        self.head = Module()
        self.lock = threading.Lock()
        self.images = images
        self.listed = [0] * len(images)
        self.freed: list[Module] = []
        self.next_to_go = 0
        for slot in range(len(images)):
            self.load(slot)

    def load(self, slot: int) -> None:
        """Load a module and link it."""
        module = self.freed.pop() if self.freed else Module()
        module.fill(self.images[slot])
        with self.lock:
            module.next, module.prev = self.head.next, self.head
            self.head.next.prev = module
            self.head.next = module
        self.listed[slot] += 1

    def find(self, name: bytes) -> Module:
        """The listed module of this name, as the writer finds it."""
        module = self.head.next
        while module.name != name:
            module = module.next
        return module

    def unload(self, slot: int) -> None:
        """Unlink a module, break its links, free it."""
        self.listed[slot] += 1
        module = self.find(self.images[slot].name.encode())
        with self.lock:
            module.prev.next, module.next.prev = module.next, module.prev
            del module.next, module.prev
        module.poison()
        self.freed.append(module)


def best_symbol(module: Module, address: int) -> Symbol | None:
    """The named symbol with the greatest value at or below `address`, the first of equals."""
    best, best_value = None, 0
    for symbol in module.symbols:
        if best_value < symbol.value <= address and symbol.name:
            best, best_value = symbol, symbol.value
    return best


def lookup(modules: ModuleList, address: int, copy: Copy) -> tuple[bytes | None, bool]:
    """The name of the symbol at `address`, None for none, and whether its module was live to the end. No lock."""
    module = modules.head.next
    while module is not modules.head:
        if module.base <= address < module.base + module.size:
            symbol = best_symbol(module, address)
            name = None if symbol is None else copy(symbol)
            return name, module.live
        module = module.next
    return None, True


def copy_whole(symbol: Symbol) -> bytes:
    """Copy a name in one step."""
    return bytes(symbol.name)


def copy_bytes(symbol: Symbol) -> bytes:
    """Copy a name byte by byte."""
    copied = bytearray()
    at = 0
    while at < len(symbol.name):
        copied.append(symbol.name[at])
        at += 1
    return bytes(copied)


def copy_pieces(symbol: Symbol) -> bytes:
    """Copy a name four bytes at a time."""
    copied = b""
    at = 0
    while at < len(symbol.name):
        copied += symbol.name[at : at + 4]
        at += 4
    return copied


COPIES: dict[str, Copy] = {"whole": copy_whole, "bytes": copy_bytes, "pieces": copy_pieces}


@attrs.frozen
class Workload:
    """How many threads read, how they copy a name, what share of lookups aims at the module that goes next."""

    readers: int
    copy: str
    aim: float


class Reader:
    """One reading thread: what it was told to look up, and how its lookups ended."""

    def __init__(self, modules: ModuleList, targets: Sequence[Target], workload: Workload, seed: int) -> None:
        """A reader of `targets`."""
        self.modules, self.copy = modules, COPIES[workload.copy]
        self.targets = [(target.address, target.name, target.slot) for target in targets]
        self.aimed = [[one for one in self.targets if one[2] == slot] for slot in range(len(modules.images))]
        self.aims = workload.aim
        self.random = random.Random(seed)
        self.names = {target.name for target in targets}
        self.outcomes: Counter[str] = Counter()
        self.first: float | None = None

    def judge(self, name: bytes | None, live: bool, wanted: bytes, listed: bool) -> str:
        """How a lookup ended."""
        if name is None:
            return "missed" if listed else "absent"
        if name == wanted:
            return "found" if live else "freed"
        if POISON_END in name or POISON_BYTE * 3 in name:
            return "poisoned"
        return "alien" if name in self.names else "torn"

    def draw(self) -> tuple[int, bytes, int]:
        """A target at random, of all or of the module that goes next."""
        aimed = self.aimed[self.modules.next_to_go]
        targets = aimed if aimed and self.random.random() < self.aims else self.targets
        return targets[int(self.random.random() * len(targets))]

    def read(self) -> str:
        """One lookup; its outcome."""
        address, wanted, slot = self.draw()
        before = self.modules.listed[slot]
        try:
            name, live = lookup(self.modules, address, self.copy)
        except (AttributeError, IndexError):
            return "wild"
        return self.judge(name, live, wanted, before % 2 == 1 and self.modules.listed[slot] == before)

    def run(self, running: Callable[[], bool]) -> None:
        """Read for as long as the race runs."""
        while running():
            outcome = self.read()
            self.outcomes[outcome] += 1
            if self.first is None and outcome not in ("found", "absent"):
                self.first = time.perf_counter()


class Writer:
    """The writing thread: unloads a module at random and loads the one unloaded before."""

    def __init__(self, modules: ModuleList, seed: int) -> None:
        """A writer of `modules`."""
        self.modules = modules
        self.random = random.Random(seed)
        self.unloads = 0

    def draw(self) -> int:
        """A slot at random."""
        return int(self.random.random() * len(self.modules.images))

    def run(self, running: Callable[[], bool]) -> None:
        """Change the list for as long as the race runs."""
        away = -1
        while running():
            slot = self.modules.next_to_go
            if slot == away:
                self.modules.next_to_go = self.draw()
                continue
            self.modules.unload(slot)
            self.unloads += 1
            self.modules.next_to_go = self.draw()
            if away >= 0:
                self.modules.load(away)
            away = slot


def start_all(bodies: Sequence[Reader | Writer]) -> tuple[float, Callable[[], None]]:
    """Start a thread for each body, all at once; when they started and a function that ends them."""
    going = [True]
    gate = threading.Barrier(len(bodies) + 1)

    def body_of(body: Reader | Writer) -> None:
        gate.wait()
        body.run(lambda: going[0])

    threads = [threading.Thread(target=body_of, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    gate.wait()

    def end() -> None:
        going[0] = False
        for thread in threads:
            thread.join()

    return time.perf_counter(), end


class Race:
    """One race: freshly loaded modules, a writer, readers."""

    def __init__(self, workload: Workload, seed: int) -> None:
        """Load every module of the bundled corpus."""
        bundled = corpus.bundled()
        targets = targets_of(bundled)
        self.modules = ModuleList(bundled.modules)
        count = workload.readers
        self.readers = [Reader(self.modules, targets, workload, seed + number) for number in range(count)]
        self.writer = Writer(self.modules, seed + count)
        self.seconds = self.started = 0.0

    def run(self, seconds: float, to_first: bool) -> None:
        """Run for `seconds`, or to the first violation."""
        self.started, end = start_all([self.writer, *self.readers])
        deadline = self.started + seconds
        while (left := deadline - time.perf_counter()) > 0 and not (to_first and self.first() is not None):
            time.sleep(min(left, POLL_SECONDS) if to_first else left)
        self.seconds = time.perf_counter() - self.started
        end()

    def first(self) -> float | None:
        """The time to the first violation so far, from the start."""
        return min((reader.first - self.started for reader in self.readers if reader.first is not None), default=None)

    def summary(self) -> dict[str, object]:
        """What was counted, a second."""
        outcomes = sum((reader.outcomes for reader in self.readers), Counter())
        violations = outcomes.total() - outcomes["found"] - outcomes["absent"]
        return {
            "lookups_per_s": outcomes.total() / self.seconds,
            "unloads_per_s": self.writer.unloads / self.seconds,
            "violations_per_s": violations / self.seconds,
            "outcomes": dict(outcomes),
        }


def first_violations(arguments: argparse.Namespace) -> dict[str, object]:
    """The time to the first violation, over as many races; the whole time where none came."""
    workload = Workload(arguments.readers, arguments.copy, arguments.aim)
    times: list[float] = []
    for number in range(arguments.first):
        race = Race(workload, arguments.seed + 100 * number)
        race.run(arguments.seconds, to_first=True)
        first = race.first()
        times.append(arguments.seconds if first is None else first)
    return {"first_violation_s": median(times), "times_s": times}


def one_race(arguments: argparse.Namespace) -> dict[str, object]:
    """Run the race once."""
    workload = Workload(arguments.readers, arguments.copy, arguments.aim)
    race = Race(workload, arguments.seed)
    race.run(arguments.seconds, to_first=False)
    return race.summary()


def main() -> None:
    """Run the race and print what was counted as JSON."""
    parser = argparse.ArgumentParser(description="the module list's race in plain threads")
    parser.add_argument("--switch-interval", type=float, default=sys.getswitchinterval())
    parser.add_argument("--readers", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--first", type=int, metavar="RACES", help="measure the time to the first violation")
    parser.add_argument("--copy", choices=sorted(COPIES), default="bytes")
    parser.add_argument("--aim", type=float, default=0.0, help="share of lookups of the module that goes next")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sys.setswitchinterval(arguments.switch_interval)
    print(json.dumps(first_violations(arguments) if arguments.first else one_race(arguments)))


if __name__ == "__main__":
    main()
