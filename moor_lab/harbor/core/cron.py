"""Schedules as Harbor's job service reads them: six fields, of which the first is the second."""

from moor_lab.harbor.core.errors import bad_request

FIELDS = 6


def check_cron(cron: str) -> None:
    """Raise Refusal unless ``cron`` has six fields; what is in them is not checked."""
    fields = cron.split()
    if len(fields) != FIELDS:
        raise bad_request(
            f"invalid cron {cron}: expected exactly {FIELDS} fields, found {len(fields)}: [{' '.join(fields)}]"
        )
