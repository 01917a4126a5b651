"""The constructs of Python that kernel code does not have: what each is called, and what to write instead."""

import ast

IN_RAM = "keep values in RAM: declare a word with static(...), reach it by cpu.load and cpu.store"
NO_OBJECTS = "kernel code has only 64-bit integers"

FORBIDDEN: dict[type[ast.AST], tuple[str, str]] = {
    ast.List: ("a list", IN_RAM),
    ast.Tuple: ("a tuple", "assign as many names as there are values"),
    ast.Dict: ("a dict", IN_RAM),
    ast.Set: ("a set", IN_RAM),
    ast.Subscript: ("an index", IN_RAM),
    ast.ListComp: ("a comprehension", "write a loop over a range"),
    ast.SetComp: ("a comprehension", "write a loop over a range"),
    ast.DictComp: ("a comprehension", "write a loop over a range"),
    ast.GeneratorExp: ("a generator", "write a loop over a range"),
    ast.JoinedStr: ("a string", NO_OBJECTS),
    ast.Lambda: ("a lambda", "define a function with @kernel"),
    ast.FunctionDef: ("a function inside of a function", "define it beside this one, with @kernel"),
    ast.ClassDef: ("a class", NO_OBJECTS),
    ast.NamedExpr: ("an assignment inside of an expression", "assign it in a line of its own"),
    ast.Global: ("a global name that changes", IN_RAM),
    ast.Nonlocal: ("an outer name that changes", IN_RAM),
    ast.Try: ("try", "let the fault end the operation; the harness judges it"),
    ast.With: ("with", "call the function that takes it and the one that releases it"),
    ast.Assert: ("assert", "return the code of an outcome, or call warn(...)"),
    ast.Delete: ("del", "leave the name"),
    ast.Import: ("an import", "import at the top of the file"),
    ast.ImportFrom: ("an import", "import at the top of the file"),
    ast.Match: ("match", "write if and elif"),
    ast.Yield: ("yield", "return a number"),
    ast.YieldFrom: ("yield", "return a number"),
    ast.Await: ("await", "call a kernel function"),
    ast.Div: ("/, which gives a float", "write // for whole numbers"),
    ast.Pow: ("**", "write a product or a shift"),
    ast.MatMult: ("@", "write a product of integers"),
    ast.Is: ("is", "write =="),
    ast.IsNot: ("is not", "write !="),
    ast.In: ("in", "compare with =="),
    ast.NotIn: ("not in", "compare with !="),
}


def forbidden(node: ast.AST) -> tuple[str, str]:
    """What a node that kernel code must not have is called, and what to write instead."""
    name = type(node).__name__
    return FORBIDDEN.get(
        type(node), (f"{name}, which is not kernel code", "docs/scenario.md lists what kernel code has")
    )
