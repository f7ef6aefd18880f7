"""data.harbor.options: keys at their own level, secrets by reference, values as Harbor's components parse them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from moor.errors import InputError
from moor.secrets.secret import Secret
from moor.settings.document import InputFaults, Source, Tree
from moor.settings.section import SecretRef
from moor.settings.validation import validate
from moor.tasks.harbor.keys import NEWEST, OLDEST, all_keys, installer_release, is_known
from moor.tasks.harbor.options import flatten, resolve_options
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.harbor.values import encode_for_harbor
from moor.tasks.harbor.yml import edit_harbor_yml

RELEASES = ["v2.8.3", "v2.10.3", "v2.12.4", "v2.13.5", "v2.14.4", "v2.15.2"]


def settings(options: object, release: str = "v2.15.2", site: Path = Path("/site")) -> HarborSettings:
    given = {
        "installer": f"harbor-offline-installer-{release}.tgz",
        "admin_password": "file:secrets/admin",
        "options": options,
    }
    return HarborSettings.model_validate(given, context={"site": site})


def refused(options: object, release: str = "v2.15.2") -> str:
    with pytest.raises(ValidationError) as caught:
        settings(options, release)
    return str(caught.value.errors()[0]["msg"])


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Return a site with a secret in a file."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "word").write_text("s3cr3t")
    (folder / "word").chmod(0o600)
    return tmp_path


@pytest.mark.parametrize(
    "options",
    [
        {"storage_service": {"s3": {"region": "r", "bucket": "b", "accesskey": "WORD", "secretkey": "WORD"}}},
        {"storage_service": {"azure": {"accountname": "a", "accountkey": "WORD", "container": "c"}}},
        {"storage_service": {"gcs": {"bucket": "b", "keyfile": "/etc/gcs.json"}, "redirect": {"disable": True}}},
        {"storage_service": {"swift": {"authurl": "https://a", "username": "u", "password": "WORD", "container": "c"}}},
        {"storage_service": {"oss": {"accesskeyid": "i", "accesskeysecret": "WORD", "bucket": "b", "region": "r"}}},
        {"storage_service": {"filesystem": {"maxthreads": 50}, "ca_bundle": "/etc/ca.pem"}},
        {
            "external_database": {
                "harbor": {
                    "host": "db",
                    "port": 5432,
                    "password": "WORD",
                    "ssl_mode": "require",
                    "db_name": "registry",
                    "username": "harbor",
                }
            }
        },
        {"external_redis": {"host": "redis:6379", "password": "WORD", "registry_db_index": 1}},
        {"proxy": {"http_proxy": "WORD", "no_proxy": "a,b", "components": ["core"]}},
        {
            "trace": {
                "enabled": True,
                "attributes": {"application": "x"},
                "jaeger": {"endpoint": "http://j", "password": "WORD"},
            }
        },
        {
            "metric": {"enabled": True, "port": 9090, "path": "/metrics"},
            "uaa": {"ca_file": "/x"},
            "internal_tls": {"enabled": True, "dir": "/tls"},
        },
        {
            "upload_purging": {"age": "24h"},
            "cache": {"enabled": True},
            "log": {"external_endpoint": {"protocol": "tcp", "host": "h", "port": 514}},
        },
    ],
)
@pytest.mark.parametrize("release", RELEASES)
def test_the_optional_blocks_of_every_release_are_accepted_with_secrets_by_reference(
    options: dict[str, Any], release: str, secrets: Path
) -> None:
    named = yaml.safe_load(yaml.safe_dump(options).replace("WORD", "file:secrets/word"))
    values = resolve_options(settings(named, release, secrets).options)
    hidden = {key for key, value in flatten(options) if value == "WORD"}
    assert {key for key, value in values.items() if isinstance(value, Secret)} == hidden
    assert "s3cr3t" not in f"{values} {settings(named, release, secrets)!r}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"https": {"external_url": "https://x:8443"}}, "https.external_url: not a key of https; external_url "
         "stands at the top level"),
        ({"max_job_workers": 4}, "max_job_workers: not a key of the top level; it belongs to jobservice: write "
         "jobservice.max_job_workers"),
        ({"log": {"max_job_workers": 4}}, "log.max_job_workers: not a key of log; it belongs to jobservice"),
        ({"http": {"https": 1}}, "http.https: not a key of http; https stands at the top level"),
        ({"storage_service": {"s3": {"secretky": "x"}}}, "storage_service.s3.secretky: no such key; did you mean "
         "secretkey?"),
        ({"storage_servce": {"s3": {}}}, "storage_servce: no such key; did you mean storage_service?"),
        ({"log": "warning"}, "log: holds keys, and no value: level, local, external_endpoint"),
        ({"log": {"level": {"core": "debug"}}}, "log.level: holds a value, and no keys below it"),
        ({"hostname": "x.test"}, "hostname: moor writes it from data.registry.name"),
        ({"data_volume": "/x"}, "data_volume: moor writes it from data.harbor.data_volume"),
        ({"_version": "2.9.0"}, "_version: is Harbor's own note of the release; leave it out"),
        ({"external_database": {"harbor": {"password": "hunter2"}}}, "external_database.harbor.password: a secret is "
         "not written here; write env:NAME, file:PATH or cmd: "),
        ({"trivy": {"github_token": "ghp_hunter2"}}, "trivy.github_token: a secret is not written here"),
        ({"storage_service": {"azure": {"accountkey": "hunter2"}}}, "accountkey: a secret is not written here"),
        ({"proxy": {"https_proxy": "http://me:hunter2@proxy:3128"}}, "proxy.https_proxy: an address with a password"),
        ({"metric": {"enabled": "no"}}, "metric.enabled: is on or off; write true or false"),
        ({"upload_purging": {"enabled": "yes"}}, "upload_purging.enabled: is on or off"),
        ({"storage_service": {"s3": {"secure": "off"}}}, "storage_service.s3.secure: is on or off"),
        ({"external_redis": {"tlsOptions": {"enable": "false"}}}, "external_redis.tlsOptions.enable: is on or off"),
        ({"proxy": {"components": ["file:secrets/word"]}}, "proxy.components: a list holds no secrets"),
    ],
)  # fmt: skip
def test_a_misplaced_key_or_a_secret_in_clear_text_is_refused_with_a_remedy(options: dict[str, Any], said: str) -> None:
    words = refused(options)
    assert said in words
    assert "hunter2" not in words


@pytest.mark.parametrize(
    ("options", "release", "said"),
    [
        ({"jobservice": {"job_loggers": ["FILE"]}}, "v2.8.3", "Harbor 2.8 does not have it, it came with 2.9"),
        ({"ip_family": {"ipv6": {"enabled": True}}}, "v2.10.3", "Harbor 2.10 does not have it, it came with 2.11"),
        ({"external_database": {"notary_signer": {"host": "x"}}}, "v2.15.2", "it was in 2.8 last"),
    ],
)
def test_a_key_of_another_release_is_refused(options: dict[str, Any], release: str, said: str) -> None:
    assert said in refused(options, release)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("jobservice.max_job_workers", "ten", "is a whole number, 1 or more; write it without quotes"),
        ("jobservice.max_job_workers", "10", "write it without quotes"),
        ("jobservice.max_job_workers", 0, "1 or more"),
        ("jobservice.max_job_workers", True, "is a whole number"),
        ("jobservice.job_loggers", ["FILE", "SYSLOG"], "is a list of STD_OUTPUT, FILE, DB"),
        ("metric.port", 70000, "is a whole number from 1 to 65535"),
        ("external_database.harbor.port", "5432", "from 1 to 65535"),
        ("external_database.harbor.ssl_mode", "on", "is one of disable, allow, prefer, require, verify-ca"),
        ("external_redis.registry_db_index", "one", "is a whole number"),
        ("database.conn_max_lifetime", "5 minutes", "is a duration such as 5m, 90s or 1h30m"),
        ("database.max_open_conns", 1.5, "is a whole number"),
        ("log.level", "warn", "is one of debug, info, warning, error, fatal"),
        ("log.local.rotate_size", "200MB", "500k, 200M, 1G"),
        ("log.external_endpoint.protocol", "tls", "is one of tcp, udp"),
        ("upload_purging.age", "7d", "is a number of hours, 2 or more: 168h"),
        ("upload_purging.interval", "1h", "2 or more"),
        ("cache.expire_hours", "24h", "is a whole number"),
        ("trace.sample_rate", 50, "is a number from 0 to 1"),
        ("proxy.components", ["portal"], "is a list of core, jobservice, trivy"),
        ("storage_service.s3.chunksize", "5M", "is a whole number"),
    ],
)
def test_a_value_of_another_kind_than_harbor_reads_is_refused(key: str, value: object, said: str) -> None:
    assert f"{key}: " in (words := refused(nested(key, value)))
    assert said in words


def nested(dotted: str, value: object) -> dict[str, Any]:
    """Return mappings with a value at a dotted key."""
    first, _, rest = dotted.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("jobservice.max_job_workers", 1), ("database.conn_max_idle_time", 0), ("database.conn_max_lifetime", "1h30m"),
        ("database.max_open_conns", -1), ("log.local.rotate_size", 1000), ("log.local.rotate_size", "1G"),
        ("trace.sample_rate", 0.5), ("upload_purging.age", "168h"), ("upload_purging.interval", "2h"),
        ("jobservice.job_loggers", ["STD_OUTPUT", "DB"]), ("trivy.timeout", "5m0s"), ("log.level", "fatal"),
    ],
)  # fmt: skip
def test_what_the_templates_themselves_say_is_accepted(key: str, value: object) -> None:
    assert dict(flatten(settings(nested(key, value)).options)) == {key: value}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"storage_service": {"s3": {"bucket": "b"}, "azure": {"accountname": "a", "container": "c"}}},
         "storage_service: Harbor takes one driver; leave one of azure, s3"),
        ({"storage_service": {"s3": {}}}, "storage_service.s3: is empty, and Harbor would store on its own disk"),
        ({"storage_service": {"s3": {"bucket": "b"}}}, "storage_service.s3: lacks region"),
        ({"storage_service": {"swift": {"authurl": "https://a"}}}, "swift: lacks username, password, container"),
        ({"external_database": {"harbor": {"host": "db", "port": 5432}}},
         "external_database.harbor: lacks db_name, username, password, ssl_mode"),
        ({"external_redis": {"registry_db_index": 1}}, "external_redis: lacks host"),
        ({"log": {"external_endpoint": {"host": "h"}}}, "log.external_endpoint: lacks protocol, port"),
        ({"metric": {"enabled": True}}, "metric: lacks port, path"),
        ({"internal_tls": {"enabled": True}}, "internal_tls: lacks dir"),
        ({"trace": {"enabled": True}}, "trace: needs one of jaeger and otel"),
    ],
)  # fmt: skip
def test_a_block_on_which_prepare_would_fail_is_refused_with_what_it_lacks(options: dict[str, Any], said: str) -> None:
    assert said in refused(options)


def test_a_number_by_reference_is_checked_where_it_is_resolved_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PORT", "hunter2")
    options = {"external_database": {"harbor": {"port": SecretRef("env:DB_PORT")}}}
    with pytest.raises(InputError, match=r"external_database.harbor.port: is a whole number from 1 to 65535$"):
        resolve_options(options)
    monkeypatch.setenv("DB_PORT", "5432")
    assert resolve_options(options)["external_database.harbor.port"].reveal() == "5432"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12))
@example("it's")
@example("$HOME #1")
def test_a_secret_below_a_drivers_credentials_is_carried_or_refused(text: str) -> None:
    try:
        written = encode_for_harbor("storage_service.azure.credentials.secret", Secret(text)).reveal()
    except InputError:
        assert repr(text)[1:-1] != text  # a backslash, both kinds of quotes, or what Python does not print
    else:
        assert registrys("credentials", {"secret": written}) == {"credentials": {"secret": text}}


def test_all_errors_are_reported_at_once_each_at_its_line() -> None:
    log = Tree(Source("defaults.yaml", 7, ("options", "log")), {
        "levle": Tree(Source("defaults.yaml", 8, ("options", "log", "levle")), "info"),
    })  # fmt: skip
    tree = Tree(Source("defaults.yaml", 1), {
        "installer": Tree(Source("defaults.yaml", 2, ("installer",)), "harbor-offline-installer-v2.8.3.tgz"),
        "admin_password": Tree(Source("defaults.yaml", 3, ("admin_password",)), "env:X"),
        "options": Tree(Source("defaults.yaml", 4, ("options",)), {
            "hostname": Tree(Source("defaults.yaml", 5, ("options", "hostname")), "x"), "log": log,
        }),
    })  # fmt: skip
    findings = InputFaults()
    assert validate(HarborSettings, tree, Path("/site"), findings) is None
    assert findings.lines() == [
        "defaults.yaml:5: options.hostname: moor writes it from data.registry.name; set that, and leave this out",
        "defaults.yaml:8: options.log.levle: no such key; did you mean level?",
    ]


def test_an_unresolvable_reference_is_reported_by_its_key() -> None:
    options = {"trivy": {"github_token": SecretRef("env:NO_SUCH_VARIABLE")}}
    with pytest.raises(InputError, match=r"^data.harbor.options.trivy.github_token: env:NO_SUCH_VARIABLE: "):
        resolve_options(options)


def test_the_release_is_read_from_the_installers_name() -> None:
    assert [installer_release(f"harbor-offline-installer-{name}.tgz") for name in RELEASES][::5] == [OLDEST, NEWEST]
    assert installer_release("harbor.tgz") is None


def test_keys_of_a_newer_release_are_left_to_its_own_template() -> None:
    assert settings({"brand_new": 1}, "v2.16.0").options == {"brand_new": 1}


def test_every_key_that_is_listed_is_known() -> None:
    recorded = (Path(__file__).parents[2] / "recordings" / "harbor" / "keys-v2.8.3.txt").read_text().split()
    assert [key for key in recorded if not is_known(key.strip("/").replace("/", "."))] == []
    assert [path for path in all_keys() if not is_known(path)] == []
    assert not is_known("https.external_url")


SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20),
    st.sampled_from(
        ["yes", "on", "no", "off", "y", "null", "~", "12:30:45", "0777", "0o17", "1e3", "1_000", "2026-01-01", "=",
         "<<", "0x1f", ".inf", "true", "", "- a", "a: b", "a #b", "*x", "&x", "!x", "%x", "@x", "`x", "0b1", "-.5",
         "1.", "Y"]
    ),
    st.booleans(), st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.dates(),
)  # fmt: skip


@given(SCALARS)
@example(1e-05)
@example("1e-05")
@example(1e16)
@example(5e-324)
@example("1.0e-05")
def test_any_written_value_is_parsed_unchanged(value: Any) -> None:
    text = edit_harbor_yml(
        "# a comment\nlog:\n  level: info # why\n", {"log.level": value, "new.key": value}, [], "", "x"
    )
    read = yaml.safe_load(text)
    assert (read["log"]["level"], read["new"]["key"]) == (value, value)
    assert type(read["log"]["level"]) is type(value)
    assert text.startswith("# a comment\n")


def registrys(key: str, value: object) -> Mapping[str, Any]:
    """Return what the registry reads where prepare writes ``key: value`` into its file, by Python's format."""
    found: Mapping[str, Any] = yaml.safe_load(f"{key}: {value}")
    return found


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Co", "Cn")), min_size=1, max_size=20))
def test_a_secret_of_a_storage_driver_reaches_the_registrys_own_file(text: str) -> None:
    written = encode_for_harbor("storage_service.s3.secretkey", Secret(text)).reveal()
    assert registrys("secretkey", written) == {"secretkey": text}


def test_the_number_1_is_not_taken_for_true() -> None:
    assert encode_for_harbor("storage_service.filesystem.maxthreads", 1) == "1"
    assert encode_for_harbor("storage_service.filesystem.maxthreads", 50) == 50


@pytest.mark.parametrize(
    ("key", "text", "written"),
    [
        ("harbor_admin_password", "yes", "yes"),
        ("harbor_admin_password", "a$7bc$word", "'a$7bc$word'"),
        ("harbor_admin_password", "a #b", "'a #b'"),
        ("harbor_admin_password", '"quoted"', "'\"quoted\"'"),
        ("harbor_admin_password", "it's", "it's"),
        ("database.password", "a$b", "'a$b'"),
        ("external_database.harbor.password", "${HOME}", "'${HOME}'"),
        ("trivy.github_token", "plain", "plain"),
        ("external_redis.password", "p4ss-word", "p4ss-word"),
    ],
)
def test_a_password_is_quoted_so_that_compose_passes_it_on(key: str, text: str, written: str) -> None:
    assert encode_for_harbor(key, Secret(text)).reveal() == written


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("harbor_admin_password", "it's $5", "choose another"),
        ("harbor_admin_password", "two\nlines", "a line break"),
        ("database.password", "it's", "do not carry"),
        ("database.password", "two words", "do not carry"),
        ("external_redis.password", "a$b", "only letters, digits"),
        ("external_url", "https://x.test/$path", "Compose would change"),
        ("log.local.location", "/var/log/$x", "Compose would change"),
    ],
)
def test_a_value_that_harbors_files_cannot_hold_is_refused_without_printing_it(key: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        encode_for_harbor(key, Secret(text))
    assert text not in str(caught.value)
