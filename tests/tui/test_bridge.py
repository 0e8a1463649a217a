"""The lanes: order, coalescing, failures."""

from __future__ import annotations

import threading
from typing import Any

from tui.bridge import Bridge, Lane
from tui.messages import Answer, Changed, Failed


class Inbox:
    """Stands for the app: keeps what is posted."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.came = threading.Condition()

    def post_message(self, message: Any) -> bool:
        with self.came:
            self.messages.append(message)
            self.came.notify_all()
        return True

    def wait(self, count: int) -> list[Any]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.messages) >= count, 5)
        return self.messages


def test_results_come_back_as_messages_in_order() -> None:
    inbox, got = Inbox(), []
    lane = Lane("t", inbox)
    for n in range(5):
        lane.ask(lambda n=n: n, got.append)
    for message in inbox.wait(5):
        assert isinstance(message, Answer)
        message.then(message.value)
    assert got == [0, 1, 2, 3, 4]
    lane.close()


def test_of_waiting_tasks_with_one_name_only_the_newest_runs() -> None:
    inbox, gate, ran = Inbox(), threading.Event(), []
    lane = Lane("t", inbox)
    lane.ask(gate.wait, print)
    for n in range(20):
        lane.ask(lambda n=n: ran.append(n), print, name="chart")
    lane.ask(lambda: ran.append(99), print, name="other")
    gate.set()
    inbox.wait(3)
    assert ran == [19, 99]
    lane.close()


def test_a_failure_is_a_message_and_the_lane_lives_on() -> None:
    inbox = Inbox()
    lane = Lane("t", inbox)
    lane.ask(lambda: 1 / 0, print, name="sum")
    lane.ask(lambda: 7, print)
    first, second = inbox.wait(2)
    assert isinstance(first, Failed)
    assert isinstance(first.error, ZeroDivisionError)
    assert first.what == "sum"
    assert second.value == 7
    lane.close()


def test_closing_finishes_the_changes_that_wait() -> None:
    inbox, done = Inbox(), []
    bridge = Bridge(inbox)
    for n in range(10):
        bridge.write.ask(lambda n=n: done.append(n), print)
    bridge.close()
    assert done == list(range(10))
    bridge.write.ask(lambda: done.append(11), print)
    assert bridge.idle
    assert 11 not in done


def test_change_notices_add_up() -> None:
    later = Changed(frozenset({"b"}))
    assert later.can_replace(Changed(frozenset({"a"})))
    assert later.contexts == {"a", "b"}
