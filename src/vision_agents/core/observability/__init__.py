"""Reports and telemetry of calls, made of their traces."""
