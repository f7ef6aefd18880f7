"""Harbor's core, as the lab stands in for it: /api/v2.0, /service/token and the door of /v2 before a real registry."""
