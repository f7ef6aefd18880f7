"""What programs import: a site whose commands return typed results. Nothing is printed, nothing ends the process."""
