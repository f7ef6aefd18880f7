"""What each command does, once its words are understood; a module for each family of commands."""
