"""A drift check by schedule: a timer of systemd's, or cron where there is none."""
