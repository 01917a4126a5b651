"""struct module as it lies in memory, inside its own core (include/linux/module.h, 2.6.11), and the module list.

An image is the argument of insmod: one word with the size in bytes, then the same block with its pointers relative to
its start. The text itself is not in RAM: its addresses are those of the corpus.
"""

from stress.machine.words import lock, static

# Offsets of fields in bytes. A listed module's fields are stored under module_mutex; kallsyms reads them with no lock.
LIST = 0
STATE = 16
NAME = 24
MODULE_INIT = 80
INIT_SIZE = 88
INIT_TEXT_SIZE = 96
MODULE_CORE = 104
CORE_SIZE = 112
CORE_TEXT_SIZE = 120
SYMTAB = 128
NUM_SYMTAB = 136
STRTAB = 144
REFCOUNT = 152
MODULE_BYTES = 160

MODULE_NAME_LEN = 56

IMAGE_BYTES = 0
IMAGE_MODULE = 8

MODULE_STATE_LIVE = 0
MODULE_STATE_COMING = 1
MODULE_STATE_GOING = 2

# The list's head (next, prev) changes under modlist_lock before the patch, and under a stop since.
MODULES = static("modules", 2)
MODULE_MUTEX = lock("module_mutex")
MODLIST_LOCK = lock("modlist_lock")
