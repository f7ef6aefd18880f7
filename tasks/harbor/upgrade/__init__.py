"""What an upgrade of Harbor needs and changes, judged without doing it; ``moor.tasks.upgrade`` does it."""
