import dataclasses

import pytest

from speech3n.eval.report.document import Report, Score
from speech3n.eval.report.markdown import markdown_document, markdown_tables
from tests.eval.report.sample import INTERVALS, OFFLINE, bare_report, group, sample_report, system


def cells(text: str, *start: str) -> list[str]:
    """The cells of the first table row that begins with these."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    return next(row for row in rows if row[: len(start)] == list(start))


def test_offline_and_live_have_tables_of_their_own_with_the_intervals_beside_the_rates() -> None:
    text = markdown_tables(sample_report())
    files, live = text[text.index("**Files**") :], text[text.index("**Live captions: base**") :]
    assert cells(files, "es", "base")[2:] == ["50", "5.0", "25.0 (20.0–30.4)", "11.0", "20.0", "20.0", "0.25", ""]
    assert cells(files, "en", "base")[4] == "5.0 (3.0–8.0)"
    header = ["", "clips", "min", "WER %", "plain", "BLEU", "chrF", "delay, s", "after sound, s", "first word, s"]
    assert cells(live, "", "clips") == [*header, "flicker", "RTF", "peak MiB"]
    assert cells(live, "en")[7:12] == ["1.25 / 2.50 / 7.12", "0.62", "0.75", "0.38", "0.25"]


def test_all_languages_are_summed_by_words_where_the_report_does_not_say() -> None:
    text = markdown_tables(sample_report())
    # (10 + 6 + 4) / 400 in each language, 150 s of computing for 600 s.
    assert cells(text, "all", "base") == ["all", "base", "100", "10.0", "5.0", "–", "–", "–", "0.25", "640"]


def test_the_score_of_the_whole_set_goes_before_a_sum() -> None:
    report = sample_report()
    whole = group("", Score(0.123, 0.1, 0.15), field="all")
    first = dataclasses.replace(report.systems[0], groups=(*report.systems[0].groups, whole))
    text = markdown_tables(dataclasses.replace(report, systems=(first, *report.systems[1:])))
    assert cells(text, "all", "base")[4] == "12.3 (10.0–15.0)"


def test_rows_of_a_table_are_of_one_length() -> None:
    blocks = markdown_tables(sample_report()).split("\n\n")
    tables = [block.splitlines() for block in blocks if block.startswith("|")]
    assert len(tables) == 6
    assert all(len({len(line) for line in table}) == 1 for table in tables)


def test_what_broke_is_said_beside_its_scores_and_below() -> None:
    text = markdown_tables(sample_report())
    assert cells(text, "en", "peer (incomplete)")[4] == "7.0 (5.0–9.0)"
    assert "- Incomplete: peer, offline, 30 of 100 clips: out of memory." in text.splitlines()
    assert "base (incomplete)" not in text


def test_conditions_false_text_tests_and_movement_have_rows() -> None:
    text = markdown_tables(sample_report())
    assert cells(text, "noise:white:10", "base, offline") == ["noise:white:10", "base, offline", "40.0", "–", "40.0"]
    assert cells(text, "pink noise") == ["pink noise", "1.5 / 2.5"]
    assert cells(text, "base, offline → peer, offline") == [
        "base, offline → peer, offline", "WER, points", "**+2.0**", "–"
    ]  # fmt: skip
    assert cells(text, "base, offline → base, streaming", "WER, points")[2:] == ["–", "+0.4"]
    moved = text[text.index("**What moved since 14 November 2026, 09:00 UTC**") :]
    assert cells(moved, "base, offline") == ["base, offline", "WER, points", "**−1.3**"]


@pytest.mark.parametrize(
    "line",
    [
        "- base, offline: beam_size 5, vad no.",
        "- Recordings: clips joined, 1 s of silence after each.",
        "- WER: whisper-english (en), whisper-basic (es); plain: also without accents, with digits spelt out.",
        "- BLEU: `nrefs:1|tok:13a`.",
        "- chrF: `nrefs:1|nc:6`.",
        f"- Intervals: {INTERVALS}",
        "- Machine: A processor, 2 cores, 1 job, Python 3.11.7, torch 2.11.0, commit 0123456789ab.",
    ],
)
def test_notes_say_how_the_numbers_came_about(line: str) -> None:
    assert line in markdown_tables(sample_report()).splitlines()


def test_one_system_in_one_language_has_one_row_with_its_memory() -> None:
    only = system(OFFLINE, "base", "offline", (group("es", Score(0.25, None, None)),))
    report = dataclasses.replace(_plain(sample_report()), systems=(only,))
    rows = [line for line in markdown_tables(report).splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert cells(rows[2], "es")[3:] == ["25.0", "11.0", "20.0", "20.0", "0.25", "640"]


def test_names_break_no_table() -> None:
    report = _plain(sample_report())
    odd = dataclasses.replace(report.systems[2], name="a|b <i>\nc")
    text = markdown_document(dataclasses.replace(report, systems=(report.systems[0], odd)))
    assert r"a\|b &lt;i> c (incomplete)" in text


def test_nothing_computed_is_no_error() -> None:
    text = markdown_document(bare_report())
    assert "nan" not in text
    assert "None" not in text
    assert "Nothing in it can be compared with this report." in text


def _plain(report: Report) -> Report:
    languages = dataclasses.replace(report.set, languages=("es",))
    return dataclasses.replace(report, set=languages, comparisons=(), clips=(), false_text=(), earlier=None)
