"""Read what a host holds, plan the difference, mend it, read again."""
