"""The control API: what people and scripts do to a running cluster, and see of it, over HTTP and beside Connect's API."""
