"""What is made from the commands' declarations: completion for shells and manual pages."""
