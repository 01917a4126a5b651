"""The command `kstress`: reads the command line, calls what a Python caller can call, prints, sets the exit code.

Heavy modules are imported only when a command needs them.
"""

import os
import sys
import traceback
from typing import Any

import click

from stress.commands.compare import compare
from stress.commands.corpus import corpus
from stress.commands.explore import explore
from stress.commands.group import Commands
from stress.commands.look import doctor, list_scenarios
from stress.commands.new import new
from stress.commands.replay import replay
from stress.commands.report import report
from stress.commands.run import run
from stress.commands.soak import soak
from stress.commands.sweep import sweep
from stress.errors import HarnessError, UserError, telling_of_memory
from stress.exits import EXIT_HARNESS_FAILED, EXIT_USAGE, fail
from stress.host.descriptors import open_descriptors
from stress.host.disk import is_in_a_folder, refusal
from stress.host.streams import close_streams, is_of_output, open_streams, silence
from stress.safe_text import on_one_line

COMMANDS = (run, soak, sweep, explore, replay, report, compare, list_scenarios, new, doctor, corpus)


class RefusedError(Exception):
    """Carries an OSError past click, which would handle EPIPE by itself and exit with 1."""

    def __init__(self, refusal: OSError) -> None:
        """Carry `refusal`, the error of the system."""
        super().__init__(str(refusal))
        self.refusal = refusal


class Front(Commands):
    """The group of all commands; only `call` prints their errors."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; RefusedError for an OSError."""
        try:
            return super().invoke(context)
        except OSError as error:
            raise RefusedError(error) from error


@click.group(
    cls=Front,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="kstress")
def cli() -> None:
    """Stress lockless readers against writers that free memory, on real threads.

    \b
    Start with:  kstress run        the 2005 kallsyms race, before and after the patch
                 kstress soak       run for hours or days; an interrupted soak can be resumed
                 kstress sweep      run every combination of CPU counts, engines and more
                 kstress explore    one CPU at a time, in many orders: find, shrink and show one to replay
                 kstress compare    what is worse than it was, and what is noise
                 kstress list       every scenario, and a path through them for who is new
                 kstress new FILE   a scenario of your own to start from
                 kstress doctor     what this machine offers
    """


for command in COMMANDS:
    cli.add_command(command)


def call(arguments: list[str] | None = None) -> int:
    """Run one command line; its exit code."""
    try:
        with telling_of_memory():
            code = cli.main(arguments, prog_name="kstress", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        where = f" ({error.ctx.command_path} --help)" if isinstance(error, click.UsageError) and error.ctx else ""
        return fail(f"{on_one_line(error.format_message())}{where}", EXIT_USAGE)
    except UserError as error:
        return fail("\n".join(on_one_line(str(line)) for line in error.args), EXIT_USAGE)
    except HarnessError as error:
        return fail(f"the harness failed, so this run says nothing: {error}", EXIT_HARNESS_FAILED)
    except (KeyboardInterrupt, click.Abort):
        return fail("interrupted", 130)
    except RefusedError as error:
        return refused(error.refusal)
    except OSError as error:
        return refused(error)
    except Exception:
        traceback.print_exc()
        return fail("this is a fault of kstress itself: please report it with the lines above", EXIT_HARNESS_FAILED)


def refused(error: OSError) -> int:
    """Print the error for a refusal of the system that no command has handled; the exit code."""
    silence(sys.stdout)
    if isinstance(error, BrokenPipeError) and error.filename is None:
        return 0  # the reader of the pipe, such as `head`, has left
    return fail(on_one_line(str(unmet(error))), EXIT_USAGE)


def unmet(error: OSError) -> UserError:
    """The message for a refusal of the system: with the files, if the error names any, else what is known of it."""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    if is_of_output(error):
        return refusal("cannot print the results", error, "name a file with --json")
    if not names and not is_in_a_folder():
        return refusal("the current folder is gone", error, "change to another one")
    if not names:
        return refusal("cannot go on", error, "see which limit of this host is in the way (ulimit -a)")
    return refusal(f"cannot use {' and '.join(map(repr, names))}", error, "check that you can read and write it")


def main() -> None:
    """The console script."""
    open_descriptors()
    open_streams()
    code = call()
    close_streams()
    sys.exit(code)
