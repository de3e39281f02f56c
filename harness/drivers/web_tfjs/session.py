"""One opened browser target: a server, a Playwright driver, and a fresh browser for each run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness import locations
from harness.drivers.web_tfjs.options import TargetOptions, VariantOptions
from harness.drivers.web_tfjs.renderer_memory import RendererBaseline
from harness.drivers.web_tfjs.runtime import (
    CPU_SCRIPTS,
    PAGE,
    WASM_SCRIPTS,
    TfjsRuntime,
    installed_tfjs,
    served_to_a_run,
)
from harness.errors import HarnessError, OutputUnreadable, RunError, TargetUnfit
from harness.model import Capture, Facts, Tensor
from harness.options import Sampling
from harness.plugins import ModelFile, RunRequest, TargetSpec
from harness.tools.tfjs_page import WASM_BINARIES, outputs, page_config, read_answer
from harness.transports.browser import (
    BrowserLaunch,
    Browsers,
    OpenBrowser,
    OpenPage,
    PageRecord,
    playwright_version,
)
from harness.transports.browser_discovery import find
from harness.transports.server import PageServer

_STARTS_WITHIN_S = 60.0
_REFERENCE_WITHIN_S = 600.0
_REFERENCE_RUN = "reference"


def open_session(target: TargetSpec) -> WebTfjsSession:
    """Find browser and TF.js, and start the browser once.

    Raises:
        TargetNotFound: browser-missing or tfjs-missing.
        TargetUnfit: the browser does not start, or the init script cannot be read.
    """
    options: TargetOptions = target.options
    runtime = installed_tfjs()
    program = find(options.browser)
    init_script = _read_init_script(options.init_script)
    browsers = Browsers(
        BrowserLaunch(program, target.scratch, options.headless, tuple(options.args))
    )
    try:
        # What the browser tells of itself counts, not what its program said when asked.
        version = browsers.visit(lambda browser: browser.version, deadline_s=_STARTS_WITHIN_S)
    except RunError as error:
        browsers.close()
        raise TargetUnfit(str(error), hint=error.hint, kind=error.kind) from error
    except BaseException:
        browsers.close()
        raise
    return WebTfjsSession(runtime, browsers, version, init_script)


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


class WebTfjsSession:
    """Runs pages in fresh browsers; see `harness.plugins.Session`."""

    def __init__(
        self, runtime: TfjsRuntime, browsers: Browsers, version: str, init_script: str | None
    ) -> None:
        self._runtime = runtime
        self._browsers = browsers
        self._version = version
        self._init_script = init_script
        self._server = PageServer()

    @property
    def device(self) -> str:
        """The browser and its major version."""
        name = self._browsers.launch.program.name.capitalize()
        return f"{name} {self._version.partition('.')[0]} on this host"

    def execute(self, request: RunRequest) -> Capture:
        """Run one page in a fresh browser; what it left is returned even if it failed.

        Raises:
            RunFailed: the model cannot be served.
            TargetLost: the browser's program is gone.
        """
        run = _Run()
        contents = served_to_a_run(self._runtime, request.model, [request.inputs])
        url = self._server.mount(request.run_id, contents)
        try:
            self._visit(request, url, run)
            return self._capture(request, run)
        finally:
            self._server.unmount(request.run_id)

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        """Return the outputs of TF.js' cpu back end in this browser, a set per input set.

        Raises:
            TargetUnfit: it cannot run this model.
        """
        try:
            contents = served_to_a_run(self._runtime, model, inputs)
            url = self._server.mount(_REFERENCE_RUN, contents)
            answer = read_answer(self._reference_page(url, inputs).encode())
            if answer.error is not None:
                raise OutputUnreadable(answer.error.message, hint="the model may not suit TF.js")
            return tuple(outputs(answer, number) for number in range(len(inputs)))
        except RunError as error:
            raise TargetUnfit(
                f"TF.js' cpu back end has no reference for this model: {error}", hint=error.hint
            ) from error
        finally:
            self._server.unmount(_REFERENCE_RUN)

    def reference_runtime(self) -> str:
        """Name TF.js' cpu back end and its version."""
        return f"tfjs-cpu {self._runtime.version}"

    def interrupt(self) -> None:
        """Kill the browser of the run that is under way."""
        self._browsers.interrupt()

    def close(self) -> None:
        """End the Playwright driver and the server."""
        with suppress(HarnessError):
            self._browsers.close()
        self._server.close()

    def _reference_page(self, url: str, inputs: Sequence[tuple[Tensor, ...]]) -> str:
        config = page_config(
            url=url,
            pass_="reference",
            backend="cpu",
            variant=None,
            threads=None,
            scripts=CPU_SCRIPTS,
            input_sets=inputs,
            sampling=Sampling(),
        )

        # No init script of the suite here: the reference is computed as TF.js came.
        def work(browser: OpenBrowser) -> str:
            with browser.page(self._server.origin) as page:
                page.goto(url + PAGE)
                return measure_in_page(page, config)

        return self._browsers.visit(work, deadline_s=_REFERENCE_WITHIN_S)

    def _visit(self, request: RunRequest, url: str, run: _Run) -> None:
        try:
            self._browsers.visit(
                lambda browser: self._in_browser(browser, request, url, run),
                deadline_s=request.sampling.timeout_s,
            )
        except RunError as error:
            # What the page said and fetched until then is kept, with the reason.
            run.failure = error

    def _in_browser(self, browser: OpenBrowser, request: RunRequest, url: str, run: _Run) -> None:
        run.browser = {"told_version": browser.version, "command": list(browser.command)}
        scripts = [self._init_script] if self._init_script else []
        scripts.append(_pretend_cores(request.variant))
        with browser.page(self._server.origin, init_scripts=scripts, record=run.page) as page:
            page.goto(url + PAGE)
            baseline = RendererBaseline(browser, page) if request.pass_ == "memory" else None
            config = page_config(
                url=url,
                # The runner asks for no pass that this driver does not list.
                pass_="memory" if request.pass_ == "memory" else "latency",
                backend="wasm",
                variant=request.variant.wasm,
                threads=request.variant.threads,
                scripts=WASM_SCRIPTS,
                input_sets=[request.inputs],
                sampling=request.sampling,
            )
            with request.window():
                run.evaluated = time.monotonic()
                run.answer = measure_in_page(page, config)
                run.answered = time.monotonic()
            if baseline is not None:
                run.memory = baseline.growth()

    def _capture(self, request: RunRequest, run: _Run) -> Capture:
        requests = [asdict(served) for served in self._server.log(request.run_id)]
        files = {
            "requests.json": _json(requests),
            "console.json": _json({"console": run.page.console, "errors": run.page.errors}),
        }
        if run.answer is not None:
            files["page.json"] = run.answer.encode()
        # Last, so that what was just done is in its time.
        files["run.json"] = _json(self._record(request, run))
        return Capture(files)

    def _record(self, request: RunRequest, run: _Run) -> dict[str, Any]:
        launch = self._browsers.launch
        return {
            "schema": 1,
            "pass": request.pass_,
            "command": [str(launch.program.path), *launch.all_args],
            "asked": self._asked(request.variant),
            "setting": self._setting(),
            "subject": self._subject(request, run),
            "sampling": request.sampling.model_dump(mode="json"),
            "phases_s": run.phases_s(time.monotonic()),
            "memory": run.memory,
            "foreign_requests": run.page.foreign,
            "failure": _failure(run.failure),
            "browser": {
                "name": launch.program.name,
                "path": str(launch.program.path),
                "version": launch.program.version,
                "origin": launch.program.origin,
                "args": list(launch.all_args),
                "playwright": playwright_version(),
                **run.browser,
            },
            "served_sha256": dict(self._server.hashes(request.run_id)),
        }

    def _asked(self, variant: VariantOptions) -> Facts:
        binary = WASM_BINARIES[variant.wasm]
        return {
            "wasm_binary": binary,
            "wasm_sha256": self._runtime.sha256[f"tfjs/{binary}"],
            "backend": "wasm",
            # The builds without threads count their one.
            "threads": variant.threads or 1,
            "cross_origin_isolated": True,
        }

    def _setting(self) -> Facts:
        launch = self._browsers.launch
        script = self._init_script
        return {
            "device": self.device,
            "browser_name": launch.program.name,
            "headless": launch.headless,
            "browser_sandbox": launch.sandbox,
            "browser_args": " ".join(launch.args),
            "init_script_sha256": sha256(script.encode()).hexdigest() if script else None,
        }

    def _subject(self, request: RunRequest, run: _Run) -> Facts:
        binary = WASM_BINARIES[request.variant.wasm]
        version = run.browser.get("told_version", self._version)
        return {
            "model_sha256": request.model.sha256,
            "tfjs": self._runtime.version,
            "tfjs_sha256": self._runtime.scripts_sha256,
            "wasm_sha256": self._runtime.sha256[f"tfjs/{binary}"],
            "browser": f"{self._browsers.launch.program.name} {version}",
        }


def measure_in_page(page: OpenPage, config: Mapping[str, Any]) -> str:
    """Have a loaded page measure, in one evaluation; return its answer as JSON text."""
    answer = page.evaluate("config => edgebench.run(config)", config)
    return str(answer)


def _pretend_cores(variant: VariantOptions) -> str:
    source = (locations.device_scripts() / "web" / "pretend_cores.js").read_text()
    function = source[source.index("(cores) =>") :].rstrip()
    # TF.js halves what it sees.
    return f"({function})({2 * (variant.threads or 0)});"


def _failure(error: HarnessError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"kind": error.kind, "message": str(error), "hint": error.hint}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
