import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest as SacrebleuTest
from sacrebleu.significance import Result

from speech3n.eval.measures import significance
from speech3n.eval.measures.clip_statistics import ClipStatistics, bleu_statistics, chrf_statistics, error_statistics
from speech3n.eval.measures.significance import bootstrap_interval, paired_bootstrap
from speech3n.eval.measures.wer import ErrorCounts

WORDS = "the a cat dog sat ran on under mat tree and then slept ate well today".split()


def clips(edits: list[int], length: int = 20, name: str = "WER") -> ClipStatistics:
    return error_statistics([ErrorCounts("plain", length - clip, clip, 0, 0) for clip in edits], name)


def translations(clips: int, *, worse: float, seed: int = 5) -> tuple[list[str], list[str], list[str]]:
    """References, and two translations in which one word in five, and `worse` times as many, are replaced."""
    generator = np.random.default_rng(seed)
    references = [list(generator.choice(WORDS, size=generator.integers(5, 15))) for _ in range(clips)]

    def damaged(share: float) -> list[str]:
        return [
            " ".join("wrong" if generator.random() < share else word for word in reference) for reference in references
        ]

    return [" ".join(reference) for reference in references], damaged(0.2 * worse), damaged(0.2)


# Intervals


def test_an_interval_by_hand() -> None:
    # One clip of two is wrong: a resample has 0, 1 or 2 wrong clips, one in four, one in two, one in four.
    interval = bootstrap_interval(clips([0, 10], length=10))
    assert interval is not None
    assert (interval.metric, interval.score) == ("WER, plain", 0.5)
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert (interval.drawn_from, interval.resamples, interval.seed) == (2, 1000, 12345)


def test_an_interval_is_as_wide_as_the_variance_says() -> None:
    generator = np.random.default_rng(2)
    edits = generator.binomial(20, 0.15, size=500).tolist()
    interval = bootstrap_interval(clips(edits), resamples=4000)
    assert interval is not None
    half_width = 1.96 * np.std(edits) / 20 / np.sqrt(500)
    assert interval.low == pytest.approx(interval.score - half_width, abs=0.1 * half_width)
    assert interval.high == pytest.approx(interval.score + half_width, abs=0.1 * half_width)


def test_intervals_cover_the_truth_in_about_95_percent_of_draws() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        lengths = generator.integers(3, 30, size=100)
        edits = generator.binomial(lengths, 0.1 * generator.choice([0.5, 1.5], size=100))
        errors = [ErrorCounts("plain", length - edit, edit, 0, 0) for length, edit in zip(lengths, edits, strict=True)]
        interval = bootstrap_interval(error_statistics(errors), resamples=399)
        assert interval is not None
        covered += interval.low <= 0.1 <= interval.high
    assert 0.92 <= covered / 400 <= 0.975


def test_the_same_seed_draws_the_same_clips() -> None:
    statistics = clips([0, 1, 2, 5, 7, 3, 0, 9])
    assert bootstrap_interval(statistics) == bootstrap_interval(statistics)
    intervals = {(found.low, found.high) for seed in range(9) if (found := bootstrap_interval(statistics, seed=seed))}
    assert len(intervals) > 1


def test_what_does_not_fit_into_memory_at_once_is_drawn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = clips([0, 1, 2, 5, 7, 3, 0, 9, 4])
    at_once = bootstrap_interval(statistics)
    monkeypatch.setattr(significance, "_ENTRIES_AT_ONCE", 70)
    assert bootstrap_interval(statistics) == at_once


@pytest.mark.parametrize("metric", [BLEU(), CHRF()], ids=["bleu", "chrf"])
def test_intervals_agree_with_sacrebleu(metric: BLEU | CHRF, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    references, hypotheses, _ = translations(60, worse=2.0)
    theirs = metric.corpus_score(hypotheses, [references], n_bootstrap=1000)
    ours = bootstrap_interval(statistics_of(metric, references, hypotheses))
    assert ours is not None
    assert ours.score == pytest.approx(theirs.score)
    # Theirs is half of what lies between the 26th lowest and the 26th highest, ours between the 25th.
    assert (ours.high - ours.low) / 2 == pytest.approx(theirs._ci, rel=0.03)
    assert (ours.high - ours.low) / 2 >= theirs._ci - 1e-4


def test_clips_without_reference_words_count_through_their_insertions() -> None:
    silence = ErrorCounts("plain", 0, 0, 0, insertions=2)
    speech = ErrorCounts("plain", 9, 1, 0, 0)
    interval = bootstrap_interval(error_statistics([speech, silence]))
    assert interval is not None
    assert interval.score == pytest.approx(3 / 10)
    assert interval.low == pytest.approx(1 / 10)
    assert interval.high == pytest.approx(3 / 10)
    assert 700 < interval.resamples < 800  # one in four has no words


@pytest.mark.parametrize(
    "statistics",
    [clips([3]), error_statistics([ErrorCounts("plain", 0, 0, 0, 1)] * 3)],
    ids=["one clip", "no reference words"],
)
def test_there_is_no_interval_and_no_test_where_nothing_can_be_drawn(statistics: ClipStatistics) -> None:
    assert bootstrap_interval(statistics) is None
    assert paired_bootstrap(statistics, statistics) is None


def test_empty_translations_have_an_interval_of_zero() -> None:
    interval = bootstrap_interval(bleu_statistics(["a b c d"] * 3, [""] * 3))
    assert interval is not None
    assert (interval.score, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(ValueError, match="38 resamples are too few"):
        bootstrap_interval(clips([1, 2]), resamples=38)
    assert bootstrap_interval(clips([1, 2]), resamples=39) is not None


# Tests


def test_a_system_is_not_different_from_itself() -> None:
    references, hypotheses, _ = translations(30, worse=2.0)
    for statistics in (clips([0, 3, 1, 4, 1, 5]), bleu_statistics(references, hypotheses)):
        result = paired_bootstrap(statistics, statistics)
        assert result is not None
        assert (result.difference, result.p_value, result.better) == (0.0, 1.0, None)
        assert (result.low, result.high) == (0.0, 0.0)


def test_a_system_that_is_better_on_every_clip_is_better() -> None:
    worse, better = clips([3, 4, 5, 6] * 5), clips([1, 2, 4, 5] * 5)
    result = paired_bootstrap(worse, better)
    assert result is not None
    assert result.difference == pytest.approx(-1.5 / 20)
    assert result.p_value < 0.01
    assert result.better == "candidate"
    turned = paired_bootstrap(better, worse)
    assert turned is not None
    assert (turned.difference, turned.better) == (-result.difference, "baseline")
    references, bad, good = translations(100, worse=3.0)
    translated = paired_bootstrap(chrf_statistics(references, bad), chrf_statistics(references, good))
    assert translated is not None
    assert translated.difference > 0
    assert translated.better == "candidate"


def test_equal_systems_are_called_different_in_about_5_percent_of_draws() -> None:
    generator = np.random.default_rng(4)
    draws = [generator.binomial(20, generator.uniform(0.0, 0.4, size=80), size=(2, 80)).tolist() for _ in range(300)]
    results = [paired_bootstrap(clips(first), clips(second), resamples=399) for first, second in draws]
    significant = sum(result is not None and result.significant for result in results)
    assert 0.02 <= significant / 300 <= 0.085


def test_a_p_value_by_hand() -> None:
    # The candidate is better on one clip of three: it is drawn in 19 of 27 resamples, else the systems are equal.
    bootstrap = paired_bootstrap(clips([5, 2, 2]), clips([4, 2, 2]))
    assert bootstrap is not None
    assert bootstrap.p_value == pytest.approx(2 * 8 / 27, abs=0.05)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12), st.integers(39, 200))
def test_p_and_interval_of_the_bootstrap_never_contradict(edits: list[tuple[int, int]], resamples: int) -> None:
    baseline, candidate = zip(*edits, strict=True)
    result = paired_bootstrap(clips(list(baseline)), clips(list(candidate)), resamples=resamples)
    assert result is not None
    assert result.significant == (result.low > 0 or result.high < 0)
    assert 0 < result.p_value <= 1


@pytest.mark.parametrize("metric", [BLEU(), CHRF()], ids=["bleu", "chrf"])
@pytest.mark.parametrize("worse", [1.0, 1.15, 1.3])
def test_paired_tests_agree_with_sacrebleu(metric: BLEU | CHRF, worse: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    references, first, second = translations(60, worse=worse)
    systems = [("first", first), ("second", second)]
    baseline, candidate = (statistics_of(metric, references, texts) for _, texts in systems)

    one, other = sacrebleu_results(systems, metric, references)
    resampled = paired_bootstrap(baseline, candidate)
    assert resampled is not None
    assert resampled.difference == pytest.approx(other.score - one.score)
    if other.p_value < 0.05:  # one system clearly ahead: theirs is one-sided
        assert resampled.p_value / 2 == pytest.approx(other.p_value, abs=0.01)
    else:
        assert resampled.p_value > 0.05


def sacrebleu_results(systems: list[tuple[str, list[str]]], metric: BLEU | CHRF, references: list[str]) -> list[Result]:
    _, results = SacrebleuTest(systems, {"metric": metric}, [references], test_type="bs", n_samples=1000)()
    (of_metric,) = (found for name, found in results.items() if name != "System")
    return list(of_metric)


def test_systems_need_the_same_clips_and_the_same_metric() -> None:
    with pytest.raises(ValueError, match="two metrics cannot be compared: WER, plain and CER, plain"):
        paired_bootstrap(clips([1, 2]), clips([1, 2], name="CER"))
    with pytest.raises(ValueError, match="2 clips of the baseline but 3 of the candidate"):
        paired_bootstrap(clips([1, 2]), clips([1, 2, 3]))
    with pytest.raises(ValueError, match="the references differ"):
        paired_bootstrap(clips([1, 2]), clips([1, 2], length=19))
    with pytest.raises(ValueError, match="the references differ"):
        paired_bootstrap(bleu_statistics(["a b", "c"], ["a", "c"]), bleu_statistics(["c", "a b"], ["c", "a"]))


def statistics_of(metric: BLEU | CHRF, references: list[str], hypotheses: list[str]) -> ClipStatistics:
    if isinstance(metric, BLEU):
        return bleu_statistics(references, hypotheses)
    return chrf_statistics(references, hypotheses)
