"""Sentences that go through JSON, to another process or another run, can still be translated."""

import json

import pytest

from engine.messages import Message, as_data, as_json, as_message, from_data, from_json, message


def test_a_sentence_within_a_sentence_comes_back_as_it_was():
    reason = message("it has no room")
    told = message("{node}: {words} (status {status}).", node="PACS", words=reason, status=7)
    again = from_json(as_json(told))
    assert again == told == "PACS: it has no room (status 7)."
    assert again.template == told.template
    assert isinstance(again.values["words"], Message)
    assert isinstance(json.dumps(as_data(told)), str)


def test_a_text_of_an_earlier_version_is_taken_as_it_is():
    assert from_json("it could not store it (status 0xa700)") == as_message(
        "it could not store it (status 0xa700)"
    )
    assert from_json("") == ""
    assert from_json("[" * 100_000) == "[" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        None,
        "words",
        {},
        {"template": 1, "values": {}},
        {"template": "{a.b}", "values": {"a": 1}},
        {"template": "{a}", "values": {"a": None}},
        {"template": "{}", "values": {"a": 1}},
        {"template": "{a", "values": {"a": 1}},
    ],
)
def test_what_is_no_sentence_is_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011  of json's decoder and ours
        from_data(data)
