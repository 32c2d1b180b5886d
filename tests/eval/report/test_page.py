import base64
import dataclasses
import io
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import av
import pytest

from speech3n.eval.report import worst
from speech3n.eval.report.document import Comparison, Report, Score
from speech3n.eval.report.page import render_page
from tests.eval.report.sample import (
    BASELINE,
    ENGLISH,
    OFFLINE,
    STREAMING,
    bare_report,
    group,
    output,
    paired,
    sample_report,
)

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Checks that elements close in order, and gathers them with their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), tag
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self.open:
            self.texts[index] += data

    def find(self, tag: str, css: str = "") -> list[str]:
        """The texts of elements by name and class, spaces put together."""
        return [
            " ".join(text.split())
            for (name, attributes), text in zip(self.elements, self.texts, strict=True)
            if name == tag and (not css or css in (attributes.get("class") or "").split())
        ]

    def section(self, id: str) -> str:
        """All text of a section; empty where there is none."""
        pairs = zip(self.elements, self.texts, strict=True)
        return next((" ".join(text.split()) for (_, attributes), text in pairs if attributes.get("id") == id), "")


def page_of(report: Report, clip_audio: Mapping[str, Path] | None = None) -> Page:
    return Page(render_page(report, clip_audio or {}))


def test_the_page_asks_for_nothing_and_runs_nothing(examples: dict[str, Path]) -> None:
    text = render_page(sample_report(), {"en-1": examples["en"]})
    for tag, attributes in Page(text).elements:
        assert tag not in {"script", "link", "iframe", "object", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"src", "href", "srcset", "action", "poster"}:
                assert (value or "").startswith(("#", "data:audio/mpeg;base64,")), (tag, name)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in text


def test_texts_of_others_stay_texts() -> None:
    report = sample_report()
    evil = '<script>alert(1)</script> "><img src=x onerror=alert(1)> {{ 7*7 }}'
    clip = dataclasses.replace(
        report.clips[0], id=evil, text=evil, speaker=evil, translation_en=evil,
        outputs={OFFLINE: output(ENGLISH, evil, "en", evil)}, failures={STREAMING: evil},
    )  # fmt: skip
    systems = tuple(
        dataclasses.replace(system, name=f"{evil} {system.name}", error=evil, settings={evil: evil})
        for system in report.systems
    )
    page = page_of(dataclasses.replace(report, clips=(clip,), systems=systems))
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert evil in page.find("p", "reference")
    assert any(evil in name for name in page.find("span", "name"))


def test_every_kind_of_edit_of_a_bad_clip_is_marked_by_an_element_of_its_own() -> None:
    page = page_of(sample_report())
    (diff, *_) = [text for text in page.find("p", "diff") if text.startswith("please enter")]
    assert diff == "please enter your the agent number followed by the pound key now".replace("your the", "yourthe")
    assert page.find("span", "sub")[1:] == ["yourthe", "unodos"]
    gone, more = page.find("del", "gone"), page.find("ins", "more")
    assert "followed" in gone
    assert "please enter your agent number followed by the pound key" in gone
    assert more[1:] == ["now"]
    assert "3 errors in 10 words" in page.section("worst")
    assert "10 errors in 10 words" in page.section("worst")


def test_a_clip_shows_reference_translations_failures_and_where_it_is_from() -> None:
    text = page_of(sample_report()).section("worst")
    for part in (ENGLISH, "Press one for Spanish", "Press two for Spanish", "No output: The engine broke.", "Allison"):
        assert part in text
    assert text.index(ENGLISH) < text.index("Spanish 1 clip")


def test_a_clip_is_there_once_however_many_systems_got_it_wrong(examples: dict[str, Path]) -> None:
    page = page_of(sample_report(), {"en-1": examples["en"], "es-1": examples["es"]})
    assert len(page.find("article", "clip")) == 2
    assert len(page.find("audio")) == 2


def test_clips_without_errors_are_not_among_the_worst() -> None:
    report = sample_report()
    right = dataclasses.replace(report.clips[0], outputs={OFFLINE: output(ENGLISH, ENGLISH, "en")})
    assert page_of(dataclasses.replace(report, clips=(right,))).section("worst") == ""


def test_the_sound_inside_is_that_of_the_clip(examples: dict[str, Path]) -> None:
    page = page_of(sample_report(), {"en-1": examples["en"], "es-1": Path("/nowhere/gone.flac")})
    ((uri, controls),) = [
        (attributes["src"] or "", "controls" in attributes) for tag, attributes in page.elements if tag == "audio"
    ]
    assert controls
    with av.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:audio/mpeg;base64,")))) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].sample_rate == 16_000
    seconds = sum(frame.samples for frame in frames) / 16_000
    with av.open(str(examples["en"])) as container:
        assert container.duration is not None
        assert seconds == pytest.approx(container.duration / 1e6, abs=0.15)
    assert "without sound" in page.section("worst")


def test_sounds_stop_where_the_page_is_full(examples: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    audio = {"en-1": examples["es"], "es-1": examples["es"]}
    one = render_page(sample_report(), {"es-1": examples["es"]}).count("data:audio")
    monkeypatch.setattr(worst, "SOUND_BYTES", 100_000)
    assert one == 1
    assert render_page(sample_report(), audio).count("data:audio") == 1


def test_worst_clips_are_at_most_ten_of_a_system_and_sixty_in_all() -> None:
    report = sample_report()
    words = list("abcdefghijklmnopqrst")
    many = tuple(
        dataclasses.replace(
            report.clips[0], id=f"{language}-{number:02}", language=language,
            outputs={OFFLINE: output(" ".join(words), " ".join(words[number + 1 :]), "es")},
        )
        for language in ("en", "es", "fr", "it", "pt", "de", "nl")
        for number in range(12)
    )  # fmt: skip
    groups = worst.worst_clips(dataclasses.replace(report, clips=many), {})
    chosen = [item.clip.id for group in groups for item in group.clips]
    assert len(chosen) == 60
    assert chosen[0] == "en-11"
    assert max(len(group.clips) for group in groups) <= 10
    assert "en-01" not in chosen


def test_what_broke_stands_at_the_top_and_in_its_card() -> None:
    page = page_of(sample_report())
    (warning,) = page.find("section", "warning")
    assert "peer, offline: 30 of 100 clips: out of memory" in warning
    assert "base, offline" not in warning.split("Clips without output")[0]
    assert "es-1, The engine broke." in warning
    (card,) = page.find("article", "partial")
    assert "Incomplete: 30 of 100 clips: out of memory" in card


def test_a_run_that_came_through_has_no_warning() -> None:
    report = sample_report()
    whole = dataclasses.replace(report, systems=report.systems[:2])
    assert page_of(whole).find("section", "warning") == []


def test_tests_are_put_in_words() -> None:
    page = page_of(sample_report())
    text = page.section("comparisons")
    assert "peer, offline against base, offline" in text
    assert "worse +2.0 (1.0–3.0)" in text
    assert "no difference shown +0.4" in text
    assert "better +1.5" in text
    assert "peer, offline, against base, offline: more word errors in English." in page.section("summary")


def test_what_only_all_clips_together_show_is_said() -> None:
    report = sample_report()
    alike = paired(0.01, 0.2)
    tests = [Comparison("language", language, "wer", OFFLINE, BASELINE, alike) for language in ("en", "es")]
    tests.append(Comparison("all", "", "wer", OFFLINE, BASELINE, paired(0.012, 0.01)))
    page = page_of(dataclasses.replace(report, comparisons=tuple(tests)))
    said = "more word errors over all clips; no difference shown in any one language"
    assert said in page.section("summary")


def test_what_moved_is_said_at_a_glance_and_in_full() -> None:
    page = page_of(sample_report())
    assert "base, offline, since 14 November 2026, 09:00 UTC: fewer word errors in English." in page.section("summary")
    assert "better −1.3" in page.section("moved")
    assert page_of(dataclasses.replace(sample_report(), earlier=None)).section("moved") == ""


def test_the_lowest_error_rate_is_that_of_a_system_that_came_through() -> None:
    report = sample_report()
    noisy = dataclasses.replace(report.systems[0], id="x", name="noisy", groups=report.systems[3].groups)
    best = dataclasses.replace(
        report.systems[2], groups=(dataclasses.replace(report.systems[2].groups[0], wer=Score(0.0, None, None)),)
    )
    page = page_of(dataclasses.replace(report, systems=(noisy, report.systems[1], best)))
    assert "Lowest word error rate of all clips: base, streaming, 5.0 %." in page.section("summary")


def test_all_scores_and_delays_are_there_to_unfold() -> None:
    report = sample_report()
    studio = group("studio", Score(0.125, 0.1, 0.15), field="source")
    first = dataclasses.replace(report.systems[0], groups=(*report.systems[0].groups, studio))
    page = page_of(dataclasses.replace(report, systems=(first, *report.systems[1:])))
    captions, errors, fields = (
        next(text for text in page.find("figure", "table") if text.startswith(title))
        for title in ("Delays of captions", "Errors and scores", "WER % by source")
    )
    assert "1.50 / 1.00" in captions, "LAAL by both clocks"
    assert "0.62 / 0.75 / 0.90" in captions, "after the sound"
    assert "10 / 6 / 4" in errors
    assert "studio 5012.5 (10.0–15.0)––" in fields


def test_charts_are_there_when_there_is_something_to_draw() -> None:
    page = page_of(sample_report())
    for id in ("languages", "latency", "delays", "robustness"):
        assert page.section(id), id
    offline = dataclasses.replace(sample_report(), systems=sample_report().systems[:1])
    page = page_of(offline)
    assert page.section("languages")
    assert not any(page.section(id) for id in ("latency", "delays", "robustness"))


def test_systems_differ_by_shape_and_colour() -> None:
    text = render_page(sample_report(), {})
    pairs = set(re.findall(r'class="mark (s\d)"[^>]*><use href="#(m\d)"', text))
    assert pairs == {("s0", "m0"), ("s1", "m1"), ("s2", "m2")}
    assert {"m0", "m1", "m2"} <= {attributes.get("id") for _, attributes in Page(text).elements}


def test_nothing_computed_is_no_error() -> None:
    page = page_of(bare_report())
    text = page.texts[0]
    assert "nan" not in text.lower().split()
    assert "None" not in text
    assert "it broke before the first clip" in text
