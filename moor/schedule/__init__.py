"""A drift check or a backup by schedule: a timer of systemd's, or cron where there is none."""
