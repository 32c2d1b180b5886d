"""Fine-tuning: it helps, stops and goes on, keeps what it should, and says what is wrong with what it was given."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Gemma3nForConditionalGeneration

from speech3n.cli import main as cli
from speech3n.cli.finetune import ConsoleReporter
from speech3n.errors import ModelError, UsageError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.quantisation import RECIPES
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from speech3n.training.clip_batches import ClipBatches, DataConfig
from speech3n.training.data.features import FeatureWriter
from speech3n.training.data.manifest import ManifestError
from speech3n.training.data.sampler import Position
from speech3n.training.finetune import command
from speech3n.training.finetune.clips import load_waveforms, read_clips
from speech3n.training.finetune.command import FineTuned, FineTuneRequest, fine_tune
from speech3n.training.finetune.dataset import Sources, build_dataset
from speech3n.training.finetune.record import RECORD
from speech3n.training.finetune.run import FineTuneRun
from speech3n.training.finetune.trainer import FineTunePlan, FineTuneTrainer, Method
from speech3n.training.nano.model import new_nano
from speech3n.training.nano.synthesis.espeak import espeak
from speech3n.training.new_checkpoint import save_companions
from speech3n.training.tasks import PromptEncoder
from tests.models.gemma3n.pairs import no_vision
from tests.training.nano_doubles import SMALL_HALF, TEXTS, small_nano, write_manifest

PLAN = FineTunePlan(steps=6, rate=0.02, rank=4, evaluate_every=2, seed=3)
IDS = torch.arange(3, 20)[None]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint that was never trained, with a half in it."""
    folder = tmp_path_factory.mktemp("base") / "toy"
    folder.mkdir()
    tokenizer, config = small_nano()
    save_companions(folder, tokenizer, config)
    Capabilities(sizes={"half": SMALL_HALF}).write(folder)
    checkpoint.save(new_nano(config, 0).bfloat16(), folder)
    return folder


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_manifest(tmp_path_factory.mktemp("clips"), 12)


def request(base: Path, manifest: Path, output: Path, plan: FineTunePlan = PLAN, **sources: Any) -> FineTuneRequest:
    return FineTuneRequest(Sources(manifest, **sources), plan, str(base), output, batch_s=6.0, threads=1)


def fine_tuned(asked: FineTuneRequest) -> int:
    """The exit code."""
    return fine_tune(asked, ConsoleReporter()).exit_code


@pytest.mark.parametrize(("is_written", "is_interrupted", "code"), [(1, 0, 0), (0, 0, 1), (1, 1, 130), (0, 1, 130)])
def test_the_command_prints_the_folder_that_was_written(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    is_written: int, is_interrupted: int, code: int,
) -> None:  # fmt: skip
    outcome = FineTuned(tmp_path / "out" if is_written else None, bool(is_interrupted))
    monkeypatch.setattr(command, "fine_tune", lambda request, reporter: outcome)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["finetune", str(manifest), "--output", str(tmp_path / "out")])
    assert exit_.value.code == code
    assert capsys.readouterr().out == (f"{tmp_path / 'out'}\n" if is_written else "")


@pytest.mark.parametrize("method", ["lora", "full"])
def test_it_helps_and_what_comes_out_is_a_checkpoint(
    base: Path, manifest: Path, tmp_path: Path, method: Method, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert fine_tuned(request(base, manifest, output, replace(PLAN, method=method))) == 0
    told = capsys.readouterr()
    assert told.out == "", "the library prints nothing"
    assert "WER" in told.err
    record = json.loads((output / RECORD).read_text())
    assert record["best"]["loss"] < record["first"]["loss"] - 0.2
    assert record["best"]["step"] > 0
    model = checkpoint.load(output, torch.float32)
    assert Capabilities.read(output).sizes == {"half": SMALL_HALF}
    with no_vision():
        theirs, report = Gemma3nForConditionalGeneration.from_pretrained(
            output, dtype=torch.float32, output_loading_info=True
        )
    assert not any("vision" not in str(name) for kind in report.values() for name in kind)
    torch.testing.assert_close(model(IDS), theirs.eval()(input_ids=IDS).logits, atol=1e-4, rtol=1e-4)
    assert not (output / "finetuning").exists()
    assert "from toy" in (output / "README.md").read_text("utf-8")


def moved_by(trainer: FineTuneTrainer, manifest: Path, folder: Path) -> set[str]:
    """The weights that a few steps change, by their names in a checkpoint."""
    tokenizer, config = small_nano()
    store = build_dataset(Sources(manifest), None, folder).store
    batches = ClipBatches(store, PromptEncoder(tokenizer, config), config, DataConfig(batch_frames=800))
    position = Position(0, 0)
    for _ in range(3):
        batch, position = batches.at(position)
        trainer.train_step(batch, 0.01)
    before = new_nano(small_nano()[1], 0).state_dict()
    return {name for name, value in trainer.finish().state_dict().items() if not torch.equal(value, before[name])}


def test_lora_moves_matrices_of_attention_and_feed_forward_alone(manifest: Path, tmp_path: Path) -> None:
    trainer = FineTuneTrainer(new_nano(small_nano()[1], 0), PLAN, SMALL_HALF)
    moved = moved_by(trainer, manifest, tmp_path)
    assert "language_model.layers.0.mlp.down_proj.weight" in moved
    assert "audio_tower.conformer.1.ffw_layer_start.ffw_layer_1.weight" in moved
    assert not any("norm" in name or "embed_tokens" in name or "altup" in name for name in moved)
    assert not any("laurel" in name or "subsample" in name for name in moved)


def test_in_full_all_but_the_per_layer_embeddings_moves(manifest: Path, tmp_path: Path) -> None:
    trainer = FineTuneTrainer(new_nano(small_nano()[1], 0), replace(PLAN, method="full"), SMALL_HALF)
    moved = moved_by(trainer, manifest, tmp_path)
    assert {"language_model.embed_tokens.weight", "language_model.norm.weight"} <= moved
    assert "language_model.embed_tokens_per_layer.weight" not in moved


def test_a_run_that_stops_and_goes_on_is_one_that_never_stopped(
    base: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(PLAN, steps=6, evaluate_every=2)
    assert fine_tuned(request(base, manifest, tmp_path / "whole", plan)) == 0
    train_step = FineTuneTrainer.train_step
    stopped: list[int] = []

    def learn_and_stop(self: FineTuneTrainer, *given: Any) -> dict[str, float]:
        run_ = runs[-1]
        if run_.progress.step + 1 in (3, 4) and run_.progress.step + 1 not in stopped:
            stopped.append(run_.progress.step + 1)
            run_.stop()
        return train_step(self, *given)

    runs: list[FineTuneRun] = []
    begin = FineTuneRun.__init__

    def begin_and_tell(self: FineTuneRun, *given: Any) -> None:
        runs.append(self)
        begin(self, *given)

    monkeypatch.setattr(FineTuneRun, "__init__", begin_and_tell)
    monkeypatch.setattr(FineTuneTrainer, "train_step", learn_and_stop)
    parts = request(base, manifest, tmp_path / "parts", plan)
    assert [fine_tuned(parts), fine_tuned(parts), fine_tuned(parts)] == [130, 130, 0]
    assert stopped == [3, 4]
    whole, together = (checkpoint.load(tmp_path / name).state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(value, together[name]) for name, value in whole.items())
    assert (tmp_path / "whole" / RECORD).read_text() == (tmp_path / "parts" / RECORD).read_text()


def test_what_was_begun_otherwise_does_not_go_on(base: Path, manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    fine_tuned(replace(request(base, manifest, output), minutes=0.0))
    with pytest.raises(UsageError, match="rank changed"):
        fine_tuned(request(base, manifest, output, replace(PLAN, rank=2)))
    with pytest.raises(UsageError, match="there already"):
        fine_tuned(request(base, manifest, base))


def test_where_nothing_gets_better_nothing_is_written(
    base: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    plan = replace(PLAN, rate=1e4, method="full", patience=1)
    assert fine_tuned(request(base, manifest, output, plan)) == 1
    assert "nothing is written" in capsys.readouterr().err
    assert not (output / "config.json").exists()


def test_a_quantised_base_learns_in_full_precision(base: Path, manifest: Path, tmp_path: Path) -> None:
    quantise_checkpoint(base, RECIPES["int8"], tmp_path / "int8")
    assert fine_tuned(request(tmp_path / "int8", manifest, tmp_path / "out")) == 0
    assert {value.dtype for value in checkpoint.load(tmp_path / "out").state_dict().values()} == {torch.bfloat16}


def test_clips_to_keep_are_mixed_in_and_measured(base: Path, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    others = write_manifest(tmp_path / "others", 20)
    text = others.read_text()
    for old, new in zip(TEXTS.values(), ("One", "Dos", "Trois", "Quattro", "Cinco"), strict=True):
        text = text.replace(json.dumps(old)[1:-1], new)
    others.write_text(text)
    output = tmp_path / "out"
    asked = request(base, manifest, output, keep=(others,), keep_share=0.5)
    dataset = build_dataset(asked.sources, None, tmp_path / "work")
    kept = [clip for clip in dataset.store.clips if str(tmp_path / "others") in clip.source]
    share = sum(clip.duration_s for clip in kept) / sum(clip.duration_s for clip in dataset.store.clips)
    assert share == pytest.approx(0.5, abs=0.2)
    assert len(dataset.others_held_out) == 5
    assert not {clip.text for clip in dataset.others_held_out} & {clip.text for clip in dataset.store.clips}
    assert fine_tuned(asked) == 0
    record = json.loads((output / RECORD).read_text())
    assert set(record["before"]["others"]) == set(record["after"]["others"]) >= {"wer_en", "bleu_es"}
    assert record["best"]["score"] == pytest.approx((record["best"]["loss"] + record["best"]["kept"]) / 2)


def test_any_language_is_learned_by_a_model_that_knows_any_and_nothing_asks_for_espeak(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak.cache_clear()
    (tmp_path / "clips").mkdir()
    manifest = write_manifest(tmp_path / "clips", 12)
    manifest.write_text(manifest.read_text().replace('"language": "en"', '"language": "de"'))
    assert fine_tuned(request(base, manifest, tmp_path / "out")) == 0
    assert "wer_de" in json.loads((tmp_path / "out" / RECORD).read_text())["before"]["own"]


def test_a_language_that_the_model_does_not_know_is_named_with_its_line_before_any_work(
    base: Path, manifest: Path, tmp_path: Path
) -> None:
    knows_five = tmp_path / "knows-five"
    shutil.copytree(base, knows_five)
    Capabilities(frozenset(TEXTS), frozenset({"en"}), sizes={"half": SMALL_HALF}).write(knows_five)
    (tmp_path / "clips").mkdir()
    german = write_manifest(tmp_path / "clips", 2, language="German")
    output = tmp_path / "out"
    expected = r"clips.jsonl, line 1: the model does not know the language 'de'"
    for asked in (request(knows_five, german, output), request(knows_five, manifest, output, keep=(german,))):
        with pytest.raises(ManifestError, match=expected) as error:
            fine_tuned(asked)
        assert "en, es, fr, it, pt" in error.value.hint
        assert not output.exists()
    features = tmp_path / "features"
    FeatureWriter(features).add("clips", load_waveforms(read_clips(german, None)))
    with pytest.raises(ManifestError, match="features': the model does not know the language 'de'"):
        fine_tuned(request(knows_five, manifest, output, keep=(features,)))
    assert not output.exists()


def test_the_command_line_adapts_a_folder_and_refuses_other_models(
    base: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def finetune(model: Path, *more: str) -> int:
        with pytest.raises(SystemExit) as exit_:
            cli.main(["finetune", str(manifest), "--model", str(model), "--output", str(tmp_path / "out"), *more])
        assert isinstance(exit_.value.code, int)
        return exit_.value.code

    assert finetune(base, "--steps", "2", "--rate", "0.02", "--batch-s", "5", "--rank", "2") == 0
    assert json.loads((tmp_path / "out" / RECORD).read_text())["rank"] == 2
    capsys.readouterr()
    whisper = tmp_path / "whisper"
    whisper.mkdir()
    (whisper / "config.json").write_text("{}")
    (whisper / "model.bin").write_bytes(b"")
    assert finetune(whisper) == 2
    assert "is a Whisper model" in capsys.readouterr().err
    assert finetune(base, "--device", "nothing") == 2
    assert "no device 'nothing'" in capsys.readouterr().err


def test_a_large_quantised_base_is_refused(
    base: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quantise_checkpoint(base, RECIPES["int8"], tmp_path / "int8")
    monkeypatch.setattr("speech3n.training.finetune.base._LARGE", 1)
    with pytest.raises(ModelError, match="quantised"):
        fine_tuned(request(tmp_path / "int8", manifest, tmp_path / "out"))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_large_base_keeps_its_table_where_it_lies(
    base: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    monkeypatch.setattr("speech3n.training.finetune.base._LARGE", 1)
    opened: list[Any] = []
    begin = FineTuneTrainer.__init__

    def begin_and_look(self: FineTuneTrainer, model: Any, *given: Any) -> None:
        opened.append({name: value.dtype for name, value in model.state_dict().items()})
        begin(self, model, *given)

    monkeypatch.setattr(FineTuneTrainer, "__init__", begin_and_look)
    plan = replace(PLAN, steps=2, method=method)
    assert fine_tuned(request(base, manifest, tmp_path / "out", plan)) == 0
    table = "language_model.embed_tokens_per_layer.weight"
    assert opened[0].pop(table) is torch.bfloat16
    assert set(opened[0].values()) == {torch.bfloat16 if method == "lora" else torch.float32}
    same = (checkpoint.load(folder).state_dict()[table] for folder in (base, tmp_path / "out"))
    assert torch.equal(*same)
