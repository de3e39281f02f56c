"""One opened browser target: a server, a browser's transport, and a fresh browser for each run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from harness import locations
from harness.errors import HarnessError, OutputUnreadable, RunError, TargetUnfit
from harness.model import Capture, Facts, Pass, Tensor
from harness.options import Sampling
from harness.plugins import ModelFile, Recoverable, RunRequest, TargetSpec
from harness.tools.measuring_page import PagePass, input_name, outputs, page_config, read_answer
from harness.transports.browser_discovery import series_of
from harness.transports.browsing import (
    NODE_PROCESS,
    BrowserTransport,
    OpenBrowser,
    OpenPage,
    PageRecord,
)
from harness.transports.server import PageServer, ServesPages
from harness.web_lane.browser_age import check_age
from harness.web_lane.options import BrowserKeys
from harness.web_lane.phone_conditions import phone_setting, phone_subject
from harness.web_lane.phone_runs import PhoneRuns, phone_runs
from harness.web_lane.reading import PASSES
from harness.web_lane.runtime import PageRuntime
from harness.web_lane.transports import open_transport
from harness.web_lane.workloads import runtime_for, workload_setting

PAGE = "bench.html"
_PAGE_FILES = (PAGE, "bench.js")
_STARTS_WITHIN_S = 60.0
_REFERENCE_WITHIN_S = 600.0
_REFERENCE_RUN = "reference"


def open_session(target: TargetSpec, runtime: PageRuntime) -> WebSession:
    """Find the browser of a target and start it once; `target.options` are `BrowserKeys`.

    Raises:
        TargetNotFound: browser-missing.
        TargetUnfit: the browser is too old or does not start, or the init script cannot be read.
    """
    options: BrowserKeys = target.options
    init_script = _read_init_script(options.init_script)
    transport = open_transport(options, target.scratch, target.phone)
    with ExitStack() as undoing:
        undoing.callback(transport.close)
        version = _seen_version(transport)
        phone = phone_runs(transport, options)
        if phone is not None:
            undoing.callback(phone.close)
        kind = RecoverableWebSession if isinstance(transport, Recoverable) else WebSession
        session = kind(runtime, transport, version, init_script, phone)
        undoing.pop_all()
        return session


def open_on(transport: BrowserTransport, runtime: PageRuntime) -> WebSession:
    """Start what a transport starts once, and return a session on it.

    Raises:
        TargetUnfit: it does not start.
    """
    with ExitStack() as undoing:
        undoing.callback(transport.close)
        session = WebSession(runtime, transport, _seen_version(transport), None)
        undoing.pop_all()
        return session


def _seen_version(transport: BrowserTransport) -> str:
    """Start the browser once: what it tells of itself counts, not what its program said."""
    try:
        # Asked before it is started: nothing that drives browsers starts a very old one.
        check_age(transport.facts.name, transport.facts.version)
        version = transport.visit(lambda browser: browser.version, deadline_s=_STARTS_WITHIN_S)
        check_age(transport.facts.name, version)
    except RunError as error:
        raise TargetUnfit(str(error), hint=error.hint, kind=error.kind) from error
    return version


def served_to_a_run(
    runtime: PageRuntime, model: ModelFile, input_sets: Sequence[Sequence[Tensor]]
) -> dict[str, Path | bytes]:
    """Return everything that a run's page may fetch, by served name.

    Raises:
        RunFailed: the model cannot be read, or this runtime cannot take it.
    """
    page = locations.device_scripts() / "web"
    contents: dict[str, Path | bytes] = {name: page / name for name in _PAGE_FILES}
    contents |= runtime.served(model)
    for number, tensors in enumerate(input_sets):
        for position, tensor in enumerate(tensors):
            contents[input_name(number, position)] = tensor.data
    return contents


def _read_init_script(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).expanduser().read_text()
    except (OSError, ValueError) as error:
        raise TargetUnfit(
            f"the init_script cannot be read: {error}",
            hint="name a JavaScript file; relative paths count from the current folder",
        ) from error


@dataclass(slots=True)
class _Run:
    """What is known of a run by and by; what was not reached stays as it is."""

    runtime: PageRuntime
    begun: float = field(default_factory=time.monotonic)
    evaluated: float | None = None
    answered: float | None = None
    answer: str | None = None
    page: PageRecord = field(default_factory=PageRecord)
    browser: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] | None = None
    failure: HarnessError | None = None

    def phases_s(self, ended: float) -> Mapping[str, float]:
        evaluated = ended if self.evaluated is None else self.evaluated
        answered = ended if self.answered is None else self.answered
        return {
            "launch": evaluated - self.begun,
            "evaluate": answered - evaluated,
            "collect": ended - answered,
        }


class WebSession:
    """Runs a runtime's pages in fresh browsers; see `harness.plugins.Session`."""

    def __init__(
        self,
        runtime: PageRuntime,
        transport: BrowserTransport,
        version: str,
        init_script: str | None,
        phone: PhoneRuns | None = None,
    ) -> None:
        self._runtime = runtime
        self._transport = transport
        self._version = version
        self._init_script = init_script
        self._phone = phone
        self._owns_server = not isinstance(transport, ServesPages)
        self._server = transport.pages if isinstance(transport, ServesPages) else PageServer()
        self._origin = transport.origin_for(self._server.port)
        self._server.admit(self._origin)

    @property
    def device(self) -> str:
        """The browser and its series, and where it runs."""
        facts = self._transport.facts
        return f"{facts.title} {series_of(facts.name, self._version)} on {facts.place}"

    def execute(self, request: RunRequest) -> Capture:
        """Run one page in a fresh browser; what it left is returned even if it failed.

        Raises:
            RunFailed: the model cannot be served.
            TargetLost: the browser's program is gone.
        """
        run = _Run(runtime_for(self._runtime, request.model))
        contents = served_to_a_run(run.runtime, request.model, _input_sets(request))
        url = self._server.mount(request.run_id, contents, origin=self._origin)
        try:
            run.failure = self._phone.admit(request.waiting) if self._phone else None
            run.begun = time.monotonic()
            if run.failure is None:
                self._visit(request, url, run)
            return self._capture(request, run)
        finally:
            self._server.unmount(request.run_id)

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        """Return the outputs of the runtime's reference kernels, a set per input set.

        Raises:
            TargetUnfit: it cannot run this model, or has none.
        """
        try:
            runtime = runtime_for(self._runtime, model)
            contents = served_to_a_run(runtime, model, inputs)
            url = self._server.mount(_REFERENCE_RUN, contents, origin=self._origin)
            answer = read_answer(self._reference_page(runtime, url, inputs).encode())
            if answer.error is not None:
                raise OutputUnreadable(answer.error.message, hint="the model may not suit it")
            return tuple(outputs(answer, number) for number in range(len(inputs)))
        except RunError as error:
            raise TargetUnfit(
                f"{self._runtime.reference_runtime} has no reference for this model: {error}",
                hint=error.hint,
            ) from error
        finally:
            self._server.unmount(_REFERENCE_RUN)

    def reference_runtime(self) -> str:
        """Name the runtime's reference kernels and their version."""
        return self._runtime.reference_runtime

    def interrupt(self) -> None:
        """Kill the browser of the run that is under way."""
        self._transport.interrupt()

    def close(self) -> None:
        """End the transport and the server."""
        if self._phone:
            self._phone.close()
        with suppress(HarnessError):
            self._transport.close()
        if self._owns_server:
            self._server.close()

    def _reference_page(
        self, runtime: PageRuntime, url: str, inputs: Sequence[tuple[Tensor, ...]]
    ) -> str:
        config = page_config(
            url=url,
            pass_="reference",
            call=runtime.reference_call(url),
            input_sets=inputs,
            sampling=Sampling(),
        )

        # No init script of the suite here: the reference is computed as the runtime came.
        def work(browser: OpenBrowser) -> str:
            with browser.page(self._origin) as page:
                page.goto(url + PAGE)
                return measure_in_page(page, config)

        return self._transport.visit(work, deadline_s=_REFERENCE_WITHIN_S)

    def _visit(self, request: RunRequest, url: str, run: _Run) -> None:
        try:
            self._transport.visit(
                lambda browser: self._in_browser(browser, request, url, run),
                deadline_s=request.sampling.timeout_s,
            )
        except RunError as error:
            # What the page said and fetched until then is kept, with the reason.
            run.failure = error

    def _in_browser(self, browser: OpenBrowser, request: RunRequest, url: str, run: _Run) -> None:
        run.browser = {"told_version": browser.version, "command": list(browser.command)}
        scripts = [self._init_script] if self._init_script else []
        scripts += run.runtime.init_scripts(request.variant)
        with browser.page(self._origin, init_scripts=scripts, record=run.page) as page:
            page.goto(url + PAGE)
            baseline = browser.memory_baseline(page) if request.pass_ == "memory" else None
            config = page_config(
                url=url,
                pass_=_page_pass(request.pass_),
                call=run.runtime.call(url, request.variant),
                input_sets=_input_sets(request),
                sampling=request.sampling,
            )
            watching = self._phone.watching() if self._phone else nullcontext()
            with watching, request.window():
                run.evaluated = time.monotonic()
                run.answer = measure_in_page(page, config)
                run.answered = time.monotonic()
            if baseline is not None:
                run.memory = dict(baseline.growth())

    def _capture(self, request: RunRequest, run: _Run) -> Capture:
        requests = [asdict(served) for served in self._server.log(request.run_id)]
        files = {
            "requests.json": _json(requests),
            "console.json": _json({"console": run.page.console, "errors": run.page.errors}),
        }
        if run.answer is not None:
            files["page.json"] = run.answer.encode()
        if self._phone:
            files |= self._phone.files()
        # Last, so that what was just done is in its time.
        files["run.json"] = _json(self._record(request, run))
        return Capture(files)

    def _record(self, request: RunRequest, run: _Run) -> dict[str, Any]:
        facts = self._transport.facts
        return {
            "schema": 1,
            "pass": request.pass_,
            "command": [facts.program, *facts.all_args],
            "asked": self._asked(run, request.variant),
            "setting": {**self._setting(), **workload_setting(request.model)},
            "subject": self._subject(request, run),
            "sampling": request.sampling.model_dump(mode="json"),
            "phases_s": run.phases_s(time.monotonic()),
            "memory": run.memory,
            "foreign_requests": run.page.foreign,
            "failure": _failure(run.failure),
            "conditions": run.page.conditions,
            "method": facts.methods.get(request.pass_, ""),
            "browser": {
                "name": facts.name,
                "path": facts.path,
                "version": facts.version,
                "origin": facts.origin,
                "args": list(facts.all_args),
                "automation": facts.automation,
                **run.browser,
            },
            "served_sha256": dict(self._server.hashes(request.run_id)),
        }

    def _asked(self, run: _Run, variant: Any) -> Facts:
        asked = run.runtime.asked(variant)
        # Where no page can be isolated it is recorded as it was, with the coarser clock it has.
        isolated = self._transport.facts.isolated
        return {**asked, "cross_origin_isolated": True} if isolated else asked

    def _setting(self) -> Facts:
        facts = self._transport.facts
        script = self._init_script
        return {
            "device": self.device,
            "context": facts.context,
            "browser_name": facts.name,
            **phone_setting(facts.device),
            "headless": facts.headless,
            "browser_sandbox": facts.sandbox,
            "browser_args": " ".join(facts.args),
            "init_script_sha256": sha256(script.encode()).hexdigest() if script else None,
        }

    def _program(self, version: str) -> Facts:
        facts = self._transport.facts
        if facts.context == NODE_PROCESS:
            return {"node": version}
        return {"browser": f"{facts.name} {version}"}

    def _subject(self, request: RunRequest, run: _Run) -> Facts:
        version = run.browser.get("told_version", self._version)
        return {
            "model_sha256": request.model.sha256,
            **run.runtime.subject(request.variant),
            **self._program(version),
            **phone_subject(self._transport.facts.device),
        }


class RecoverableWebSession(WebSession):
    """One whose browser or phone may go away and come back; see `harness.plugins.Recoverable`."""

    def recover(self) -> str:
        """Reach it again, and end what still runs there.

        Raises:
            TargetError: it is not back yet.
        """
        returning = self._phone or self._transport
        assert isinstance(returning, Recoverable), "it is opened with one that may come back"
        return returning.recover()


def measure_in_page(page: OpenPage, config: Mapping[str, Any]) -> str:
    """Have a loaded page measure, in one evaluation; return its answer as JSON text."""
    answer = page.evaluate("config => edgebench.run(config)", config)
    return str(answer)


def _input_sets(request: RunRequest) -> Sequence[Sequence[Tensor]]:
    return request.examples if request.pass_ == "quality" else [request.inputs]


def _page_pass(pass_: Pass) -> PagePass:
    # The runner asks for no pass that the driver does not list.
    assert pass_ in PASSES
    return cast("PagePass", pass_)


def _failure(error: HarnessError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"kind": error.kind, "message": str(error), "hint": error.hint}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
