"""What concerns all hosts is asked once a run."""

from nornir.core.task import Result, Task

from moor.context import change_context
from moor.engine.asked_once import ask_once
from tests.harness.hosts import MakeFleet


def test_three_hosts_share_one_answer_and_the_next_run_asks_again(fleet: MakeFleet) -> None:
    asked: list[str] = []

    def ask(task: Task) -> Result:
        def look() -> int:
            asked.append(task.host.name)
            return len(asked)

        return Result(task.host, result=ask_once(task, ("key",), look))

    nr = fleet()
    change_context(nr, run="first")
    assert {result[0].result for result in nr.run(ask).values()} == {1}
    change_context(nr, run="second")
    assert {result[0].result for result in nr.run(ask).values()} == {2}
    assert len(asked) == 2
