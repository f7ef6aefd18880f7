"""Files of other programs, changed as text so that every line that need not differ stays."""
