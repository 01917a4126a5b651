"""What `kstress soak` prints and writes: a panel or lines while it runs, then its result."""

from collections.abc import Callable

from rich.text import Text

from stress.campaign.soak.ending import Ending
from stress.campaign.soak.metrics import SoakMetrics, serve
from stress.campaign.soak.view import Watcher
from stress.errors import UserError
from stress.results.terminal.consoles import console
from stress.results.terminal.panel import Lines, LivePanel
from stress.results.terminal.places import check_json, write_json
from stress.results.terminal.soak_summary import show_ending


class SoakOutputs:
    """Where a soak shows its progress and its result.

    Raises:
        UserError: at once, for a place that cannot be written to.
    """

    def __init__(self, json_file: str | None, reports: int) -> None:
        """Check the place of the JSON before anything runs."""
        check_json(json_file)
        self._json, self._reports = json_file, reports
        self._screen = console(stderr=json_file == "-")

    def watch(self, port: int | None, address: str) -> tuple[Watcher, Callable[[], None]]:
        """A panel on a terminal, else plain lines; metrics too if there is a port. Also what ends them."""
        watcher: Watcher = LivePanel(self._screen) if self._screen.is_terminal else Lines(self._screen)
        if port is None:
            return watcher, watcher.close
        metrics = SoakMetrics(watcher)
        try:
            taken, end = serve(metrics, port, address)
        except UserError:
            watcher.close()
            raise
        console(stderr=True).print(Text(f"metrics: http://{address}:{taken}/metrics", "dim"), soft_wrap=True)
        return metrics, end

    def finish(self, ending: Ending) -> None:
        """Print the result of the soak; the JSON too if it was asked for."""
        show_ending(ending, self._screen, self._reports)
        if self._json is not None:
            write_json(self._json, ending.as_json())
