"""The embedded substrate: one SQLite file an endpoint that behaves as a Kubernetes API server does."""
