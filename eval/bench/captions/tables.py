"""The Markdown tables of README.md, made of the benchmark's results and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speech3n.eval.bench.tables import machines, table
from speech3n.eval.sets.clip import language_order
from speech3n.eval.sets.sounds import SOUNDS

Results = Mapping[str, Mapping[str, Any]]


def render(results: Results) -> str:
    """All tables for which there are results, each with its settings, and the machine behind them."""
    tables = (_busy, _agreement, _silence, _memory)
    blocks = [block for make in tables if (block := make(results))]
    return "\n\n".join([*blocks, machines(results)]) + "\n" if blocks else ""


def _busy(results: Results) -> str:
    parts = _by_language(results, "busy")
    if not parts:
        return ""
    rows = [[language, _minutes(part), *_live_timing(part)] for language, part in parts]
    return _block(
        "Live, while another process keeps one core busy",
        "The first two minutes of each language. Delay: from the end of a word to its commit, median / 95 % / worst. "
        "After sound: from the end of a clip's sound to the commit of its last word, median / 95 %. Shown: from the "
        "end of a word to its first sight, median.",
        table(["", "min", *_TIMING], rows),
    )


def _agreement(results: Results) -> str:
    parts = [(pace, results.get(f"agreement-{pace}")) for pace in ("simulated", "realtime")]
    rows = [[pace, _minutes(part), *_live_timing(part)] for pace, part in parts if part]
    if len(rows) < len(parts):
        return ""
    texts = {part["result"]["text"] for _, part in parts if part}
    same = "the same" if len(texts) == 1 else "not the same"
    return _block(
        "The simulated clock against real time, on the same minute",
        f"The texts are {same}. In real time RTF is the session's own count.",
        table(["pace", "min", *_TIMING], rows),
    )


def _silence(results: Results) -> str:
    found = [part for name, part in results.items() if name.startswith("silence-")]
    parts = sorted(found, key=lambda part: list(SOUNDS).index(part["settings"]["sound"]))
    if not parts:
        return ""
    rows = [
        [
            part["settings"]["sound"],
            f"{part['settings']['minutes']:g}",
            part["result"]["words_final"],
            part["result"]["words_shown"],
            f"{part['result']['cpu_s']:.1f}",
            f"{100 * part['result']['cpu_rtf']:.1f}",
        ]
        for part in parts
    ]
    return _block(
        "Sounds without speech",
        "Language to be detected, as fast as it goes. Shown counts tentative words too.",
        table(["sound", "min", "words", "words shown", "CPU, s", "CPU, % of a core"], rows),
    )


def _memory(results: Results) -> str:
    part = results.get("memory")
    if part is None:
        return ""
    result = part["result"]
    row = [
        f"{part['settings']['minutes']:g}",
        f"{result['first_quarter_mib']:.0f}",
        f"{result['last_quarter_mib']:.0f}",
        f"{result['last_quarter_mib'] - result['first_quarter_mib']:+.0f}",
        f"{result['peak_rss_mib']:.0f}",
        f"{result['rtf']:.2f}",
    ]
    header = ["min of audio", "first quarter, MiB", "last quarter, MiB", "growth", "peak", "RTF"]
    return _block("Memory of a long session", "Resident set once a minute of audio, means.", table(header, [row]))


_TIMING = ["delay, s", "after sound, s", "shown, s", "RTF", "max lag, s", "peak MiB"]


def _live_timing(part: Mapping[str, Any]) -> list[str]:
    result = part["result"]
    commit, after, shown = (result[f"{kind}_delay_s"] for kind in ("commit", "clip_end", "shown"))
    return [
        f"{commit['median']:.2f} / {commit['p95']:.2f} / {commit['maximum']:.2f}",
        f"{after['median']:.2f} / {after['p95']:.2f}",
        f"{shown['median']:.2f}",
        f"{result['own_rtf' if part['settings']['pace'] == 'realtime' else 'rtf']:.2f}",
        f"{result['max_lag_s']:.2f}",
        f"{result['process']['peak_rss_mib']:.0f}",
    ]


def _minutes(part: Mapping[str, Any]) -> str:
    return f"{part['result']['audio_s'] / 60:.1f}"


def _by_language(results: Results, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = {name.removeprefix(f"{kind}-"): part for name, part in results.items() if name.startswith(f"{kind}-")}
    return [(language, found[language]) for language in sorted(found, key=language_order)]


def _block(title: str, note: str, table: str) -> str:
    return f"**{title}**\n\n{table}\n\n{note}"
