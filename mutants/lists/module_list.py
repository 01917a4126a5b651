"""The list functions: each store, and which one publishes."""

from mutants.mutant import Group, Part, suite

LIST = Part("stress/kernel/list.py")
ADD = LIST.of("def list_add(")
DEL = LIST.of("def list_del(")
RCU = LIST.of("def list_del_rcu(")

BACK = "cpu.store(following + PREV, previous)"
OVER = "cpu.store(previous + NEXT, following)"
PUBLISH = "cpu.store(head + NEXT, new)"
POISON1 = "cpu.store(entry + NEXT, LIST_POISON1)"
POISON2 = "cpu.store(entry + PREV, LIST_POISON2)"

GROUP = Group(
    "The list functions: each store",
    (suite("kernel/test_list.py"),),
    (
        ADD.mutant(
            "add-following", "list_add: the next entry does not point back", "cpu.store(following + PREV, new)", "pass"
        ),
        ADD.mutant("add-next", "list_add: the new entry leads nowhere", "cpu.store(new + NEXT, following)", "pass"),
        ADD.mutant("add-prev", "list_add: the new entry does not point back", "cpu.store(new + PREV, head)", "pass"),
        ADD.mutant("add-publish", "list_add: the new entry is not linked", PUBLISH, "pass"),
        ADD.mutant(
            "add-publish-first",
            "list_add: linked before it leads anywhere",
            "    cpu.store(following",
            f"    {PUBLISH}\n    cpu.store(following",
        ),
        DEL.mutant("del-back", "list_del: the next entry still points back to it", BACK, "pass"),
        DEL.mutant("del-over", "list_del: the entry stays linked", OVER, "pass"),
        DEL.mutant("del-poison-next", "list_del: the entry still leads on", POISON1, "pass"),
        DEL.mutant("del-poison-prev", "list_del: the entry still leads back", POISON2, "pass"),
        DEL.mutant(
            "del-poison-first", "list_del: poisoned while it is linked", f"    {BACK}", f"    {POISON1}\n    {BACK}"
        ),
        RCU.mutant("rcu-back", "list_del_rcu: the next entry still points back to it", BACK, "pass"),
        RCU.mutant("rcu-over", "list_del_rcu: the entry stays linked", OVER, "pass"),
        RCU.mutant("rcu-poison-prev", "list_del_rcu: the entry still leads back", POISON2, "pass"),
        RCU.mutant(
            "rcu-poison-next",
            "list_del_rcu: whoever stands on the entry steps into poison",
            POISON2,
            f"{POISON1}\n    {POISON2}",
        ),
    ),
)
