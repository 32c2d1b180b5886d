"""Which models Whisper's engine opens: those that CTranslate2 converted."""

from __future__ import annotations

from speech3n.engines.base import Engine, ModelRef
from speech3n.errors import ModelError, UsageError


class WhisperFactory:
    """Opens Whisper models in the format of CTranslate2 and faster-whisper."""

    model_files = "model.bin, config.json and tokenizer.json of a Whisper model in CTranslate2's format"

    def can_open(self, model: ModelRef) -> bool:
        """Whether there is a config.json and model.bin; raises ModelError for a Whisper model that is not converted."""
        if model.config is None:
            return False
        if (model.folder / "model.bin").is_file():
            return True
        problem = f"'{model.folder}' holds no model that speech3n can run:"
        match model.config.get("model_type"):
            case "whisper":
                raise ModelError(
                    f"{problem} its config.json is that of a model of type 'whisper'.",
                    "Convert it with ct2-transformers-converter, or choose a model of `speech3n models list`.",
                )
            case None:  # As CTranslate2 writes it.
                raise ModelError(
                    f"{problem} it has no model.bin, and its config.json names no model_type.",
                    f"A Whisper model is {self.model_files}.",
                )
        return False

    def require_packages(self, model: ModelRef) -> None:
        """What Whisper needs comes with speech3n."""

    def check_size(self, model: ModelRef) -> None:
        """Raise UsageError: Whisper models are what they are."""
        raise UsageError(
            f"{model.model} has one size only, and no '{model.size}'.",
            "gemma-3n-e4b has several, and so has nano.",
        )

    def open(self, model: ModelRef) -> Engine:
        """Load the model; raises ModelError."""
        from speech3n.engines.whisper.engine import WhisperEngine

        return WhisperEngine(model.folder, model.name)
