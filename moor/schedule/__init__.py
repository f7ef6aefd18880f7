"""A drift check, a backup or a rotation by schedule: a timer of systemd's, or cron where there is none."""
