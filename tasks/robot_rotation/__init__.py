"""Rotation of robots' logins: two are valid for a while, and the former one is revoked when nobody needs it."""
