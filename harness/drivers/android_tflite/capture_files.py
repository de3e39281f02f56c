"""The files of a run's capture, by the names that they have in raw/ and in the run's folder."""

STREAMS = ("stdout.txt", "stderr.txt")
"""What the tool said; every run has both."""
RESULTS = "results.pb"
"""The tool's own results (`--result_file_path`), where the build writes them."""
PROFILE = "profile.csv"
"""The operators of an ops run, where the build writes them to a file."""
APP_PID = "app_pid.txt"
"""The process of the benchmark app, whose log stdout.txt then is."""
CORES = "cores.txt"
"""Where the tool was allowed to run, as on_cores.sh read it, where cores were asked for."""
