"""What all web drivers share: how a run's page is served, visited and read.

A driver brings a `PageRuntime` (which files, which adapter, what must have run); a transport of
`harness.transports` brings the browser.
"""
