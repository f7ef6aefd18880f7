"""The Nornir runner ``loop``: one loop asks hundreds of hosts at once, threads do what has to wait otherwise."""
