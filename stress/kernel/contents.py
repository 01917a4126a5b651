"""Contents of an object that tell whose they are: several words, so that a reader may see half of a change."""

from stress.machine.notes import note
from stress.machine.seam import Cpu, kernel

TAG = 0x1234_5678


@kernel
def write_contents(cpu: Cpu, start: int, words: int, key: int) -> None:
    """Write the contents of the object with this key: `words` words from `start` on, each another one."""
    for index in range(words):
        cpu.store(start + index * 8, key * words + index ^ TAG)


@kernel
def has_contents(cpu: Cpu, start: int, words: int, key: int) -> bool:
    """Whether all words are those of the object with this key; the first that is not is noted as "contents"."""
    for index in range(words):
        word = cpu.load(start + index * 8)
        if word != key * words + index ^ TAG:
            note(cpu, "contents", word)
            return False
    return True
