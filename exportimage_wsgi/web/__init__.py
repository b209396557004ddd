"""HTTP: addresses, routing, replies and pages. Nothing outside this room knows werkzeug."""
