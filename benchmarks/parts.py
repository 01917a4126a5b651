"""The four parts of the benchmarks: the exhibits of each, and the rows that compare them with what is wanted."""

from pathlib import Path

import attrs

from benchmarks.exhibits import Exhibit, python_exhibit
from benchmarks.image import build_walk, has_compiler, image_for
from benchmarks.rows import Row
from stress.machine.engines import has_llvmlite, yield_mask

CROWDS = (2, 4, 8)
BOOTS = 20
FIRST_SECONDS = 1.0
SHORT_INTERVAL = "1e-6"
ENGINES = ("native", "python")
PLAIN_DEFAULT = "plain, default interval"
PLAIN: dict[str, tuple[str, ...]] = {
    PLAIN_DEFAULT: (),
    f"plain at {SHORT_INTERVAL} s": ("--switch-interval", SHORT_INTERVAL),
    f"plain at {SHORT_INTERVAL} s, aimed": ("--switch-interval", SHORT_INTERVAL, "--aim", "0.5"),
}


@attrs.frozen
class Part:
    """One part: its title, what is run in turn, what is compared."""

    title: str
    exhibits: list[Exhibit]
    rows: list[Row]


@attrs.frozen
class Bench:
    """Where the peers are built, how long each exhibit runs, and the seed of all."""

    folder: Path
    seconds: float
    seed: int = 1

    def ours(self, name: str, what: str, engine: str, cpus: int, *more: object) -> list[Exhibit]:
        """One of kstress; none if its engine cannot be had."""
        if engine == "native" and not has_llvmlite():
            return []
        given = ("--engine", engine, "--cpus", cpus, "--seconds", self.seconds, "--seed", self.seed)
        return [python_exhibit(name, "ours", self.seconds, what, *given, *more)]

    def peer(self, name: str, module: str, *more: object) -> list[Exhibit]:
        """One of the peers in Python."""
        given = ("--seconds", self.seconds, "--seed", self.seed)
        return [python_exhibit(name, f"peers.{module}", self.seconds, *given, *more)]

    def walk(self, name: str, mode: str, cpus: int, shadow: bool = False) -> list[Exhibit]:
        """One of the peer in C; none without a compiler, or when nothing of ours could be held against it."""
        if not (has_compiler() and has_llvmlite()):
            return []
        program, image = build_walk(self.folder, shadow), image_for(cpus, self.folder)
        mask = yield_mask("native", cpus, 0.0)
        command = map(str, (program, image, mode, cpus, self.seconds, self.seed, mask))
        return [Exhibit(name, tuple(command), 20.0 + 2 * self.seconds, undisturbed=mode != "churn")]


def throughput(bench: Bench) -> Part:
    """(a) Native lookups against the same walk in C, pairs next to each other."""
    exhibits: list[Exhibit] = []
    for cpus in (1, 2):
        exhibits += bench.ours(f"native {cpus}", "readers", "native", cpus, "--no-kasan", "--noise", 0)
        exhibits += bench.walk(f"C {cpus}", "read", cpus)
        exhibits += bench.ours(f"native shadow {cpus}", "readers", "native", cpus, "--noise", 0)
        exhibits += bench.walk(f"C shadow {cpus}", "read", cpus, shadow=True)
    exhibits += bench.ours("native churn", "modlist_spinlock", "native", 2, "--no-kasan", "--noise", 0)
    exhibits += bench.walk("C churn", "churn", 2)
    exhibits += bench.ours("native shadow churn", "modlist_spinlock", "native", 2, "--noise", 0)
    exhibits += bench.walk("C shadow churn", "churn", 2, shadow=True)
    return Part("(a) native lookups a second, against C", exhibits, throughput_rows())


def throughput_rows() -> list[Row]:
    """What is wanted of (a)."""
    rate = "lookups_per_s"
    rows = []
    for cpus in (1, 2):
        floors = (0.9, 0.65) if cpus == 1 else (None, None)
        crowd = f"{cpus} CPU" if cpus == 1 else f"{cpus} CPUs"
        ours, peer = f"native shadow {cpus}", f"C shadow {cpus}"
        rows += [
            Row(f"{crowd}, no shadow check", rate, f"native {cpus}", f"C {cpus}", floors[0], quick=cpus == 1),
            Row(f"{crowd}, shadow check, C with one", rate, ours, peer, floors[1]),
            Row(f"{crowd}, shadow check, C without", rate, ours, f"C {cpus}", floors[1]),
        ]
    return [
        *rows,
        Row("2 CPUs, one unloads, no shadow check", rate, "native churn", "C churn", 0.6),
        Row(
            "2 CPUs, one unloads, shadow check, C with one",
            rate,
            "native shadow churn",
            "C shadow churn",
            0.6,
        ),
        Row("unloads/s meanwhile, no shadow check", "unloads_per_s", "native churn", "C churn"),
    ]


def stops(bench: Bench) -> Part:
    """(b) How long a stop takes, against two barriers and against C."""
    exhibits: list[Exhibit] = []
    for cpus in CROWDS:
        exhibits += bench.ours(f"python stops {cpus}", "stops", "python", cpus)
        exhibits += bench.peer(f"barriers {cpus}", "barriers", "--cpus", cpus)
        exhibits += bench.ours(f"native stops {cpus}", "stops", "native", cpus, "--no-kasan", "--noise", 0)
        exhibits += bench.walk(f"C stops {cpus}", "stop", cpus)
    short = ("--switch-interval", SHORT_INTERVAL)
    exhibits += bench.peer("barriers 4 short", "barriers", "--cpus", 4, *short)
    exhibits += bench.ours("unloads 8", "stop_machine", "native", 8)
    return Part("(b) stop latency in microseconds, less is better", exhibits, stop_rows())


def stop_rows() -> list[Row]:
    """What is wanted of (b)."""
    rows = []
    for share, wanted in (("p50", 3.0), ("p99", 10.0)):
        figure = f"stop_{share}_us"
        for cpus in CROWDS:
            name, floor = f"{cpus} CPUs, {share}", wanted if cpus == 4 else None
            ours, peer = f"python stops {cpus}", f"barriers {cpus}"
            rows.append(Row(f"python, {name}, two barriers", figure, ours, peer, floor, True, quick=cpus == 4))
            rows.append(Row(f"native, {name}, C", figure, f"native stops {cpus}", f"C stops {cpus}", None, True))
        barriers = "barriers 4 short"
        name = f"python, 4 CPUs, {share}, barriers at {SHORT_INTERVAL} s"
        rows.append(Row(name, figure, "python stops 4", barriers, None, True))
    rows.append(Row("native, 8 CPUs, stop_machine: unloads/s", "unloads_per_s", "unloads 8", None, 500.0))
    return rows


def race(bench: Bench) -> Part:
    """(c) Violations a second, and the time to the first, against plain threads."""
    exhibits: list[Exhibit] = []
    for engine in ENGINES:
        exhibits += bench.ours(f"{engine} race", "modlist_spinlock", engine, 4)
    for name, arguments in PLAIN.items():
        exhibits += bench.peer(name, "plain_threads", *arguments)
    first = attrs.evolve(bench, seconds=FIRST_SECONDS)
    for engine in ENGINES:
        exhibits += first.ours(f"{engine} first", "modlist_spinlock", engine, 4, "--first", BOOTS)
    for name, arguments in PLAIN.items():
        exhibits += first.peer(f"{name} first", "plain_threads", "--first", BOOTS, *arguments)
    title = "(c) violations of modlist_spinlock, 4 CPUs, no pace, against plain threads"
    return Part(title, exhibits, race_rows())


def race_rows() -> list[Row]:
    """What is wanted of (c)."""
    wanted = {"native": (300.0, 15.0, 5.0), "python": (15.0, 1.0, 20.0)}
    rows = []
    for engine, (long, short, most_ms) in wanted.items():
        floors = dict(zip(PLAIN, (long, short, short), strict=True))
        for plain, floor in floors.items():
            name, quick = f"{engine}, violations/s, {plain}", engine == "python" and plain == PLAIN_DEFAULT
            rows.append(Row(name, "violations_per_s", f"{engine} race", plain, floor, smallest=1.0, quick=quick))
        ours, figure = f"{engine} first", "first_violation_s"
        rows.append(Row(f"{engine}, first violation, ms", figure, ours, None, most_ms, True, 1000.0))
        for plain in PLAIN:
            rows.append(Row(f"{engine}, first, ms, {plain}", figure, ours, f"{plain} first", None, True, 1000.0))
    return rows


FEATURES = {
    "off, measured again": ("readers", "--noise", 0),
    "noise, seldom": ("readers", "--noise", 1e-9),
    "interrupts, seldom": ("interrupts", "--noise", 0),
    "NMIs, seldom": ("nmis", "--noise", 0),
    "unmapped memory": ("unmapped", "--noise", 0),
}


def features(bench: Bench) -> Part:
    """(d) What the CPUs' features cost that are built in, against the same lookups with all of them off."""
    exhibits = bench.ours("all off", "readers", "native", 1, "--noise", 0)
    for name, (what, *more) in FEATURES.items():
        exhibits += bench.ours(name, str(what), "native", 1, *more)
    rows = [Row(name, "lookups_per_s", name, "all off") for name in FEATURES]
    return Part("(d) native lookups a second, 1 CPU with shadow check, against all features off", exhibits, rows)


def only_quick(part: Part) -> Part:
    """The rows of `part` that a smoke run takes, and the exhibits that they need."""
    rows = [row for row in part.rows if row.quick]
    needed = {name for row in rows for name in (row.ours, row.peer)}
    return attrs.evolve(part, rows=rows, exhibits=[one for one in part.exhibits if one.name in needed])
