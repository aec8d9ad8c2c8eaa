"""A wrong setting stops the process with its name, what it got and what it accepts."""

import pytest

from chassis.settings import Settings


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.setenv("DEPESHA_DATABASE_URL", "postgresql://desk:topsecret@127.0.0.1/depesha")
    return monkeypatch


def test_settings_come_from_the_environment(environment):
    environment.setenv("DEPESHA_PUBLIC_URL", "https://media.example.org/")

    settings = Settings.from_environment()

    assert settings.public_url == "https://media.example.org"
    assert settings.time_zone == "Asia/Yekaterinburg"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (
            "DEPESHA_TIME_ZONE",
            "Mars/Base",
            "setting DEPESHA_TIME_ZONE: Value error, must be an IANA time zone such as Asia/Yekaterinburg (got 'Mars/Base')",
        ),
        (
            "DEPESHA_LOG_LEVEL",
            "loud",
            "setting DEPESHA_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error' (got 'loud')",
        ),
        (
            "DEPESHA_S3_ENDPOINT",
            "s3:8333",
            "setting DEPESHA_S3_ENDPOINT: Value error, must begin with http:// or https:// (got 's3:8333')",
        ),
        (
            "DEPESHA_REDIS_URL",
            "amqp://secret@rabbit",
            "setting DEPESHA_REDIS_URL: Value error, must begin with redis://, rediss:// or sentinel:// (got a secret)",
        ),
        (
            "DEPESHA_REDIS_URL",
            "sentinel://secret@one:26379,two",
            "setting DEPESHA_REDIS_URL: Value error, must name hosts and the master's name: sentinel://password@host:26379,host:26379/MASTER/0 (got a secret)",
        ),
        (
            "DEPESHA_DATABASE_URL",
            "mysql://root:secret@db/depesha",
            "setting DEPESHA_DATABASE_URL: Value error, must begin with postgresql:// (got a secret)",
        ),
        ("DEPESHA_PORT", "99999", "setting DEPESHA_PORT: Input should be less than or equal to 65535 (got '99999')"),
        (
            "DEPESHA_POOL_SIZE",
            "many",
            "setting DEPESHA_POOL_SIZE: Input should be a valid integer, unable to parse string as an integer (got 'many')",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_got_and_accepts(environment, name, value, complaint):
    environment.setenv(name, value)

    with pytest.raises(SystemExit) as stop:
        Settings.from_environment()

    assert complaint in str(stop.value)


def test_a_missing_setting_is_named(monkeypatch):
    monkeypatch.delenv("DEPESHA_DATABASE_URL", raising=False)

    with pytest.raises(SystemExit, match="setting DEPESHA_DATABASE_URL: Field required — postgresql://role:password"):
        Settings.from_environment()


@pytest.mark.parametrize("is_there_but_empty", [False, True])
def test_a_secret_may_come_from_a_file_and_is_never_shown(monkeypatch, tmp_path, is_there_but_empty):
    (tmp_path / "url").write_text("postgresql://desk:topsecret@127.0.0.1/depesha\n")
    monkeypatch.setenv("DEPESHA_DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("DEPESHA_DATABASE_URL", "")
    if not is_there_but_empty:
        monkeypatch.delenv("DEPESHA_DATABASE_URL")
    monkeypatch.setenv("DEPESHA_LOG_LEVEL_FILE", "")

    settings = Settings.from_environment()

    assert settings.database_url.get_secret_value() == "postgresql://desk:topsecret@127.0.0.1/depesha"
    assert "topsecret" not in repr(settings)
