"""`kstress list` and `kstress doctor`: what there is to run, and where."""

import click


@click.command("list")
@click.option("--markdown", "form", flag_value="markdown", help="As a Markdown table.")
@click.option("--json", "form", flag_value="json", help="As JSON.")
def list_scenarios(form: str | None) -> int:
    """List every scenario: its claim, what it expects, its twin."""
    from stress.results.terminal.look import print_catalogue
    from stress.scenario_files import catalogue, rooms

    print_catalogue(catalogue(), rooms(), form)
    return 0


@click.command()
def doctor() -> int:
    """Say what this machine offers, and try each engine on the planted race."""
    from stress.doctor import examine
    from stress.results.terminal.look import print_checks

    return print_checks(examine())
