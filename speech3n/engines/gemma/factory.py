"""Which models the Gemma engine opens: checkpoints of Gemma 3n, at any of the sizes that they hold."""

from __future__ import annotations

from speech3n.engines.base import AUTO_SIZE, Engine, ModelRef
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.sizes import WHOLE, Size
from speech3n.runtime.extras import require


class GemmaFactory:
    """Opens Gemma 3n checkpoints in the format of Hugging Face."""

    model_files = "config.json, *.safetensors and the tokenizer's files of a Gemma 3n model from Hugging Face"

    def can_open(self, model: ModelRef) -> bool:
        """Whether config.json is that of a Gemma 3n."""
        return model.config is not None and model.config.get("model_type") == "gemma3n"

    def require_packages(self, model: ModelRef) -> None:
        """Raise MissingExtraError without PyTorch."""
        require("torch", model.name)

    def check_size(self, model: ModelRef) -> None:
        """Raise UsageError for a size that is neither one of the checkpoint's nor a file that describes one."""
        if model.size is not None:
            Size.named(model.size, Capabilities.read(model.folder).sizes)

    def open(self, model: ModelRef) -> Engine:
        """Load the checkpoint; raises ModelError, and UsageError for a size that does not fit it."""
        from speech3n.engines.gemma.engine import Gemma3nEngine

        return Gemma3nEngine(model.folder, model.name, sizes=_sizes(model))


def _sizes(model: ModelRef) -> tuple[Size, ...]:
    """The sizes to run it at: all that it was trained at, one, or the whole."""
    if model.size is None:
        return (WHOLE,)
    known = Capabilities.read(model.folder).sizes
    if model.size != AUTO_SIZE:
        return (Size.named(model.size, known),)
    from speech3n.models.gemma3n.elastic import sizes_of

    return tuple(sizes_of(Gemma3nConfig.read(model.folder).text, known))
