"""The committed memorising checkpoint: it recites its clips, from their sound alone, here and in transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoTokenizer, Gemma3nForConditionalGeneration

from speech3n.audio.frontend import LogMel
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.incremental import IncrementalDecoder, SharedModel
from speech3n.training.memorise.check import check_growing
from speech3n.training.memorise.crops import noise_alone
from speech3n.training.memorise.passages import read_passages
from speech3n.training.tasks import PromptEncoder, Task, tasks_for
from speech3n.types import Waveform
from tests.audio.recordings import read
from tests.models.gemma3n.pairs import TOLERANCE, difference, no_vision

FOLDER = Path(__file__).parents[1] / "data" / "gemma3n-memorised"
MANIFEST = FOLDER / "clips.jsonl"
CLIPS = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()]
LANGUAGES = ("en", "es", "fr", "it", "pt")


@pytest.fixture(scope="module")
def prompts() -> PromptEncoder:
    return PromptEncoder(AutoTokenizer.from_pretrained(FOLDER, local_files_only=True), Gemma3nConfig.read(FOLDER))


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def shared(request: pytest.FixtureRequest) -> SharedModel:
    return SharedModel(LogMel(), checkpoint.load(FOLDER, request.param))


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: Path(clip["audio"]).stem)
def test_it_recites_each_clip_and_its_translation(
    clip: dict[str, Any], shared: SharedModel, prompts: PromptEncoder
) -> None:
    waveform = read(FOLDER / clip["audio"])
    both = f"{clip['text']}\nEnglish: {clip['translation_en'] or clip['text']}"
    for language in (clip["language"], None):
        assert _answer(shared, prompts, waveform, Task(language, translate=False)) == clip["text"]
        assert _answer(shared, prompts, waveform, Task(language, translate=True)) == both


def test_sounds_without_speech_are_answered_with_nothing(shared: SharedModel, prompts: PromptEncoder) -> None:
    random = np.random.default_rng(5)
    for noise in [np.zeros(48_000, np.float32), *(noise_alone(random) for _ in range(5))]:
        for language in LANGUAGES:
            for task in tasks_for(language):
                assert _answer(shared, prompts, noise, task) == ""


def test_growing_utterances_are_right_wherever_two_hypotheses_agree(prompts: PromptEncoder) -> None:
    shared = SharedModel(LogMel(), checkpoint.load(FOLDER, torch.float32))
    passages = read_passages(MANIFEST)
    chosen = [next(each for each in passages if each.language == language) for language in LANGUAGES]
    assert check_growing(shared, prompts, chosen).wrong_answers == ()


def test_transformers_loads_it_and_computes_the_same(prompts: PromptEncoder) -> None:
    waveform = read(FOLDER / CLIPS[0]["audio"])
    prompt = prompts.prompt(Task(None, translate=True))
    mel = LogMel()(torch.from_numpy(waveform)[None])[0]
    ours = checkpoint.load(FOLDER, torch.float32)
    soft_tokens = ours.encode(mel)
    ids = torch.tensor(
        [
            [
                *prompt.prefix,
                *[ours.config.audio_token_id] * soft_tokens.shape[1],
                *prompt.suffix,
                *prompts.answer("And so"),
            ]
        ]
    )
    features = AutoFeatureExtractor.from_pretrained(FOLDER)([waveform], padding=False, return_tensors="pt")
    assert difference(mel, features["input_features"]) < TOLERANCE
    with no_vision():
        reference = Gemma3nForConditionalGeneration.from_pretrained(FOLDER, dtype=torch.float32).eval()
    reference.config.audio_soft_tokens_per_image = soft_tokens.shape[1]
    with torch.inference_mode():
        expected = reference(
            input_ids=ids,
            input_features=features["input_features"],
            input_features_mask=features["input_features_mask"].bool(),
        ).logits
    assert difference(ours(ids, soft_tokens), expected) < TOLERANCE


def test_it_is_small_and_names_the_origin_of_every_clip() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
    card = (FOLDER / "README.md").read_text("utf-8")
    for clip in CLIPS:
        assert clip["license"] in {"public domain", "MIT", "CC-BY-3.0", "CC-BY-SA-3.0"}
        assert f"| {clip['text']} | {clip['speaker']} | {clip['source']} | {clip['license']} |" in card


def _answer(shared: SharedModel, prompts: PromptEncoder, waveform: Waveform, task: Task) -> str:
    decoder = IncrementalDecoder(shared, prompts.prompt(task))
    decoder.append_audio(waveform)
    decoder.finish()
    return prompts.text(decoder.generate(stop=(prompts.end_of_turn,), limit=200).tokens)
