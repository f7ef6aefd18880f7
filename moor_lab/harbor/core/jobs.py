"""Work that goes on after its request was answered, as the job service does it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Jobs:
    """The threads in which jobs run."""

    running: list[threading.Thread] = field(default_factory=list)

    def begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self.running = [one for one in self.running if one.is_alive()] + [thread]
        thread.start()

    def wait(self) -> None:
        """Wait until all that were begun have ended."""
        for thread in self.running:
            thread.join()
