"""Harbor's smaller parts, as far as the lab needs them: each answers its health check, and no more."""
