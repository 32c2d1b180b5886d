"""What is bundled: clips with their speakers, licences and words."""

from __future__ import annotations

import json

import av
import pytest

from tests.conftest import EXAMPLES, REPOSITORY
from tests.packaging.closure import PYPROJECT

PERMISSIVE = {"public domain", "MIT", "CC-BY-3.0", "CC-BY-SA-3.0"}
RECORDS = [json.loads(line) for line in (EXAMPLES / "examples.jsonl").read_text("utf-8").splitlines()]


def test_every_clip_has_a_speaker_a_licence_and_its_words() -> None:
    assert {record["audio"] for record in RECORDS} == {path.name for path in EXAMPLES.glob("*.flac")}
    assert {record["language"] for record in RECORDS} == {"en", "es", "fr", "it", "pt"}
    attribution = (EXAMPLES / "README.md").read_text("utf-8")
    for record in RECORDS:
        assert record["license"] in PERMISSIVE
        assert record["speaker"].split()[-1] in attribution
        assert record["audio"] in attribution
        assert record["text"]
        assert record["translation_en"] or record["language"] == "en"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["language"])
def test_clips_are_what_their_records_say(record: dict[str, object]) -> None:
    with av.open(str(EXAMPLES / str(record["audio"]))) as container:
        stream = container.streams.audio[0]
        assert stream.rate == 16000
        assert stream.channels == 1
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(record["duration_s"], abs=0.01)


def test_the_licences_are_there() -> None:
    assert "Version 2.0, January 2004" in (REPOSITORY / "LICENSE").read_text("utf-8")
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    assert "speech3n/examples/README.md" in (REPOSITORY / "NOTICE").read_text("utf-8")
