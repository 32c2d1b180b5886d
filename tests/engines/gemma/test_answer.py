"""Answers of an instruct model: told apart whatever their form, never taken back while they grow."""

import subprocess
import sys

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from speech3n.engines.gemma.answer import Answer, parse_answer

HOLA = "Hola, mundo. ¿Qué tal?"
HELLO = "Hello, world. How are you?"
SPANISH = ("Spanish", "español")


def parse(text: str, is_final: bool = True, target: str = "English", languages: tuple[str, ...] = SPANISH) -> Answer:
    return parse_answer(text, translate=True, target=target, languages=languages, is_final=is_final)


DEVIATIONS = {
    "documented": f"{HOLA}\nEnglish: {HELLO}",
    "documented, ended": f"{HOLA}\nEnglish: {HELLO}<end_of_turn>\n",
    "carriage returns": f"{HOLA}\r\nEnglish: {HELLO}\r\n",
    "blank line before the marker": f"{HOLA}\n\nEnglish: {HELLO}\n\n",
    "marker on a line of its own": f"{HOLA}\nEnglish:\n{HELLO}",
    "marker, blank line": f"{HOLA}\n\nEnglish:\n\n{HELLO}",
    "marker without colon": f"{HOLA}\nEnglish\n{HELLO}",
    "no marker": f"{HOLA}\n{HELLO}",
    "no marker, blank line": f"{HOLA}\n\n{HELLO}",
    "no marker, then a remark": f"{HOLA}\n\n{HELLO}\n\nNote: The speaker greets the world.",
    "no marker, remark in the next line": f"{HOLA}\n{HELLO}\n(Note: the speaker greets the world.)",
    "no space after the marker": f"{HOLA}\nEnglish:{HELLO}",
    "wide colon": f"{HOLA}\nEnglish：{HELLO}",
    "lower case": f"{HOLA}\nenglish: {HELLO}",
    "upper case": f"{HOLA}\nENGLISH: {HELLO}",
    "another marker": f"{HOLA}\nTranslation: {HELLO}",
    "a longer marker": f"{HOLA}\nEnglish translation: {HELLO}",
    "a marker that explains": f"{HOLA}\nTranslation (English): {HELLO}",
    "a marker in words": f"{HOLA}\nTranslation into English: {HELLO}",
    "a sentence as marker": f"{HOLA}\n\nHere is the English translation:\n\n{HELLO}",
    "a sentence as marker, its thing first": f"{HOLA}\n\nHere's the translation into English: {HELLO}",
    "bold": f"{HOLA}\n**English:** {HELLO}",
    "bold, colon outside": f"{HOLA}\n\n**English**: {HELLO}",
    "bold and aside": f"{HOLA}\n\n**Translation** (English): {HELLO}",
    "bold whole": f"**Spanish: {HOLA}**\n**English: {HELLO}**",
    "italic marker": f"{HOLA}\n*English:* {HELLO}",
    "brackets": f"{HOLA}\n(English: {HELLO})",
    "headings": f"## Transcription\n\n{HOLA}\n\n## English translation\n\n{HELLO}",
    "bold headings": f"**Transcription**\n{HOLA}\n\n**Translation**\n{HELLO}",
    "label of the source": f"Spanish: {HOLA}\nEnglish: {HELLO}",
    "the language's own name": f"Español: {HOLA}\nEnglish: {HELLO}",
    "labels by what they are": f"**Transcript:** {HOLA}\n**Translation:** {HELLO}",
    "label with its language": f"Transcription (Spanish): {HOLA}\nEnglish: {HELLO}",
    "label in words": f"Spanish transcription: {HOLA}\n\nEnglish translation: {HELLO}",
    "label in other words": f"Transcription in Spanish: {HOLA}\nTranslation in English: {HELLO}",
    "label, no marker": f"Spanish: {HOLA}\n{HELLO}",
    "introduction": f"Here is the transcription:\n\n{HOLA}\n\nEnglish: {HELLO}",
    "polite introduction": f"Okay, here's the transcription of the audio and its translation:\n\n{HOLA}\n\n{HELLO}",
    "introduction and label": f"Sure! Here is the transcription:\n**Spanish:** {HOLA}\n**English:** {HELLO}",
    "bullets": f"- {HOLA}\n- English: {HELLO}",
    "starred bullets": f"* **Spanish:** {HOLA}\n* **English:** {HELLO}",
    "numbers": f"1. **Transcription:** {HOLA}\n2. **Translation:** {HELLO}",
    "numbers, indented": f"1.  **Spanish:**\n    {HOLA}\n2.  **English:**\n    {HELLO}",
    "quotes": f'"{HOLA}"\nEnglish: "{HELLO}"',
    "curly quotes": f"“{HOLA}”\nEnglish: “{HELLO}”",
    "guillemets": f"«{HOLA}»\nEnglish: {HELLO}",
    "quotes, no marker": f'"{HOLA}"\n\n"{HELLO}"',
    "bold text": f"**{HOLA}**\nEnglish: **{HELLO}**",
    "code fence": f"```\n{HOLA}\nEnglish: {HELLO}\n```",
    "code fence of a kind": f"```text\n{HOLA}\nEnglish: {HELLO}\n```\n",
    "code": f"`{HOLA}`\nEnglish: `{HELLO}`",
    "rule between": f"{HOLA}\n\n---\n\nEnglish: {HELLO}",
    "rule between, no marker": f"{HOLA}\n---\n{HELLO}",
    "remark": f"{HOLA}\nEnglish: {HELLO}\n\nNote: the speaker greets the world.",
    "remark at once": f"{HOLA}\nEnglish: {HELLO}\nNote: the speaker greets the world.\nIt is a greeting.",
    "remark without a name": f"{HOLA}\nEnglish: {HELLO}\n\nLet me know if you need anything else!",
    "remark in markdown": f"{HOLA}\nEnglish: {HELLO}\n**Note:** a greeting.",
    "remark after a rule": f"{HOLA}\nEnglish: {HELLO}\n---\nA greeting.",
    "another translation": f"{HOLA}\nEnglish: {HELLO}\nTranslation: Hi, world. How's it going?",
    "marker in the same line": f"{HOLA} English: {HELLO}",
    "marker at the sentence": f"{HOLA}English: {HELLO}",
    "bold in the same line": f"{HOLA} **English:** {HELLO}",
    "brackets in the same line": f"{HOLA} (English: {HELLO})",
    "slash in the same line": f"{HOLA} / English: {HELLO}",
    "two lines of each": "Hola, mundo.\n¿Qué tal?\nEnglish: Hello, world.\nHow are you?",
    "two paragraphs of each": "Hola, mundo.\n\n¿Qué tal?\n\nEnglish: Hello, world.\n\nHow are you?",
    "in turns": "Spanish: Hola, mundo.\nEnglish: Hello, world.\nSpanish: ¿Qué tal?\nEnglish: How are you?",
    "translation first": f"English: {HELLO}\nSpanish: {HOLA}",
    "control tokens": f"<start_of_audio>{HOLA}<pad><unused12>\nEnglish:<unk> {HELLO}<end_of_turn><eos><pad>",
    "a turn around it": f"<bos><start_of_turn>model\n{HOLA}\nEnglish: {HELLO}<end_of_turn>\n<start_of_turn>user\nMore",
    "split control token": f"{HOLA}<pa<pad>d>\nEnglish: {HELLO}",
    "half a control token": f"{HOLA}\nEnglish: {HELLO}<end_of",
}


@pytest.mark.parametrize("text", DEVIATIONS.values(), ids=DEVIATIONS.keys())
def test_transcript_and_translation_are_told_apart(text: str) -> None:
    assert parse(text) == Answer(HOLA, HELLO)


@pytest.mark.parametrize("text", DEVIATIONS.values(), ids=DEVIATIONS.keys())
def test_nothing_shown_is_taken_back(text: str) -> None:
    shown = Answer("", "")
    for length in range(len(text) + 1):
        growing = parse(text[:length], is_final=False)
        assert extends(growing, shown), (text[:length], shown, growing)
        shown = growing
    assert extends(parse(text), shown)


def extends(later: Answer, earlier: Answer) -> bool:
    assert later.translation is not None
    assert earlier.translation is not None
    return later.transcript.startswith(earlier.transcript) and later.translation.startswith(earlier.translation)


SURVIVORS = [
    "Dijo: vámonos",
    "Nota: falta pan: dos barras",
    "English es una palabra, Translation otra",
    "El grupo English Heritage vino",
    "si a < b entonces b > a",
    "la etiqueta <b> y <end> y <of_turn>",
    "cinco * tres * dos",
    "pulse ** ahora**",
    "anglo-English",
    'dijo «hola» y "adiós"',
    "el 1. FC Köln",
    "[risas] y [mul",
    "son las 12:30",
    "tiene 2 < ",
    "here is the report",
    "Original y transcripción",
    "你好，世界：再见",
]


@pytest.mark.parametrize("said", SURVIVORS)
def test_what_was_said_survives(said: str) -> None:
    said = said.strip()
    assert parse(f"{said}\nEnglish: {said}<end_of_turn>") == Answer(said, said)
    assert parse_answer(said, translate=False, languages=SPANISH, is_final=True) == Answer(said)


@pytest.mark.parametrize(
    ("text", "transcript", "translation"),
    [
        ("Hola mun", "Hola mun", ""),
        ("Hola mundo Engl", "Hola mundo", ""),
        ("Hola mundo\nEngl", "Hola mundo", ""),
        ("Hola mundo\n**Engl", "Hola mundo", ""),
        ("Hola mundo\nEnglish", "Hola mundo", ""),
        ("Hola mundo\nEnglish:", "Hola mundo", ""),
        ("Hola mundo\nEnglish: Hel", "Hola mundo", "Hel"),
        ("Hola mundo\nEnglish: Hello <end_of", "Hola mundo", "Hello"),
        ("Hola mundo<", "Hola mundo", ""),
        ("Hola mundo <unused1", "Hola mundo", ""),
        ("Hola mundo\nHello", "Hola mundo", ""),
        ("Hola mundo. English: Hello", "Hola mundo.", ""),
        ("Span", "", ""),
        ("Spanish: Ho", "Ho", ""),
        ("Here is the tr", "", ""),
        ("**", "", ""),
        ("Hola \ufffd", "Hola", ""),
        ("", "", ""),
    ],
)
def test_what_may_become_a_marker_waits(text: str, transcript: str, translation: str) -> None:
    assert parse(text, is_final=False) == Answer(transcript, translation)


@pytest.mark.parametrize(
    ("text", "transcript", "translation"),
    [
        ("Hola Engl", "Hola Engl", ""),
        ("Span", "Span", ""),
        ("Here is the tr", "Here is the tr", ""),
        ("Inglés\nEnglish", "Inglés", "English"),
        ("Hola\nEnglish:", "Hola", ""),
        ("Hola<end_of", "Hola", ""),
        ("uno <", "uno <", ""),
        ("<end_of_turn>", "", ""),
        ("English: Hello", "", "Hello"),
        ("\n\n", "", ""),
    ],
)
def test_a_whole_answer_waits_for_nothing(text: str, transcript: str, translation: str) -> None:
    assert parse(text) == Answer(transcript, translation)


def test_the_end_of_the_turn_makes_the_answer_whole() -> None:
    assert parse(f"{HOLA}\n{HELLO}", is_final=False) == Answer(HOLA, "")
    assert parse(f"{HOLA}\n{HELLO}<end_of_turn>", is_final=False) == Answer(HOLA, HELLO)


def test_a_speaker_may_say_the_marker() -> None:
    said = "English: the language"
    assert parse(f"{said}\nEnglish: what it is") == Answer(said, "what it is")
    said = "Es heißt in Spanish: hola"
    assert parse(f"{said}\nSpanish: Se dice", target="Spanish", languages=("German",)) == Answer(said, "Se dice")
    assert parse(f"{said}\nSe dice", target="Spanish", languages=("German",)) == Answer(said, "Se dice")


def test_a_label_of_the_language_spoken_is_none_of_the_translation() -> None:
    both = ("Spanish", "English")
    assert parse(f"English: {HELLO}\nEnglish: {HELLO}", languages=both) == Answer(HELLO, HELLO)
    assert parse(f"English: {HELLO}", languages=both) == Answer(HELLO, "")
    assert parse("English: Hel", is_final=False, languages=both) == Answer("Hel", "")


def test_other_targets_have_other_markers() -> None:
    text = f"{HELLO}\nSpanish: {HOLA}"
    assert parse(text, target="Spanish", languages=("English",)) == Answer(HELLO, HOLA)


@pytest.mark.parametrize(
    "text",
    [
        HOLA,
        "Hola, mundo.\n¿Qué tal?",
        f"Spanish: {HOLA}",
        f"**Transcription:**\n\n{HOLA}\n",
        f"Here is the transcription of the audio:\n\n```\n{HOLA}\n```",
        f'"{HOLA}"<end_of_turn>',
        f"Here's the transcript: {HOLA}",
        "- Hola, mundo.\n- ¿Qué tal?",
        f"<start_of_turn>model\n{HOLA}<end_of_turn>",
    ],
)
def test_without_translation_the_whole_answer_is_transcript(text: str) -> None:
    assert parse_answer(text, translate=False, languages=SPANISH, is_final=True) == Answer(HOLA, None)
    shown = ""
    for length in range(len(text) + 1):
        growing = parse_answer(text[:length], translate=False, languages=SPANISH).transcript
        assert growing.startswith(shown)
        shown = growing


def test_without_translation_a_marker_is_text() -> None:
    said = "Los idiomas. English: hello"
    assert parse_answer(said, translate=False, languages=SPANISH, is_final=True) == Answer(said)


WORDS = st.sampled_from(
    [
        "hola",
        "English",
        "English:",
        "Engl",
        "Translation",
        "*",
        "**",
        "<",
        "<b>",
        "<end",
        "(x)",
        "-",
        "/",
        "a:b",
        "“sí”",
        "5",
    ]
)
SAID = st.builds(" ".join, st.lists(WORDS, min_size=1, max_size=6)).map("Ya ".__add__) | st.text(
    st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20
).map(lambda text: "Ya " + text.replace("\ufffd", "") + " sí")


@given(SAID, SAID, st.booleans())
@example("Ya 5 *", "Ya 5 **", True)
@example("Ya English:", "Ya English:", False)
def test_the_documented_form_only_grows(said: str, translated: str, has_end: bool) -> None:
    said, translated = " ".join(said.split()), " ".join(translated.split())
    assume(not any(f"{token}" in said + translated for token in ("<eos>", "<pad>", "<unk>", "<bos>", "<mask>")))
    assume(not translated.endswith("<end"))
    text = f"{said}\nEnglish: {translated}" + ("<end_of_turn>" if has_end else "")
    whole = parse(text)
    assert whole == Answer(said, translated)
    shown = Answer("", "")
    for length in range(len(text) + 1):
        growing = parse(text[:length], is_final=False)
        assert extends(growing, shown)
        assert extends(whole, growing)
        shown = growing


PIECES = st.sampled_from(
    (
        *("hola", "hello", "12", ".", " ", "\n", "\n\n", "\r\n", ":", "(", ")", '"', "“", "”", "[mul"),
        *("#", "**", "*", "_", "`", "- ", "1.", "---", "```", "```text\n", "<", "<pad>", "<end_of", "<end_of_turn>"),
        *("English", "\nEnglish: ", "**English:** ", "Translation", "Spanish", "Spanish: ", "Note: "),
        *("Here is the", " transcription"),
    )
)


@given(st.lists(PIECES, max_size=14).map("".join), st.booleans(), st.sampled_from([SPANISH, (*SPANISH, "English"), ()]))
@example("“hola ” hola", False, SPANISH)
@example("- (\nhola", True, SPANISH)
@example("hola**", True, SPANISH)
@example("<<pad>", True, SPANISH)
@example("````text\n(", False, SPANISH)
def test_no_answer_whatever_takes_back_what_it_showed(text: str, translate: bool, languages: tuple[str, ...]) -> None:
    shown = Answer("", "" if translate else None)
    for length in range(len(text) + 2):
        answer = parse_answer(text[:length], translate=translate, languages=languages, is_final=length > len(text))
        assert (answer.translation is not None) == translate
        assert answer.transcript.startswith(shown.transcript)
        assert (answer.translation or "").startswith(shown.translation or "")
        for part in (answer.transcript, answer.translation or ""):
            assert part == " ".join(part.split())
            assert "<pad>" not in part
        shown = answer


def test_a_model_that_loops_does_not_stop_the_parser() -> None:
    """Patterns that backtrack take minutes over these."""
    for loop in ("(", "*", " ", "* ", "( ", "- ", "`", "1. ", "<", "English "):
        text = f"hola{loop * 3000}x"
        assert parse(text).transcript.startswith("hola")
        parse(loop * 3000, is_final=False)


def test_no_torch_is_loaded() -> None:
    program = "import sys, speech3n.engines.gemma.answer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
