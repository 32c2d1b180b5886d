"""How well a model in training hears and translates clips that it never learned from, by language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import torch

from speech3n.decoding.generate import generate
from speech3n.languages import language_name
from speech3n.models.gemma3n.elastic import submodel_of
from speech3n.models.gemma3n.incremental import CachedDecoder
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.data.features import FeatureStore, StoredClip
from speech3n.training.data.sentences import fingerprint
from speech3n.training.nano.ctc import Speller, encode_frames
from speech3n.training.nano.phonemes import pronounce, read_out, written
from speech3n.training.nano.trainer import Trainee
from speech3n.training.tasks import TARGET, Desk, Question

_TOKENS_A_SECOND = 8
_SHORTEST_LIMIT = 16


def choose(store: FeatureStore, each: int) -> list[StoredClip]:
    """So many clips of each language, spread over all there are, the same every time."""
    by_language: dict[str, list[StoredClip]] = defaultdict(list)
    for clip in store.clips:
        by_language[clip.language].append(clip)
    return [clip for _, clips in sorted(by_language.items()) for clip in _spread(clips, each)]


def examiner(store: FeatureStore, desk: Desk, each: int) -> Callable[[Trainee], dict[str, float]]:
    """An exam for trainees about so many clips of each language.

    It gives `ctc_per`, of phonemes, and, once there is a decoder, `wer_<language>`, `bleu_<language>` and `half_wer`,
    the mean of the nested model's rates on every other clip; all in percent, BLEU in points.
    """
    clips = choose(store, each)

    def examine(trainee: Trainee) -> dict[str, float]:
        model = trainee.model
        results = {"ctc_per": _mean(spelled(model, trainee.speller, store, clips))}
        if trainee.stage != "hear":
            results |= answered(model, desk, store, clips)
            half = submodel_of(model, trainee.nested.size.of(model.config.text))
            rates = answered(half, desk, store, clips[::2])
            results["half_wer"] = _mean({name: rate for name, rate in rates.items() if name.startswith("wer_")})
        return results

    return examine


@torch.inference_mode()
def spelled(model: Gemma3n, speller: Speller, store: FeatureStore, clips: Iterable[StoredClip]) -> dict[str, float]:
    """Phoneme error rates of what CTC reads from soft tokens, in percent, by language."""
    import jiwer

    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for clip in clips:
        mel = torch.from_numpy(store.mel(clip))[None].to(model.device)
        mask = torch.ones(mel.shape[:2], dtype=torch.bool, device=mel.device)
        frames, _ = encode_frames(model.audio_tower, mel, mask)
        said = written(pronounce(clip.text, clip.language).phones)
        pairs[clip.language].append((said, read_out(speller.read_tokens(frames)[0].argmax(-1).tolist())))
    rates = {}
    for language, both in sorted(pairs.items()):
        spoken, heard = zip(*both, strict=True)
        rates[language] = round(100 * float(jiwer.cer(list(spoken), list(heard))), 2)
    return rates


def answered(model: Gemma3n, desk: Desk, store: FeatureStore, clips: Iterable[StoredClip]) -> dict[str, float]:
    """`wer_<language>` of transcripts and `bleu_<language>` of what follows them; the language is given."""
    import sacrebleu

    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    translations: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for clip in clips:
        question = Question(clip.language, clip.translation_en is not None)
        said, _, meant = ask(model, desk, store, clip, question).partition(f"\n{language_name(TARGET)}: ")
        pairs[clip.language].append((clip.text, said))
        if clip.translation_en is not None:
            translations[clip.language].append((clip.translation_en, meant))
    results = {f"wer_{language}": rate for language, rate in _rates(pairs).items()}
    for language, both in translations.items():
        references, hypotheses = zip(*both, strict=True)
        score = sacrebleu.corpus_bleu(list(hypotheses), [list(references)]).score
        results[f"bleu_{language}"] = round(float(score), 2)
    return results


@torch.inference_mode()
def ask(model: Gemma3n, desk: Desk, store: FeatureStore, clip: StoredClip, question: Question) -> str:
    """What a model answers to a question about a clip."""
    decoder = CachedDecoder(model)
    soft_tokens = model.encode(torch.from_numpy(store.mel(clip))[None].to(model.device))
    decoder.append_soft_tokens(soft_tokens)
    prompt = desk.prompt(question)
    ids = [*prompt.prefix, *[model.config.audio_token_id] * soft_tokens.shape[1], *prompt.suffix]
    limit = _SHORTEST_LIMIT + round(clip.duration_s * _TOKENS_A_SECOND) * (2 if question.translate else 1)
    return desk.text(generate(decoder, ids, stop=(desk.end_of_turn,), limit=limit).tokens)


def _mean(rates: dict[str, float]) -> float:
    return round(sum(rates.values()) / len(rates), 2)


def _rates(pairs: dict[str, list[tuple[str, str]]]) -> dict[str, float]:
    import jiwer

    rates = {}
    for language, texts in sorted(pairs.items()):
        spoken, heard = ([fingerprint(text) for text in side] for side in zip(*texts, strict=True))
        rates[language] = round(100 * float(jiwer.wer(spoken, heard)), 2)
    return rates


def _spread(clips: Sequence[StoredClip], count: int) -> list[StoredClip]:
    step = max(1.0, len(clips) / count)
    return [clips[int(place * step)] for place in range(min(count, len(clips)))]
