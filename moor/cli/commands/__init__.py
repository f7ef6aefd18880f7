"""The commands' actions, once their options are parsed; a module for each family of commands."""
