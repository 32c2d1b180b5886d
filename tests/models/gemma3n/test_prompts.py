"""The ids around the audio are those of the whole text, tokenised in one go as the reference does."""

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from speech3n.errors import ModelError
from speech3n.models.gemma3n.prompts import AudioTokens, build_prompt, instruction

TURNS = ["<start_of_turn>", "<end_of_turn>"]
AUDIO = ["<start_of_audio>", "<end_of_audio>", "<audio_soft_token>"]
ASKED = "Transcribe the following speech segment in Spanish, then translate it into English:"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>{{ message['role'] }}\n"
    "{% for item in message['content'] %}{% if item['type'] == 'audio' %}<audio_soft_token>"
    "{% else %}{{ item['text'] | trim }}{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
WRITTEN = (
    "<bos><start_of_turn>user\n\n\n<start_of_audio><audio_soft_token><end_of_audio>\n\n"
    f"{ASKED}<end_of_turn>\n<start_of_turn>model\n"
)


def tokenizer(
    special: tuple[str, ...] = ("<pad>", "<eos>", "<bos>", *TURNS, *AUDIO),
    template: str | None = None,
    bos: str | None = "<bos>",
) -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer that writes spaces and runs of newlines as Gemma's does."""
    bpe = Tokenizer(models.BPE(unk_token=None, byte_fallback=False))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.pre_tokenizer = pre_tokenizers.Split(Regex("\n+"), "isolated")
    bpe.decoder = decoders.Replace("▁", " ")
    words = [f"{ASKED} user model its original language", "a\n\n\nb\n\nc\nd"] * 4
    bpe.train_from_iterator(words, trainers.BpeTrainer(vocab_size=300, special_tokens=list(special)))
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token=bos)
    fast.chat_template = template
    return fast


def audio_tokens(fast: PreTrainedTokenizerFast) -> AudioTokens:
    return AudioTokens(*(fast.convert_tokens_to_ids(name) for name in AUDIO))


@pytest.mark.parametrize(
    ("language", "target", "text"),
    [
        ("es", None, "Transcribe the following speech segment in Spanish:"),
        ("es", "en", ASKED),
        ("pt", "fr", "Transcribe the following speech segment in Portuguese, then translate it into French:"),
        (None, None, "Transcribe the following speech segment in its original language:"),
        (
            None,
            "en",
            "Transcribe the following speech segment in its original language, then translate it into English:",
        ),
    ],
)
def test_the_model_is_asked_in_the_words_it_knows(language: str | None, target: str | None, text: str) -> None:
    assert instruction(language, target) == text


@pytest.mark.parametrize("template", [None, TEMPLATE, TEMPLATE.replace("{{ bos_token }}", "")])
def test_the_ids_are_those_of_the_whole_text(template: str | None) -> None:
    fast = tokenizer(template=template)
    tokens = audio_tokens(fast)
    prompt = build_prompt(fast, tokens, ASKED)
    ids = fast.encode(WRITTEN, add_special_tokens=False)
    assert [*prompt.prefix, tokens.audio_token_id, *prompt.suffix] == ids
    assert (prompt.prefix[0], prompt.prefix[-1]) == (fast.bos_token_id, tokens.boa_token_id)
    assert prompt.suffix[0] == tokens.eoa_token_id
    assert fast.decode([prompt.prefix[-2]]) == "\n\n\n", "the newline of the turn and those of the audio are one token"


def test_any_number_of_soft_tokens_fits_between_as_in_the_reference() -> None:
    fast = tokenizer()
    tokens = audio_tokens(fast)
    prompt = build_prompt(fast, tokens, ASKED)
    padded = WRITTEN.replace("<audio_soft_token>", "<audio_soft_token>" * 188)
    assert [*prompt.prefix, *[tokens.audio_token_id] * 188, *prompt.suffix] == fast.encode(
        padded, add_special_tokens=False
    )


def test_the_template_of_the_checkpoint_is_followed() -> None:
    fast = tokenizer(template=TEMPLATE.replace("trim }}", "trim }} user"))
    prompt = build_prompt(fast, audio_tokens(fast), f"\n {ASKED} \n")
    assert f"<end_of_audio>\n\n{ASKED} user<end_of_turn>" in fast.decode(prompt.suffix, skip_special_tokens=False)


def test_a_token_outside_the_vocabulary_is_named() -> None:
    fast = tokenizer()
    with pytest.raises(ModelError, match="no token 262273, the audio_token_id"):
        build_prompt(fast, AudioTokens(*fast.convert_tokens_to_ids(AUDIO[:2])), ASKED)


@pytest.mark.parametrize(
    ("special", "bos", "message"),
    [
        (("<bos>", *AUDIO), "<bos>", "take <start_of_turn> for one special token"),
        ((*TURNS, *AUDIO), None, "no bos_token"),
    ],
)
def test_a_missing_token_of_the_turn_format_is_named(special: tuple[str, ...], bos: str | None, message: str) -> None:
    fast = tokenizer(special, bos=bos)
    with pytest.raises(ModelError, match=message):
        build_prompt(fast, audio_tokens(fast), ASKED)


def test_an_id_that_is_another_token_is_not_taken_for_audio() -> None:
    fast = tokenizer()
    plain = next(id_ for token, id_ in fast.get_vocab().items() if token == "T")
    tokens = audio_tokens(fast)
    with pytest.raises(ModelError, match="places T 3 times"):
        build_prompt(fast, AudioTokens(tokens.boa_token_id, tokens.eoa_token_id, plain), "T T")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (TEMPLATE.replace("<audio_soft_token>", ""), "<audio_soft_token> 0 times"),
        (TEMPLATE.replace("<audio_soft_token>", "<audio_soft_token>" * 2), "<audio_soft_token> 2 times"),
        ("{{ raise_exception('no audio here') }}", "template fails: no audio here"),
    ],
)
def test_a_template_that_places_no_audio_is_an_error(template: str, message: str) -> None:
    fast = tokenizer(template=template)
    with pytest.raises(ModelError, match=message):
        build_prompt(fast, audio_tokens(fast), ASKED)
