"""What looks like a secret is masked wherever it stands; what tells about the cluster is not."""

from __future__ import annotations

import pytest

from mockconnect.capture.masking import MASK, Mask, looks_secret


@pytest.mark.parametrize(
    "name",
    [
        "connection.password",
        "database.history.consumer.ssl.key.password",
        "producer.override.sasl.jaas.config",
        "aws.secret.access.key",
        "aws.access.key.id",
        "gcs.credentials.json",
        "api.token",
        "apiKey",
        "datadog.api_key",
        "snowflake.private.key",
        "private.key.passphrase",
        "splunk.hec.token",
        "ssl.keystore.key",
        "value.converter.basic.auth.user.info",
        "es.net.http.auth.Passwd",
        "azure.storage.account.key",
        "http.headers.authorization",
        "encryption.key",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name)
    assert Mask([]).config({name: "a value"}) == {name: MASK}


@pytest.mark.parametrize(
    "name",
    [
        "key.converter",
        "key.converter.schemas.enable",
        "message.key.columns",
        "transforms.extract.field",
        "transforms.key.type",
        "pk.fields",
        "primary.key",
        "partition.key",
        "key.ignore",
        "ssl.keystore.location",
        "ssl.truststore.type",
        "sasl.mechanism",
        "connector.class",
        "database.user",
        "topics",
    ],
)
def test_names_that_are_not(name: str) -> None:
    assert not looks_secret(name)
    assert Mask([]).config({name: "a value"}) == {name: "a value"}


def test_keys_of_type_password_are_masked_whatever_their_name() -> None:
    assert Mask(["pin"]).config({"pin": "1234", "pins": "5678", "none": None}) == {
        "pin": MASK,
        "pins": "5678",
        "none": None,
    }


@pytest.mark.parametrize("value", ["", "true", "False", "none"])
def test_what_is_no_secret_in_any_case(value: str) -> None:
    assert Mask([]).config({"use.password": value}) == {"use.password": value}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("jdbc:mysql://root:hunter2@db:3306/x", f"jdbc:mysql://root:{MASK}@db:3306/x"),
        ("mongodb://u:p%40ss@a,b/?replicaSet=r", f"mongodb://u:{MASK}@a,b/?replicaSet=r"),
        ("jdbc:sqlserver://db;user=sa;password=Ab1;x=y", f"jdbc:sqlserver://db;user=sa;password={MASK};x=y"),
        ('Login required username="u" password="p q";', f'Login required username="u" password={MASK};'),
        ("http://a:8083/x@y", "http://a:8083/x@y"),
    ],
)
def test_secrets_inside_values(value: str, shown: str) -> None:
    assert Mask([]).config({"url": value}) == {"url": shown}


def test_a_trace_that_quotes_a_secret_is_masked() -> None:
    mask = Mask([])
    mask.config({"db.password": "correct horse", "other.password": "a"})
    assert mask.text("cannot log in with 'correct horse' at a.b") == f"cannot log in with '{MASK}' at a.b"
