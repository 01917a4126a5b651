"""What a mutant is: one small change of one file, that something must notice; and what is asked whether it does."""

import attrs

from mutants.change import Change, Quote, StaleMutantError, come_late, decided, left_out, replaced_by

PYTEST = ("-m", "pytest", "-x", "-v", "-p", "no:cacheprovider", "--timeout=60")
KSTRESS = ("-c", "from stress.cli import main; main()", "run")


@attrs.frozen
class Trial:
    """A command of the interpreter that succeeds on the unchanged tree; `caught` are the exit codes of a catch."""

    arguments: tuple[str, ...]
    caught: tuple[int, ...]

    @property
    def text(self) -> str:
        """The command as people write it."""
        for prefix, name in ((PYTEST, "pytest"), (KSTRESS, "kstress run")):
            if self.arguments[: len(prefix)] == prefix:
                return " ".join((name, *self.arguments[len(prefix) :]))
        return " ".join(self.arguments)


def suite(*names: str, without: str = "") -> Trial:
    """The tests of these files, folders or ids, up to the first that fails; none whose name says `without`."""
    selected = ("-k", f"not {without}") if without else ()
    return Trial((*PYTEST, *(f"tests/{name}" for name in names), *selected), caught=(1, 4))


def verdict(scenario: str, engine: str, duration: str = "2s") -> Trial:
    """A run whose verdict is the expected one; caught by any other, or by the harness's own checks."""
    return Trial((*KSTRESS, scenario, "--engine", engine, "--duration", duration, "--seed", "1"), caught=(1, 3, 4))


@attrs.frozen
class Mutant:
    """A change of what has the words `quoted`, within the function whose head is `where` (anywhere if that is empty).

    `breaks` says in a line what no longer holds. `trials` are asked one after the other; those of its group if empty.
    """

    name: str
    breaks: str
    file: str
    where: str
    quoted: str
    change: Change
    trials: tuple[Trial, ...] = ()

    def applied(self, text: str) -> str:
        """The file's text with the change. StaleMutantError unless the head and what is quoted occur exactly once."""
        try:
            return self.change(Quote(text, *self._span(text), self.quoted, self.where or self.file))
        except StaleMutantError as error:
            raise StaleMutantError(f"{self.name}: {error}") from None

    def _span(self, text: str) -> tuple[int, int]:
        """From where to where the function reaches."""
        if not self.where:
            return 0, len(text)
        if (count := text.count(self.where)) != 1:
            raise StaleMutantError(f"{self.where!r} occurs {count} times in {self.file}")
        start = text.index(self.where)
        return start, start + body_length(text[start:], start - text.rfind("\n", 0, start) - 1)


def body_length(text: str, indent: int) -> int:
    """How long the function at the start of `text` is: up to a line that is indented by no more than `indent`."""
    lines = text.splitlines(keepends=True)
    length = len(lines[0])
    for line in lines[1:]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent and not line.lstrip().startswith(")"):
            break
        length += len(line)
    return length


@attrs.frozen
class Group:
    """Mutants of one part of the harness, and what is asked of each that says nothing else."""

    title: str
    trials: tuple[Trial, ...]
    mutants: tuple[Mutant, ...]

    def trials_of(self, mutant: Mutant) -> tuple[Trial, ...]:
        """What is asked whether `mutant` is noticed, the cheapest first."""
        return mutant.trials or self.trials


@attrs.frozen
class Part:
    """A file, or a function in it, to make mutants of without repeating where that is."""

    file: str
    where: str = ""

    def mutant(self, name: str, breaks: str, old: str, new: str, *trials: Trial) -> Mutant:
        """A mutant of this part that has another text."""
        return Mutant(name, breaks, self.file, self.where, old, replaced_by(new), trials)

    def without(self, name: str, breaks: str, quoted: str, *trials: Trial) -> Mutant:
        """One that lacks the statement with these words."""
        return Mutant(name, breaks, self.file, self.where, quoted, left_out, trials)

    def never(self, name: str, breaks: str, quoted: str, *trials: Trial) -> Mutant:
        """One in which the condition with these words never holds."""
        return Mutant(name, breaks, self.file, self.where, quoted, decided(False), trials)

    def always(self, name: str, breaks: str, quoted: str, *trials: Trial) -> Mutant:
        """One in which the condition with these words always holds."""
        return Mutant(name, breaks, self.file, self.where, quoted, decided(True), trials)

    def late(self, name: str, breaks: str, quoted: str, *trials: Trial) -> Mutant:
        """One in which the statement with these words comes behind the next one."""
        return Mutant(name, breaks, self.file, self.where, quoted, come_late, trials)

    def of(self, where: str) -> "Part":
        """The function of this file whose head is `where`."""
        return attrs.evolve(self, where=where)
