"""The only room that knows HTTP: routes, the wire, one server per worker, and the clock."""
