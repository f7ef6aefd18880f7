"""Docker on hosts that run Harbor or build images: installed, and trusting the registry."""
