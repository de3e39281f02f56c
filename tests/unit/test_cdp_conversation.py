"""Calls, events and words of a DevTools target, against one that answers from a script."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import RunFailed, TargetUnfit
from harness.transports.adb.deadline import Deadline
from harness.transports.browsing import PageRecord
from harness.transports.cdp import visits
from harness.transports.cdp.conversation import Conversation, Refused
from harness.transports.cdp.page import CdpPage, PageCrashed
from harness.transports.cdp.websocket import Closed, DevtoolsSocket

ORIGIN = "http://localhost:4711"
Answer = Callable[[str, dict[str, Any]], Any]


class Scripted:
    """Answers each call with what `answer` returns, and says `events` before the answer."""

    def __init__(self, answer: Answer = lambda *_: {}, events: Any = ()) -> None:
        self.answer = answer
        self.events = list(events)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._waiting: list[str] = []

    def send(self, text: str) -> None:
        call = json.loads(text)
        self.calls.append((call["method"], call["params"]))
        said = self.answer(call["method"], call["params"])
        kind = "error" if isinstance(said, str) else "result"
        body = {"message": said} if kind == "error" else said
        self._waiting += [json.dumps(event) for event in self.events]
        self.events = []
        self._waiting.append(json.dumps({"id": call["id"], kind: body}))

    def receive(self, within_s: float) -> str:
        assert within_s > 0
        if not self._waiting:
            raise TimeoutError
        return self._waiting.pop(0)


def conversation(messages: Scripted, within_s: float = 10.0) -> Conversation:
    return Conversation(messages, Deadline(within_s))


def page(messages: Scripted, record: PageRecord | None = None) -> CdpPage:
    return CdpPage(conversation(messages), ORIGIN, record or PageRecord())


def event(method: str, **params: Any) -> dict[str, Any]:
    return {"method": method, "params": params}


def test_a_call_gets_its_own_answer_whatever_is_said_before_it() -> None:
    messages = Scripted(lambda method, _: {"of": method}, [event("Some.event"), {"id": 77}])
    assert conversation(messages).call("A.b", x=1) == {"of": "A.b"}
    assert messages.calls == [("A.b", {"x": 1})]


def test_a_refused_call_tells_the_browsers_reason() -> None:
    with pytest.raises(Refused, match=r"A\.b: no such method"):
        conversation(Scripted(lambda *_: "no such method")).call("A.b")


def test_nothing_is_waited_for_beyond_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        conversation(Scripted(), within_s=-1.0).call("A.b")
    with pytest.raises(TimeoutError):
        conversation(Scripted()).wait_until(lambda: False)


def test_what_a_page_says_is_kept() -> None:
    record = PageRecord()
    exception = {"text": "Uncaught", "exception": {"description": "Error: oops\n    at x"}}
    messages = Scripted(
        lambda *_: {"result": {"value": 1}},
        [
            event("Runtime.consoleAPICalled", type="warning", args=[{"value": 1}, {"value": "b"}]),
            event("Runtime.consoleAPICalled", type="log", args=[{"description": "Object"}]),
            event("Runtime.exceptionThrown", exceptionDetails=exception),
            event("Log.entryAdded", entry={"level": "error", "text": "404"}),
            event("Network.requestWillBeSent", request={"url": f"{ORIGIN}/r/1/a.js"}),
            event("Network.requestWillBeSent", request={"url": "blob:null/1"}),
            event("Network.requestWillBeSent", request={"url": f"{ORIGIN}0/b.js"}),
            event("Network.requestWillBeSent", request={"url": "https://elsewhere/c.js"}),
        ],
    )
    page(messages, record).evaluate("() => 1")
    assert record.console == ["warning: 1 b", "log: Object", "error: 404"]
    assert record.errors == ["Error: oops"]
    assert record.foreign == [f"{ORIGIN}0/b.js", "https://elsewhere/c.js"]


def test_a_page_that_says_too_much_is_kept_in_part() -> None:
    record = PageRecord()
    loud = [event("Runtime.consoleAPICalled", args=[{"value": each}]) for each in range(1200)]
    page(Scripted(lambda *_: {"result": {}}, loud), record).evaluate("() => {}")
    assert len(record.console) == 1000


def test_a_crash_ends_the_call_under_way() -> None:
    record = PageRecord()
    messages = Scripted(events=[event("Inspector.targetCrashed")])
    with pytest.raises(PageCrashed):
        page(messages, record).evaluate("() => {}")
    assert record.crashed


def test_a_function_that_throws_is_a_failure_in_its_own_words() -> None:
    details = {"text": "Uncaught", "exception": {"description": "TypeError: no\n    at f"}}
    messages = Scripted(lambda *_: {"result": {}, "exceptionDetails": details})
    with pytest.raises(RunFailed, match=r"TypeError: no$") as caught:
        page(messages).evaluate("() => {}")
    assert caught.value.kind == "page-error"


def test_a_page_that_was_hidden_gives_a_failure_with_a_next_step() -> None:
    messages = Scripted(lambda *_: {"result": {"value": True}})
    with pytest.raises(RunFailed) as caught:
        page(messages).check_visible()
    assert caught.value.kind == "page-hidden"
    assert "unlock the phone" in caught.value.hint


def test_a_page_that_cannot_be_loaded_tells_why() -> None:
    messages = Scripted(lambda *_: {"errorText": "net::ERR_CONNECTION_REFUSED"})
    with pytest.raises(RunFailed, match="ERR_CONNECTION_REFUSED"):
        page(messages).goto(f"{ORIGIN}/")


def test_a_port_that_nobody_forwards_here_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TargetUnfit) as caught:
        visits._told_version(port, "com.android.chrome", Deadline(10))
    assert caught.value.kind == "remote-adb-server"


def test_a_browser_that_is_too_slow_to_answer_is_late_and_has_not_crashed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        DevtoolsSocket(silent.getsockname()[1], "/devtools/browser/1", within_s=0.05)


def test_one_that_hangs_up_before_it_answers_has_ended_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        with pytest.raises(Closed):
            DevtoolsSocket(server.getsockname()[1], "/devtools/browser/1", within_s=10.0)
        hanging_up.join()


def test_loading_waits_for_the_load_event_of_that_very_document() -> None:
    def answer(method: str, _: dict[str, Any]) -> dict[str, Any]:
        return {"loaderId": "new"} if method == "Page.navigate" else {"result": {"value": False}}

    early = event("Page.lifecycleEvent", name="load", loaderId="old")
    with pytest.raises(TimeoutError):
        page(Scripted(answer, [early])).goto(f"{ORIGIN}/")
    late = event("Page.lifecycleEvent", name="load", loaderId="new")
    page(Scripted(answer, [early, late])).goto(f"{ORIGIN}/")


def test_scripts_come_before_the_page_in_their_order() -> None:
    messages = Scripted()
    page(messages).prepare(["first()", "second()"])
    sources = [params["source"] for method, params in messages.calls if "NewDocument" in method]
    assert sources[1:] == ["first()", "second()"]
    assert "visibilitychange" in sources[0]


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_an_argument_reaches_the_function_as_one_json_value(argument: Any) -> None:
    messages = Scripted(lambda *_: {"result": {"value": None}})
    page(messages).evaluate("f", argument)
    expression = messages.calls[0][1]["expression"]
    assert expression.startswith("(f)(")
    assert expression.endswith(")")
    assert json.loads(expression[4:-1]) == argument
