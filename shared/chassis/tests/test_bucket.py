"""Objects in the bucket: written under a condition, read back with all that was said of them, and refusals in our words."""

import pytest
from pydantic import SecretStr

from chassis.bucket import REDIRECT, Bucket, KeyTaken, ObjectMissing, StorageDown
from chassis.ids import new_id
from chassis.settings import Settings

pytestmark = pytest.mark.stack


@pytest.fixture
def folder():
    return f"bucket-test/{new_id()}"


def put(bucket, key, body=b"one", **given):
    return bucket.put(key, body, content_type="text/plain; charset=utf-8", **given)


def test_an_object_comes_back_with_all_that_was_said_of_it(public_bucket, folder):
    etag = put(public_bucket, f"{folder}/a", b"one", attributes={"version": "7"}, cache_control="max-age=15")

    head = public_bucket.head(f"{folder}/a")
    assert public_bucket.get(f"{folder}/a") == b"one"
    assert (head["ETag"], head["ContentLength"], head["ContentType"]) == (etag, 3, "text/plain; charset=utf-8")
    assert head["Metadata"] == {"version": "7"}
    assert head["LastModified"].tzinfo is not None


def test_what_is_new_is_written_once(private_bucket, folder):
    put(private_bucket, f"{folder}/a", b"one", if_none_match=True)

    with pytest.raises(KeyTaken, match=f"{folder}/a: another object stands there"):
        put(private_bucket, f"{folder}/a", b"two", if_none_match=True)
    assert private_bucket.get(f"{folder}/a") == b"one"


def test_who_knows_an_old_object_does_not_overwrite_a_newer_one(private_bucket, folder):
    first = put(private_bucket, f"{folder}/a", b"one")
    second = put(private_bucket, f"{folder}/a", b"two", if_match=first)

    with pytest.raises(KeyTaken):
        put(private_bucket, f"{folder}/a", b"late", if_match=first)
    assert private_bucket.get(f"{folder}/a") == b"two"
    assert private_bucket.etags(folder) == {f"{folder}/a": second}


def test_a_redirect_is_written_under_the_same_conditions(public_bucket, folder):
    key, to = f"{folder}/old.html", "https://vestnik.example/new.html"
    etag = put(public_bucket, key, b"moved", attributes={REDIRECT: to, "status": "301"}, if_none_match=True)

    with pytest.raises(KeyTaken):
        put(public_bucket, key, b"again", attributes={REDIRECT: to}, if_none_match=True)
    head = public_bucket.head(key)
    assert (head["ETag"], head["Metadata"]) == (etag, {"status": "301"})


@pytest.mark.parametrize("name", ["русский ключ.html", "a+b&c=d~e%20f*g(1)!.txt"])
def test_a_key_may_hold_any_signs(private_bucket, folder, name):
    put(private_bucket, f"{folder}/{name}")

    assert private_bucket.get(f"{folder}/{name}") == b"one"
    assert list(private_bucket.list(f"{folder}/")) == [f"{folder}/{name}"] == list(private_bucket.etags(folder))


def test_what_is_not_there_is_missing(private_bucket, folder):
    with pytest.raises(ObjectMissing, match=f"{folder}/a: no such object"):
        private_bucket.get(f"{folder}/a")
    with pytest.raises(ObjectMissing):
        private_bucket.head(f"{folder}/a")
    assert private_bucket.exists(f"{folder}/a") is False
    assert private_bucket.etags(folder) == {}


def test_a_wrong_key_and_a_silent_storage_are_told_apart_in_one_line(settings_for):
    given = settings_for("publication")
    stranger = Bucket.private(Settings(**{**given, "s3_secret_key": SecretStr("wrong")}))
    silent = Bucket.private(Settings(**{**given, "s3_endpoint": "http://127.0.0.1:9"}))

    with pytest.raises(StorageDown) as refused:
        put(stranger, "bucket-test/a")
    with pytest.raises(StorageDown) as unheard:
        put(silent, "bucket-test/a")

    assert (refused.value.answered, unheard.value.answered) == (403, None)
    assert "Connection refused" in str(unheard.value)
    assert all("\n" not in str(error.value) for error in (refused, unheard))
