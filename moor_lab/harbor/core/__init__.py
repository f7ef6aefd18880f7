"""The stand-in of Harbor's core: /api/v2.0, /service/token, and the authorization of /v2 before a real registry."""
