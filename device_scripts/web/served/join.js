// The page on which a person gives the device its label; the answer lets this browser in.
"use strict";

(() => {
  const form = document.getElementById("form");
  const problem = document.getElementById("problem");
  const facts = {
    user_agent: navigator.userAgent.slice(0, 1000),
    secure_context: globalThis.isSecureContext === true,
    isolated: globalThis.crossOriginIsolated === true,
    shared_array_buffer: typeof SharedArrayBuffer === "function",
    wake_lock: "wakeLock" in navigator,
    cores: navigator.hardwareConcurrency ?? null,
  };

  function threads() {
    if (facts.isolated && facts.shared_array_buffer) return "yes";
    return facts.secure_context
      ? "no: this browser does not isolate the page; threaded variants are skipped"
      : "no: they need an https address (serve with --tls); threaded variants are skipped";
  }

  function show(name, text) {
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = name;
    value.textContent = text;
    document.getElementById("facts").append(term, value);
  }

  show("Threads", threads());
  show(
    "Keeping the screen on",
    facts.wake_lock ? "asked for while it measures" : "not here: set the screen to stay on",
  );
  show("Cores", facts.cores === null ? "not told" : String(facts.cores));
  show("It calls itself", facts.user_agent);

  function complain(text) {
    problem.textContent = text;
    problem.hidden = false;
    form.querySelector("button").disabled = false;
  }

  async function join(label) {
    const answer = await fetch(`${location.pathname.replace(/\/$/, "")}/join`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ label, ...facts }),
    });
    if (answer.ok) location.replace("/");
    else if (answer.status === 422) complain((await answer.json()).error);
    else if (answer.status === 409) complain("Another browser came in first with this address.");
    else complain("The address is no longer valid. Look at the terminal for the one that is.");
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    problem.hidden = true;
    form.querySelector("button").disabled = true;
    join(form.elements.label.value).catch(() =>
      complain("The computer that serves this page does not answer."),
    );
  });
})();
