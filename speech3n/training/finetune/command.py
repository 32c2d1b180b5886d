"""What `speech3n finetune` is told, carried out: from manifest and model to a folder that `--model` takes."""

from __future__ import annotations

import hashlib
import json
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from speech3n.engines.registry import install_model, require_installed, resolve_model
from speech3n.errors import StorageError, UsageError
from speech3n.models.gemma3n import checkpoint
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.matformer import copy_companions
from speech3n.runtime.threads import compute_threads
from speech3n.runtime.untrusted import Unreadable, convert, read_json
from speech3n.training.clip_batches import ClipBatches, DataConfig
from speech3n.training.data.augment.features import FeatureAugmentation
from speech3n.training.finetune.base import Base, open_base
from speech3n.training.finetune.dataset import Dataset, Sources, build_dataset
from speech3n.training.finetune.record import WORK, clear, write_record
from speech3n.training.finetune.report import Reporter, compared, worse
from speech3n.training.finetune.run import FineTuneRun, Validation
from speech3n.training.finetune.trainer import FineTunePlan, FineTuneTrainer
from speech3n.training.finetune.validation import ValidationSet
from speech3n.training.tasks import PromptEncoder

_OPTIONS = "options.json"
_LARGEST_FILE = 10_000_000
_AUGMENTATION = FeatureAugmentation(
    warp=0.5, tract=0.05, speed=0.1, curve=0.4, curve_db=4.0, room=0.2, noise=0.5, snr_db=(10.0, 40.0), telephone=0.03,
    gain_db=(-12.0, 6.0), masked_bins=16, masked_frames=15,
)  # fmt: skip
"""Milder than for synthetic speech: the voice is to be learned, and should stay that voice."""


@dataclass(frozen=True, slots=True)
class FineTuneRequest:
    """What to train on, how, which `model` to begin with (its name or folder) and a new folder for what comes out.

    `batch_s` seconds of audio make a step. The run ends after so many `minutes`, and the same request goes on. Without
    `threads` half of the cores compute.
    """

    sources: Sources
    plan: FineTunePlan
    model: str
    output: Path
    batch_s: float = 30.0
    minutes: float | None = None
    device: str = "cpu"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class FineTuned:
    """What became of it."""

    folder: Path | None
    """The folder of the new model, None where nothing was written."""
    is_interrupted: bool
    """The best so far is written, if any is better; the same request goes on."""

    @property
    def exit_code(self) -> int:
        """0: written, and better on what was held out. 1: nothing got better. 130: interrupted."""
        return 130 if self.is_interrupted else int(self.folder is None)


@dataclass(frozen=True, slots=True)
class _Scores:
    """Word error rates and BLEU on the user's held-out clips, and on others."""

    own: dict[str, float]
    others: dict[str, float]


def fine_tune(request: FineTuneRequest, reporter: Reporter) -> FineTuned:
    """Fine-tune, and write the best model, in bfloat16, into the output folder.

    Raises ManifestError, ModelError, UsageError, StorageError.
    """
    work = request.output / WORK
    folder = _checkpoint(request.model)
    _require_device(request.device)
    _require_room(request.output)
    torch.set_num_threads(request.threads or compute_threads())
    dataset = build_dataset(request.sources, Capabilities.read(folder).languages, work)
    base = open_base(folder, request.device, is_frozen=request.plan.method == "lora")
    _require_same(request, folder, dataset, work)
    prompts = PromptEncoder(base.tokenizer, base.model.config)
    before_path = work / "before.json"
    validation = _validation(dataset, prompts, request.sources.keep_share)
    before = _read_scores(before_path) or _score(base, validation)
    before_path.write_text(json.dumps(asdict(before)) + "\n", "utf-8")
    finetuning = _open_run(request, base, dataset, prompts, validation)
    reporter.note(_described(request, dataset, finetuning))
    handlers = {name: signal.signal(name, finetuning.stop) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        with reporter.steps(finetuning.progress.step, request.plan.steps) as report:
            finetuning.run(request.minutes, report)
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
    return _finish(request, base, finetuning, before, reporter)


def _checkpoint(name: str) -> Path:
    """The folder of a Gemma 3n; raises UsageError for other models, ModelError for one that is missing."""
    model = resolve_model(name)
    if model.family != "gemma":
        kind = model.family.capitalize()
        raise UsageError(f"{name} is a {kind} model, which cannot be fine-tuned here.", "Take nano or a Gemma 3n.")
    install_model(model)
    require_installed(model)
    return model.folder


def _require_device(device: str) -> None:
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"There is no device '{device}' here.", "Leave --device out to compute on the CPU.") from error


def _finish(
    request: FineTuneRequest, base: Base, finetuning: FineTuneRun, before: _Scores, reporter: Reporter
) -> FineTuned:
    best, first = finetuning.take_best(), finetuning.points[0]
    validation = finetuning.validation
    if best.step == 0:
        advice = "Take more clips, or a lower --rate." if finetuning.is_over else "The same command goes on."
        reporter.note(
            f"No step made the model better on the clips held out (loss {first.loss:.3f}), and nothing is written. "
            + advice
        )
        return FineTuned(None, finetuning.is_stopped)
    checkpoint.save(finetuning.trainer.finish().bfloat16(), request.output)
    copy_companions(base.folder, request.output)
    # Measured is what was written, rounded as it is.
    after = _score(open_base(request.output, request.device, is_frozen=True), validation)
    reporter.note(f"Best after {best.step} steps: loss on held-out clips {first.loss:.3f} → {best.loss:.3f}.")
    reporter.note(compared("Held out", before.own, after.own))
    if validation.others:
        reporter.note(compared("To keep", before.others, after.others))
    for name, then, now in (("held-out clips", before.own, after.own), ("clips to keep", before.others, after.others)):
        for language in worse(then, now):
            reporter.note(f"Careful: more words are wrong than before on {name} in {language}.")
    results = {"before": asdict(before), "after": asdict(after), "first": asdict(first), "best": asdict(best)}
    write_record(request.output, {**_options(request, base.folder), **results})
    if finetuning.is_over:
        clear(request.output)
    else:
        reporter.note("Stopped; this is the best so far. The same command goes on.")
    return FineTuned(request.output, finetuning.is_stopped)


def _open_run(
    request: FineTuneRequest, base: Base, dataset: Dataset, prompts: PromptEncoder, validation: Validation
) -> FineTuneRun:
    plan, config = request.plan, base.model.config
    data = DataConfig(round(request.batch_s * 100), _AUGMENTATION, seed=plan.seed)
    batches = ClipBatches(dataset.store, prompts, config, data)
    smallest = base.smallest
    if smallest is not None and plan.method == "full" and smallest.skip:
        smallest = None
    trainer = FineTuneTrainer(base.model, plan, smallest)
    return FineTuneRun(trainer, batches, plan, request.output / WORK, validation)


def _validation(dataset: Dataset, prompts: PromptEncoder, keep_share: float) -> Validation:
    own = ValidationSet(dataset.store, dataset.held_out, prompts)
    others = ValidationSet(dataset.store, dataset.others_held_out, prompts) if dataset.others_held_out else None
    return Validation(own, others, keep_share)


def _score(base: Base, validation: Validation) -> _Scores:
    others = validation.others.scores(base.model) if validation.others else {}
    return _Scores(validation.own.scores(base.model), others)


def _read_scores(path: Path) -> _Scores | None:
    try:
        return convert(read_json(path, _LARGEST_FILE), _Scores)
    except FileNotFoundError:
        return None
    except Unreadable as error:
        raise StorageError(f"'{path}' cannot be read: {error}.", "Remove it: it is made anew.") from error


def _options(request: FineTuneRequest, folder: Path) -> dict[str, Any]:
    """All that the outcome hangs on, as it is written down, with the checkpoint by the name of its folder."""
    sources, plan = request.sources, request.plan
    return {
        "model": folder.resolve().name,
        "clips": sources.clips.name,
        "keep": [path.name for path in sources.keep],
        "keep_share": sources.keep_share,
        "batch_s": request.batch_s,
        **asdict(plan),
        "rate": plan.highest_rate,
    }


def _require_same(request: FineTuneRequest, folder: Path, dataset: Dataset, work: Path) -> None:
    """Raise UsageError where the folder was begun with other clips, another model or other options."""
    config = (folder / "config.json").read_text("utf-8")
    weights = [f"{file.name} {file.stat().st_size}" for file in checkpoint.weight_files(folder)]
    parts = {
        "features": dataset.store.digest,
        "held-out clips": "\n".join(clip.text for clip in dataset.held_out),
        "checkpoint": "\n".join([*weights, config]),
    }
    digests = {name: hashlib.sha256(part.encode()).hexdigest() for name, part in parts.items()}
    wanted = json.loads(json.dumps({**_options(request, folder), **digests}))
    path = work / _OPTIONS
    if not path.is_file():
        path.write_text(json.dumps(wanted, indent=2) + "\n", "utf-8")
        return
    try:
        begun = read_json(path, _LARGEST_FILE)
    except (FileNotFoundError, Unreadable) as error:
        raise StorageError(
            f"'{path}' cannot be read: {Unreadable(error)}.", "Give another --output to begin anew."
        ) from error
    changed = [name for name in wanted if begun.get(name) != wanted[name]]
    if changed:
        raise UsageError(
            f"'{request.output}' was begun otherwise: {', '.join(changed)} changed.",
            "Give the same options to go on, or another --output to begin anew.",
        )


def _require_room(output: Path) -> None:
    if output.is_dir() and any(output.iterdir()) and not (output / WORK).is_dir():
        raise UsageError(f"'{output}' is there already.", "Give a new folder with --output.")


def _described(request: FineTuneRequest, dataset: Dataset, finetuning: FineTuneRun) -> str:
    learned = f"{len(dataset.learned)} clips, {dataset.learned_s / 60:.1f} minutes, to learn from"
    kept = f", and {len(dataset.others_held_out)} of others" if dataset.others_held_out else ""
    step = finetuning.progress.step
    numbers = sum(value.numel() for value in finetuning.trainer.learned.values())
    return (
        f"{request.model}, {request.plan.method}: {numbers / 1e6:.2f} M numbers learn. {learned}; "
        f"{len(dataset.held_out)} held out{kept}." + (f" Going on after step {step}." if step else "")
    )
