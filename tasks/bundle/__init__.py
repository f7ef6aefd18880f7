"""A bundle: one file, or one directory, with everything that a fleet without internet needs; read and verified."""
