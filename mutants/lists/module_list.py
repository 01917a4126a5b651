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
        ADD.without(
            "add-following", "list_add: the next entry does not point back", "cpu.store(following + PREV, new)"
        ),
        ADD.without("add-next", "list_add: the new entry leads nowhere", "cpu.store(new + NEXT, following)"),
        ADD.without("add-prev", "list_add: the new entry does not point back", "cpu.store(new + PREV, head)"),
        ADD.without("add-publish", "list_add: the new entry is not linked", PUBLISH),
        ADD.mutant(
            "add-publish-first",
            "list_add: linked before it leads anywhere",
            "    cpu.store(following",
            f"    {PUBLISH}\n    cpu.store(following",
        ),
        DEL.without("del-back", "list_del: the next entry still points back to it", BACK),
        DEL.without("del-over", "list_del: the entry stays linked", OVER),
        DEL.without("del-poison-next", "list_del: the entry still leads on", POISON1),
        DEL.without("del-poison-prev", "list_del: the entry still leads back", POISON2),
        DEL.mutant(
            "del-poison-first", "list_del: poisoned while it is linked", f"    {BACK}", f"    {POISON1}\n    {BACK}"
        ),
        RCU.without("rcu-back", "list_del_rcu: the next entry still points back to it", BACK),
        RCU.without("rcu-over", "list_del_rcu: the entry stays linked", OVER),
        RCU.without("rcu-poison-prev", "list_del_rcu: the entry still leads back", POISON2),
        RCU.mutant(
            "rcu-poison-next",
            "list_del_rcu: whoever stands on the entry steps into poison",
            POISON2,
            f"{POISON1}\n    {POISON2}",
        ),
    ),
)
