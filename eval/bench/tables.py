"""The Markdown tables of README.md, made of the benchmark's results and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.datasets import language_order
from eval.sounds import SOUNDS

Results = Mapping[str, Mapping[str, Any]]

_OURS, _PEER = "speech3n", "faster-whisper"


def render(results: Results) -> str:
    """All tables for which there are results, each with its settings, and the machine behind them."""
    tables = (_offline, _translation, _live, _busy, _agreement, _silence, _memory)
    blocks = [block for make in tables if (block := make(results))]
    return "\n\n".join([*blocks, machines(results)]) + "\n" if blocks else ""


def _offline(results: Results) -> str:
    parts = _by_language(results, "offline")
    if not parts:
        return ""
    rows = []
    for language, part in parts:
        ours, peer = _systems(part)
        rows.append(
            [
                language,
                part["settings"]["clips"],
                f"{part['result']['audio_s'] / 60:.1f}",
                *_pair(_wer(ours["scores"], "whisper"), _wer(peer["scores"], "whisper")),
                *_pair(_wer(ours["scores"], "plain"), _wer(peer["scores"], "plain")),
                f"{ours['wall_s']:.0f} / {peer['wall_s']:.0f}",
                f"{ours['wall_s'] / peer['wall_s']:.2f}",
                f"{ours['rtf']:.2f} / {peer['rtf']:.2f}",
                f"{ours['peak_rss_mib']:.0f} / {peer['peak_rss_mib']:.0f}",
            ]
        )
    settings = parts[0][1]["settings"]
    walls = [[system["wall_s"] for system in _systems(part)] for _, part in parts]
    ratio = sum(ours for ours, _ in walls) / sum(peer for _, peer in walls)
    header = ["", "clips", "min", "WER %", "WER %, plain", "time, s", "ratio", "RTF", "peak MiB"]
    return _block(
        "Files: `speech3n transcribe` / faster-whisper called directly",
        f"Model {settings['model']}, {settings['peer']['compute_type']}, beam {settings['peer']['beam_size']}, "
        f"language given, word times on, threads: {settings['threads']}. "
        "Whole processes on the same files in turns, mean of "
        f"{settings['rounds']} round(s); time over all languages {ratio:.2f} of faster-whisper's. "
        "WER: Whisper's normaliser (English for en, basic elsewhere); plain: also without accents and with "
        "digits spelt out.",
        table(header, rows),
    )


def _translation(results: Results) -> str:
    parts = _by_language(results, "translate")
    if not parts:
        return ""
    rows = []
    for language, part in parts:
        ours, peer = (system["score"] for system in _systems(part))
        rows.append(
            [
                language,
                part["settings"]["clips"],
                *_pair(f"{ours['bleu']:.1f}", f"{peer['bleu']:.1f}"),
                *_pair(f"{ours['chrf']:.1f}", f"{peer['chrf']:.1f}"),
            ]
        )
    score = _systems(parts[0][1])[0]["score"]
    return _block(
        "Translation to English: `speech3n transcribe --translate` / faster-whisper, task translate",
        f"BLEU `{score['bleu_signature']}`; chrF `{score['chrf_signature']}`.",
        table(["", "clips", "BLEU", "chrF"], rows),
    )


def _live(results: Results) -> str:
    parts = _by_language(results, "live")
    if not parts:
        return ""
    rows = []
    for language, part in parts:
        offline = results.get(f"offline-{language}")
        joined = _systems(offline)[0]["scores_joined"] if offline else None
        rows.append([language, _minutes(part), *_live_wer(part, joined), *_live_timing(part), _steadiness(part)])
    header = ["", "min", "WER %", "offline", "WER %, plain", "offline", *_TIMING, "erasure"]
    return _block(
        "Live captions: all clips of a language joined into one recording",
        f"{parts[0][1]['settings']['gap_s']} s of silence between clips; the session behind `speech3n live` by a "
        "simulated clock (computing takes its time, waiting takes none). Delay: from the end of a word to its "
        "commit, median / 95 % / worst, word ends as recognised. After sound: from the end of a clip's sound to "
        "the commit of its last word, median / 95 %: no recogniser's word times in it. Shown: from the end of a "
        "word to its first sight, median. Erasure: words taken back per final word. WER of the joined texts, "
        "both live and offline.",
        table(header, rows),
    )


def _busy(results: Results) -> str:
    parts = _by_language(results, "busy")
    if not parts:
        return ""
    rows = [[language, _minutes(part), *_live_timing(part)] for language, part in parts]
    return _block(
        "Live, while another process keeps one core busy",
        "The first two minutes of each language, otherwise as above.",
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


def _live_wer(part: Mapping[str, Any], offline: Mapping[str, Any] | None) -> list[str]:
    cells = []
    for kind in ("whisper", "plain"):
        cells += [_wer(part["result"]["scores"], kind), _wer(offline, kind) if offline else "-"]
    return cells


def _steadiness(part: Mapping[str, Any]) -> str:
    stability = part["result"]["stability"]
    changed = f" ({stability['changed_commits']} commits changed)" if stability["changed_commits"] else ""
    return f"{stability['normalised_erasure']:.2f}{changed}"


def _minutes(part: Mapping[str, Any]) -> str:
    return f"{part['result']['audio_s'] / 60:.1f}"


def _wer(scores: Mapping[str, Any], kind: str) -> str:
    return f"{100 * scores[kind]['wer']:.1f}"


def _pair(ours: str, peer: str) -> list[str]:
    return [f"{ours} / {peer}"]


def _systems(part: Mapping[str, Any]) -> tuple[Any, Any]:
    systems = part["result"]["systems"]
    return systems[_OURS], systems[_PEER]


def _by_language(results: Results, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = {name.removeprefix(f"{kind}-"): part for name, part in results.items() if name.startswith(f"{kind}-")}
    return [(language, found[language]) for language in sorted(found, key=language_order)]


def machines(results: Results) -> str:
    """One line for each machine, set of versions and day."""
    lines = []
    for part in results.values():
        machine = part["environment"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        line = (
            f"{machine['cpu']}, {machine['usable_cores']} cores, Python {machine['python']}, {versions}; "
            f"{part['finished_at'][:10]}."
        )
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def _block(title: str, note: str, table: str) -> str:
    return f"**{title}**\n\n{table}\n\n{note}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
