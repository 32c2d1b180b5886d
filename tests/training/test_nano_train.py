"""Training nano: a step learns, a stop changes nothing, the nested model is the sliced one, averages are means."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from speech3n.errors import ModelError, StorageError, UsageError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.elastic import submodel_of
from speech3n.training import state
from speech3n.training.data.sampler import Position
from speech3n.training.nano.average import average
from speech3n.training.nano.average import main as average_main
from speech3n.training.nano.batches import NanoBatches
from speech3n.training.nano.ctc import encode_frames
from speech3n.training.nano.initialise import begin_with
from speech3n.training.nano.model import FOLDER, new_nano
from speech3n.training.nano.phonemes import SYMBOLS
from speech3n.training.nano.run import Evaluate, NanoRun
from speech3n.training.nano.trainer import NanoPlan, NanoTrainer, Stage
from speech3n.training.nested import NestedModel
from speech3n.training.pause import wait_while_exists
from speech3n.training.step import IGNORED, answer_loss
from speech3n.training.tasks import PromptEncoder
from speech3n.training.tokenizer import open_tokenizer
from speech3n.training.training_log import TrainingLog, plot
from tests.training.nano_doubles import DATA, NO_AUGMENTATION, SENTENCES, SMALL_HALF, feature_store, small_nano

STAGES: tuple[Stage, Stage] = ("encoder", "decoder")
PLAN = NanoPlan(steps=6, rate=3e-3, warm_up=1, save_every=3, evaluate_every=6, evaluation_clips=1, data=DATA)


def training(folder: Path, features: Path, plan: NanoPlan = PLAN, evaluate: Evaluate | None = None) -> NanoRun:
    tokenizer, config = small_nano()
    store = feature_store(features) if plan.stage != "decoder" else None
    batches = NanoBatches(store, SENTENCES, PromptEncoder(tokenizer, config), config, plan.data)
    trainer = NanoTrainer(new_nano(config, 0), plan, nested=SMALL_HALF)
    return NanoRun(trainer, batches, plan, folder, store.digest if store else "", evaluate=evaluate)


def test_training_that_stops_and_goes_on_is_training_that_never_stopped(tmp_path: Path) -> None:
    whole = training(tmp_path / "whole", tmp_path / "features")
    whole.run()
    first = training(tmp_path / "parts", tmp_path / "features", replace(PLAN, save_every=1))
    learn = first.trainer.train_step

    def learn_and_stop(*given, **named):  # type: ignore[no-untyped-def]
        first.stop()
        return learn(*given, **named)

    first.trainer.train_step = learn_and_stop  # type: ignore[method-assign]
    first.run()
    assert first.progress.step == 1
    for expected in (3, 6):
        part = training(tmp_path / "parts", tmp_path / "features", PLAN)
        original = part.trainer.train_step

        def learn_until(*given, part=part, original=original, expected=expected, **named):  # type: ignore[no-untyped-def]
            if part.progress.step + 1 == expected:
                part.stop()
            return original(*given, **named)

        part.trainer.train_step = learn_until  # type: ignore[method-assign]
        part.run()
        assert part.progress.step == expected
    for name, value in whole.trainer.model.state_dict().items():
        assert torch.equal(value, part.trainer.model.state_dict()[name]), name
    assert whole.progress.position == part.progress.position
    assert whole.progress.audio_s == pytest.approx(part.progress.audio_s)


def test_steps_lower_every_loss(tmp_path: Path) -> None:
    data = replace(DATA, augmentation=NO_AUGMENTATION, batch_frames=2000)
    run = training(tmp_path / "run", tmp_path / "features", replace(PLAN, data=data))
    batch, _ = run.batches.at(Position(0, 0))
    losses = [run.trainer.train_step(batch, 3e-3) for _ in range(12)]
    for name in ("ctc", "ctc_tokens", "whole", "nested"):
        assert losses[-1][name] < 0.9 * losses[0][name], name


@pytest.mark.parametrize(
    ("stage", "expected"), [("encoder", {"audio_tower"}), ("decoder", {"language_model", "embed_audio"})]
)
def test_a_part_alone_leaves_the_other_as_it_is(stage: Stage, expected: set[str], tmp_path: Path) -> None:
    run = training(tmp_path / "run", tmp_path / "features", replace(PLAN, stage=stage))
    before = {name: value.clone() for name, value in run.trainer.model.state_dict().items()}
    batch, _ = run.batches.at(Position(0, 0))
    run.trainer.train_step(batch, 1e-3)
    moved = {
        name.split(".")[0]
        for name, value in run.trainer.model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == expected


def test_parts_that_were_trained_apart_begin_together(tmp_path: Path) -> None:
    features = tmp_path / "features"
    for stage in STAGES:
        training(tmp_path / stage, features, replace(PLAN, stage=stage, steps=3)).run()
    together = training(tmp_path / "both", features)
    for stage in STAGES:
        state.begin_with(tmp_path / stage, together.trainer.parts)
    before = mismatch(together)
    begin_with(together.trainer, together.batches, [tmp_path / stage for stage in STAGES])
    weights = together.trainer.model.state_dict()
    for stage, part in (("encoder", "audio_tower."), ("decoder", "language_model.")):
        trained = training(tmp_path / stage, features, replace(PLAN, stage=stage, steps=3)).trainer.model.state_dict()
        assert all(torch.equal(value, weights[name]) for name, value in trained.items() if name.startswith(part))
    assert mismatch(together) < 0.9 * before


def test_a_finished_checkpoint_learns_on(tmp_path: Path) -> None:
    data = replace(DATA, augmentation=NO_AUGMENTATION, batch_frames=2000)
    trained = training(tmp_path / "run", tmp_path / "features", replace(PLAN, data=data)).trainer
    checkpoint.save(trained.model, tmp_path / "checkpoint")
    again = training(tmp_path / "again", tmp_path / "features", replace(PLAN, data=replace(data, seed=5)))
    batch, _ = again.batches.at(Position(0, 0))
    begin_with(again.trainer, again.batches, [tmp_path / "checkpoint"])
    learned = again.trainer.model.state_dict()
    assert all(torch.equal(value, learned[name]) for name, value in trained.model.state_dict().items())
    assert all(value.grad is None for value in again.trainer.model.parameters())
    with torch.no_grad():
        fitted = again.trainer.losses(batch)
        again.trainer.ctc_head.load_state_dict(trained.ctc_head.state_dict())
        again.trainer.phoneme_embedding.load_state_dict(trained.phoneme_embedding.state_dict())
        untrained = again.trainer.losses(batch)
    assert fitted["ctc"] < 0.9 * untrained["ctc"]
    assert fitted["ctc_tokens"] < 0.9 * untrained["ctc_tokens"]
    assert fitted["whole"] + fitted["nested"] < untrained["whole"] + untrained["nested"]


def test_a_checkpoint_does_not_begin_a_stage_alone(tmp_path: Path) -> None:
    run = training(tmp_path / "run", tmp_path / "features", replace(PLAN, stage="decoder"))
    with pytest.raises(UsageError, match="no run"):
        begin_with(run.trainer, run.batches, [tmp_path])


def mismatch(run: NanoRun) -> float:
    """How far soft tokens are from the letters that CTC reads from them."""
    trainer = run.trainer
    batch, _ = run.batches.at(Position(0, 0))
    with torch.no_grad():
        frames, mask = encode_frames(trainer.model.audio_tower, batch.mel, batch.mask)
        mask = mask[:, ::4]
        wanted = trainer.phoneme_embedding.expected(trainer.ctc_head.read_tokens(frames).view(*mask.shape, 4, SYMBOLS))
        encoded = trainer.model.embed_audio(frames[:, ::4])
    return 1 - float(torch.cosine_similarity(encoded, wanted, -1)[mask].mean())


def test_a_head_is_guided_to_where_the_next_letters_are(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    prompts = PromptEncoder(tokenizer, config)
    batch, _ = NanoBatches(None, SENTENCES, prompts, config, DATA).at(Position(0, 0))
    first, last, _ = batch.whole.attention_targets
    rows, places = (first >= 0).nonzero(as_tuple=True)
    assert len(rows) > 3
    assert bool((last >= first).all())
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        assert batch.whole.labels[row, place + 1] != IGNORED
        assert bool((batch.whole.ids[row, first[row, place] : last[row, place] + 1] == config.audio_token_id).all())
    run = training(tmp_path / "run", tmp_path / "features", replace(PLAN, stage="decoder"))
    attention_targets = [run.trainer.train_step(batch, 3e-3)["attention"] for _ in range(30)]
    assert attention_targets[-1] < 0.7 * attention_targets[0]


def test_more_clips_begin_a_new_pass(tmp_path: Path) -> None:
    training(tmp_path / "run", tmp_path / "features").run()
    again = training(tmp_path / "run", tmp_path / "features")
    assert again.progress.step == 6
    epoch = again.progress.position.epoch
    trainer, batches = again.trainer, again.batches
    other = NanoRun(trainer, batches, PLAN, tmp_path / "run", "another corpus")
    assert other.progress.position == Position(epoch + 1, 0)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    training(tmp_path / "run", tmp_path / "features").run()
    for file in (tmp_path / "run").glob("state-*.safetensors"):
        file.write_bytes(b"nothing")
    with pytest.raises(StorageError, match="can't be used"):
        training(tmp_path / "run", tmp_path / "features")


def test_a_state_that_is_none_is_named(tmp_path: Path) -> None:
    training(tmp_path / "run", tmp_path / "features").run()
    for content in ("", "[]", "{}", '{"file": "../x", "step": 1}', '{"file": 1}', '{"file": "x", "step": -1}'):
        (tmp_path / "run" / "state.json").write_text(content)
        with pytest.raises(StorageError, match="can't be used"):
            training(tmp_path / "run", tmp_path / "features")


def test_a_log_that_breaks_off_goes_on_and_one_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "ctc": 2.0}\n{"step": 2, "ct')
    assert TrainingLog(path).read() == [{"step": 1, "ctc": 2.0}]
    for line in ("[]", '{"ctc": 2.0}', "{"):
        path.write_text(f"{line}\n")
        with pytest.raises(StorageError, match="cannot be read"):
            TrainingLog(path).read()


def test_the_rate_rises_stays_and_falls() -> None:
    plan = NanoPlan(steps=1000, rate=1.0, warm_up=100, fall=0.2)
    rates = [plan.rate_at(step) for step in (0, 49, 100, 799, 900, 1000)]
    assert rates == pytest.approx([0.01, 0.5, 1.0, 1.0, 0.5, 0.0])


def test_the_nested_model_is_the_sliced_one_and_teaches_the_whole(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    model = new_nano(config, 1)
    batches = NanoBatches(feature_store(tmp_path), [], PromptEncoder(tokenizer, config), config, DATA)
    batch, _ = batches.at(Position(0, 0))
    encoded = model.encode(batch.mel, batch.mask)
    loss = NestedModel(model, SMALL_HALF).answer_loss(batch.nested, encoded)
    with torch.no_grad():
        sliced = answer_loss(submodel_of(model, SMALL_HALF.of(config.text)), batch.nested, encoded)
        whole = answer_loss(model, batch.nested, encoded)
    assert loss.item() == pytest.approx(sliced.item(), rel=1e-5)
    assert loss.item() != pytest.approx(whole.item(), rel=1e-5)
    loss.backward()
    gate = model.language_model.layers[0].mlp.gate_proj.weight.grad  # type: ignore[union-attr]
    assert isinstance(gate, torch.Tensor)
    assert gate[:16].abs().sum() > 0
    assert gate[16:].abs().sum() == 0
    assert model.audio_tower.subsample_conv_projection.input_proj_linear.weight.grad is not None


def test_a_flat_start_learns_where_phonemes_would_be(tmp_path: Path) -> None:
    data = replace(DATA, augmentation=NO_AUGMENTATION, batch_frames=2000)
    even = {}
    for flat in (False, True):
        plan = replace(PLAN, data=data, stage="encoder", flat_start=flat)
        run = training(tmp_path / str(flat), tmp_path / "features", plan)
        batch, _ = run.batches.at(Position(0, 0))
        even[flat] = [run.trainer.train_step(batch, 3e-3)["even"] for _ in range(12)][-1]
    assert even[True] < even[False] - 0.04


def test_soft_tokens_are_every_fourth_frame(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    model = new_nano(config, 1).eval()
    batches = NanoBatches(feature_store(tmp_path), [], PromptEncoder(tokenizer, config), config, DATA)
    batch, _ = batches.at(Position(0, 1))
    with torch.no_grad():
        frames, mask = encode_frames(model.audio_tower, batch.mel, batch.mask)
        tokens, tokens_mask = model.audio_tower(batch.mel, batch.mask)
    assert torch.equal(frames[:, ::4], tokens)
    assert tokens_mask is not None
    assert torch.equal(mask[:, ::4], tokens_mask)


def test_metrics_after_the_saved_step_are_forgotten(tmp_path: Path) -> None:
    metrics = TrainingLog(tmp_path / "metrics.jsonl")
    for step in range(5):
        metrics.write({"step": step, "ctc": 2.0})
    metrics.rewind(2)
    assert [entry["step"] for entry in metrics.read()] == [0, 1, 2]
    plot(metrics.read(), [["ctc", "absent"]], tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_text("utf-8").count("<polyline") == 1


def test_the_average_is_the_mean_and_a_checkpoint(tmp_path: Path) -> None:
    _, config = open_tokenizer(FOLDER)
    one, other = new_nano(config, 1), new_nano(config, 2)
    for step, model in enumerate((one, other)):
        state.save_weights(tmp_path, model, step)
    name = "embed_audio.embedding_projection.weight"
    mean = average(sorted(tmp_path.glob("weights-*")))[name]
    expected = (one.state_dict()[name].bfloat16().float() + other.state_dict()[name].bfloat16().float()) / 2
    assert torch.equal(mean, expected)
    result = CliRunner().invoke(average_main, [str(tmp_path), "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))["model_type"] == "gemma3n"
    open_tokenizer(tmp_path / "out")
    with pytest.raises(ModelError, match="no weights"):
        average([])


def test_long_work_rests_while_a_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign, naps = tmp_path / "quiet", []
    sign.touch()

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            sign.unlink()

    monkeypatch.setattr("speech3n.training.pause.time.sleep", nap)
    wait_while_exists(sign)
    assert len(naps) == 3
    sign.touch()
    wait_while_exists(sign, lambda: True)
    wait_while_exists(None)
    assert len(naps) == 3
