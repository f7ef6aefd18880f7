"""What people and programs read of a run: text, JSON, JUnit, metrics, notices, pages."""
