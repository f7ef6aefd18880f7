"""What Harbor's API refuses, told to people."""

import httpx
import pytest

from moor.connections.harbor import accepted
from moor.errors import HostError


def answer(status: int) -> httpx.Response:
    errors = {"errors": [{"code": "REFUSED", "message": "no"}]}
    return httpx.Response(status, json=errors, request=httpx.Request("GET", "https://h/api/v2.0/projects/demo"))


@pytest.mark.parametrize(("status", "about_password"), [(401, True), (403, False), (409, False), (500, False)])
def test_a_login_that_is_refused_names_the_password_to_look_at(status: int, about_password: bool) -> None:
    with pytest.raises(HostError) as refused:
        accepted(answer(status))
    assert str(refused.value).startswith(f"GET /api/v2.0/projects/demo: {status}: REFUSED: no")
    assert ("data.harbor.admin_password" in str(refused.value)) == about_password
