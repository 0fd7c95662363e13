"""Question 1.2: summaries in every format and state, compared with the model."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torchinfo
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grader import scoring
from grader.assignment import bundled
from grader.checks.architecture.evidence import ArchitectureEvidence, LayerRow
from grader.checks.summary import measure as summary
from grader.checks.summary import summary_text
from grader.checks.summary.evidence import SummaryEvidence
from grader.scoring import Verdict
from tests import slices

QUESTION = bundled("hw13").question("1.2")
LEAVES: list[tuple[str, tuple[int, ...], int]] = [
    ("Conv2d", (32, 112, 112), 896),
    ("BatchNorm2d", (32, 112, 112), 64),
    ("ReLU", (32, 112, 112), 0),
    ("Conv2d", (64, 56, 56), 18_496),
    ("BatchNorm2d", (64, 56, 56), 128),
    ("ReLU", (64, 56, 56), 0),
    ("Conv2d", (120, 28, 28), 69_240),
    ("Linear", (11,), 1_331),
]
TOTAL = 90_155


def architecture(torchsummary_total: int = TOTAL, leaves: list[Any] | None = None) -> ArchitectureEvidence:
    rows = [
        LayerRow(
            depth=1, name="block", type="Block", output_shape=(1, 64, 56, 56), parameters=0, mult_adds=0, leaf=False
        )
    ]
    for number, (kind, shape, parameters) in enumerate(leaves or LEAVES):
        rows.append(
            LayerRow(
                depth=2, name=f"n{number}", type=kind, output_shape=(1, *shape), parameters=parameters, mult_adds=0
            )
        )
    return ArchitectureEvidence(parameters=TOTAL, torchsummary_total=torchsummary_total, layers=tuple(rows))


def table(
    rows: Sequence[tuple[str, tuple[int, ...], int]] | None = None, total: str = "90,155", input_mb: str = "0.57"
) -> str:
    """As the package torchsummary prints it."""
    rows = rows or [*LEAVES[:6], ("Block", (64, 56, 56), 0), *LEAVES[6:]]
    lines = ["-" * 64, f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}", "=" * 64]
    for number, (kind, shape, parameters) in enumerate(rows, start=1):
        lines.append(f"{kind + '-' + str(number):>20}  {[-1, *shape]!s:>25} {parameters:>15,}")
    lines += ["=" * 64, f"Total params: {total}", f"Trainable params: {total}", "Non-trainable params: 0", "-" * 64]
    lines += [f"Input size (MB): {input_mb}", "Forward/backward pass size (MB): 99.72", "Params size (MB): 0.34"]
    return "\n".join([*lines, "Estimated Total Size (MB): 100.63", "-" * 64])


def measure(text: str | bytes, model: ArchitectureEvidence | None = None) -> SummaryEvidence:
    data = text.encode() if isinstance(text, str) else text
    return summary.measure(data, model or architecture(), QUESTION)


def markdown(text: str) -> str:
    lines = [f"| {' | '.join(re.split(' {2,}', line.strip()))} |" for line in text.split("\n")]
    return "\n".join([lines[0], "|---|---|---|", *lines[1:]])


def pdf_debris(text: str) -> str:
    """Columns torn apart, a number and a label broken, as text from a PDF has them."""
    text = text.replace("90,155\nTrainable", "90.\n,155\nTrainable").replace("69,240", "69, | 240")
    text = text.replace("Conv2d-4 ", "Conv2d-\n 4 ").replace("896", "======<br>896")
    return text.replace("1,331", "1,3  331")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        markdown,
        pdf_debris,
        lambda text: markdown(pdf_debris(text)),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(",", "，").replace(":", "："),
        lambda text: text + "\n" + text,
        lambda text: "my summary\n```\n" + text + "\n```",
        lambda text: text.encode("utf-16").decode("utf-16"),
        lambda text: " ".join(text.split()),
    ],
)
def test_true_summary_agrees_in_every_state(change: Callable[[str], str]) -> None:
    evidence = measure(change(table()))
    assert evidence.claimed_total == TOTAL
    assert evidence.claimed_trainable == TOTAL
    assert evidence.rows_differ == 0
    assert evidence.rows_claimed == 9
    assert evidence.dialect == "torchsummary"


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("Total params: 323", 323),
        ("total params 1,234,567", 1_234_567),
        ("Total params: 90155", TOTAL),
        ("Total params: 90.155", TOTAL),
        ("Total params: 90 155", TOTAL),
        ("Total params: 90'155", TOTAL),
        ("Total params: 90_155", TOTAL),
        ("Total params: 90\u00a0155", TOTAL),
        ("Total params: 90\u202f155", TOTAL),
        ("Total params：９０，１５５", TOTAL),
        ("Total params: 90.\n,155", TOTAL),
        ("| Total params: 90. | ,155 |", TOTAL),
        ("Total params:\n90,155\nTrainable params: 90,155", TOTAL),
        ("Total\nparams: 90,155", TOTAL),
        ("**Total params**: 90,155 (352.17 KB)", TOTAL),
        ("Total params: 90,155 Trainable params: 90,155 Non-trainable params: 0", TOTAL),
        ("Total parameters = 90,155", TOTAL),
        ("Total params: 90155.0", TOTAL),
        ("Total params -> 90,155", TOTAL),
        ("Total params: \u200e90,155\u200e", TOTAL),
        ("Total number of parameters = 90,155", TOTAL),
        ("The total params of my model is 90,155.", TOTAL),
        ("Number of parameters: 90,155", TOTAL),
        ("總參數量：９０，１５５", TOTAL),
        ("模型的總參數量為 90155 個", TOTAL),
        ("参数总数: 90,155\n可训练参数: 90,000", TOTAL),
        ("Trainable params: 90,000\nNon-trainable params: 155", TOTAL),
        ("Non-trainable params: 155\nTrainable params: 90,000\n", TOTAL),
        ("90,155 total parameters.\n90,000 training parameters.", TOTAL),
        ("There are 90155 total params\n88,824 in blocks", TOTAL),
        ("90,155   Total params\n0.361     Total estimated model params size (MB)", TOTAL),
        ("Total params \x1b[33m90,155\x1b[0m", TOTAL),
        ("90.2 K total parameters\n88,824 in blocks", None),
        ("1,331 Total params 90,155", TOTAL),
        ("可訓練參數量：90,155", None),
        ("Total params: ~90K", None),
        ("Total params: 90155.5", None),
        ("Total params: 90,15", None),
        ("Total params: 0.09M", None),
        ("Total params: 90.2 K", None),
        ("Total params:", None),
        ("Total params: none", None),
        ("Total params should not exceed 100,000.", None),
        ("params: 90,155", None),
        ("Non-trainable params: 90,155", None),
        ("Total params: " + "9" * 5000, None),
        ("90155", None),
        ("", None),
    ],
)
def test_stated_totals(text: str, total: int | None) -> None:
    assert measure(text).claimed_total == total


def test_rounded_total_is_reported() -> None:
    assert [note.id for note in measure("Total params: 0.09M").notes] == ["summary.total_rounded"]


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("90155", "90155"),
        ("params: 90,155", "90,155"),
        ("flops: 148001280.0, params: 90155.0", "90155.0"),
        ("90.2 K    Total params\n0.361     Total estimated model params size (MB)", "90.2 K"),
        ("Number of parameters:   0.0902 M", "0.0902 M"),
        ("90156", None),
        ("1,90155", None),
        ("90,155,000", None),
        ("about 0.1M", None),
        ("-90155.5", None),
    ],
)
def test_true_number_that_is_not_called_the_total_needs_review(text: str, mentioned: str | None) -> None:
    evidence = measure(text)
    mentions = [note.params["written"] for note in evidence.notes if note.id == "summary.total_mentioned"]
    assert (evidence.claimed_total, mentions) == (None, [] if mentioned is None else [mentioned])
    verdict = scoring.score(bundled("hw13"), "1.2", evidence).verdict
    assert verdict is (Verdict.NONE if mentioned is None else Verdict.NEEDS_REVIEW)


def test_unreadable_and_huge_uploads_are_reported() -> None:
    assert [note.id for note in measure(b"").notes] == ["summary.unreadable"]
    assert [note.id for note in measure(b"\x89PNG\r\n").notes] == ["summary.unreadable"]
    assert [note.id for note in measure(b" x" * summary.BYTE_LIMIT).notes] == ["summary.too_large"]


def test_wrong_row_contradicts() -> None:
    wrong = [("Conv2d", (64, 56, 56), 18_400) if row[2] == 18_496 else row for row in LEAVES]
    evidence = measure(table(wrong))
    assert evidence.claimed_total == TOTAL
    assert evidence.rows_differ == 1
    assert evidence.differences == ((4, "Conv2d: 18,400", "Conv2d: 18,496"),)


def test_rows_of_another_model_with_the_right_total_contradict() -> None:
    other = [("Conv2d", (8, 9, 9), 100 + n) for n in range(5)] + [("Linear", (11,), 7)]
    assert measure(table(other)).rows_differ == 6


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_letter_case_is_no_contradiction(change: Callable[[str], str]) -> None:
    evidence = measure(change(table()))
    assert (evidence.claimed_total, evidence.rows_claimed, evidence.rows_differ) == (TOTAL, 9, 0)
    assert measure(change(table()).replace("18,496", "18,497")).rows_differ == 1


def test_more_rows_of_a_kind_than_the_model_has_contradict() -> None:
    assert measure(table([*LEAVES, LEAVES[0]])).rows_differ == 1


def test_lost_digit_and_unreadable_number_are_damage_not_contradiction() -> None:
    assert measure(table().replace("18,496", "18,49").replace("69,240", "9,240")).rows_differ == 0


def test_cut_off_table_does_not_contradict() -> None:
    lines = table().split("\n")
    evidence = measure("\n".join(lines[7:]))
    assert evidence.claimed_total == TOTAL
    assert evidence.rows_differ == 0
    assert evidence.rows_claimed == 5


def test_missing_line_of_totals_is_made_up_by_complete_rows() -> None:
    rows_only = table().split("Total params")[0]
    evidence = measure(rows_only)
    assert evidence.claimed_total == TOTAL
    assert [note.id for note in evidence.notes] == ["summary.total_from_rows"]
    assert measure(rows_only.replace("1,331", "1,332")).claimed_total is None


CUT_OFF = "\n".join(table().split("\n")[:8])


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (CUT_OFF, True),
        (CUT_OFF + "\nTotal params: 90,l55", True),
        (CUT_OFF + "\nTotal params: 9O,155", True),
        (CUT_OFF + "\nTotal params: 90,15S", True),
        (CUT_OFF.replace("18,496", "18,500"), False),
        (table([("ReLU", (32, 112, 112), 0)]).split("Total params")[0], False),
    ],
)
def test_fitting_rows_without_a_readable_total_need_review(text: str, fits: bool) -> None:
    evidence = measure(text)
    notes = [note.id for note in evidence.notes if note.id == "summary.rows_fit"]
    assert (evidence.claimed_total, len(notes)) == (None, fits)
    assert scoring.score(bundled("hw13"), "1.2", evidence).score == 0
    verdict = scoring.score(bundled("hw13"), "1.2", evidence).verdict
    assert verdict is (Verdict.NEEDS_REVIEW if fits else Verdict.NONE)


@pytest.mark.parametrize(
    "line", ["Total params,90155", '"Total params","90,155"', "Total params;90155", '{"total_params": 90155}']
)
def test_total_in_a_comma_separated_table_is_read(line: str) -> None:
    assert measure(f'Layer,Output,Param\nConv2d-1,"[-1, 32, 112, 112]",896\n{line}\n').claimed_total == TOTAL


def test_two_tables_take_the_models_own() -> None:
    other = table([("Conv2d", (8, 9, 9), 1_000)], total="1,000")
    for text in (other + "\n" + table(), table() + "\n" + other):
        evidence = measure(text)
        assert evidence.claimed_total == TOTAL
        assert evidence.rows_differ == 0
        assert "summary.several_tables" in [note.id for note in evidence.notes]


def test_who_states_every_total_has_stated_none() -> None:
    few = "".join(f"Total params: {number}\n" for number in range(1, summary.MANY_TOTALS)) + table()
    enough, many = (scoring.score(bundled("hw13"), "1.2", measure(text)) for text in (few, few + "Total params: 777\n"))
    assert (enough.score, enough.verdict) == (0.5, Verdict.FULL)
    assert (many.score, many.verdict) == (0.0, Verdict.NEEDS_REVIEW)


OTHER = table([("Conv2d", (8, 9, 9), 1_000)], total="1,000")
FOREIGN = "├─Attention: 1-1    [-1, 8]    90,000\n├─Mixer: 1-2    [-1, 8]    155\nTotal params: 90,155"


@pytest.mark.parametrize(
    ("text", "points", "verdict"),
    [
        (table(), 0.5, Verdict.FULL),
        (CUT_OFF + "\nTotal params: 90,155", 0.5, Verdict.FULL),
        (
            table().replace("Conv2d", "\x1b[32mConv2d\x1b[0m").replace("90,155", "\x1b[1m90,155\x1b[0m"),
            0.5,
            Verdict.FULL,
        ),
        ('Layer,Output,Param\nConv2d-1,"[-1, 32, 112, 112]",896\nTotal params,90155', 0.5, Verdict.FULL),
        ("n0.weight torch.Size([32, 3, 3, 3])\nTotal params: 90,155", 0.5, Verdict.FULL),
        ("我的模型有Conv2d層\nTotal params: 90,155", 0.5, Verdict.FULL),
        ("├─Block: 1-1    [-1, 11]    90,155\nTotal params: 90,155", 0.5, Verdict.FULL),
        (OTHER + "\n" + table(), 0.5, Verdict.FULL),
        ("Total params: 100,000\n" + table(), 0.5, Verdict.FULL),
        ("Total params: 90,155", 0.25, Verdict.NEEDS_REVIEW),
        ("Total params: 90,155\nTrainable params: 90,155\nNon-trainable params: 0", 0.25, Verdict.NEEDS_REVIEW),
        (table().split("=" * 64)[2], 0.25, Verdict.NEEDS_REVIEW),
        ("StudentNet has\nTotal params: 90,155", 0.25, Verdict.NEEDS_REVIEW),
        ("The convolutions and linearity\nTotal params: 90,155", 0.25, Verdict.NEEDS_REVIEW),
        (FOREIGN, 0.25, Verdict.NEEDS_REVIEW),
        ("Total params: 90,154\nTotal params: 90,155", 0, Verdict.NEEDS_REVIEW),
        (OTHER + "\nTotal params: 90,155", 0, Verdict.NEEDS_REVIEW),
        ("Total params: 90,155\n" + OTHER, 0, Verdict.NEEDS_REVIEW),
        ("Conv2d Linear\nTotal params: 90,155\nTotal params: 90,156", 0, Verdict.NEEDS_REVIEW),
        (table().replace("18,496", "18,400") + "\nTotal params: 5", 0, Verdict.NEEDS_REVIEW),
        ("Total params: 90,154", 0, Verdict.NONE),
    ],
)
def test_summary_names_layers_and_one_total_fits_its_rows(text: str, points: float, verdict: Verdict) -> None:
    result = scoring.score(bundled("hw13"), "1.2", measure(text))
    assert (result.score, result.verdict) == (points, verdict), result.messages


def test_two_foreign_tables_take_the_last() -> None:
    first, last = (
        table([("Conv2d", (8, 9, 9), 1_000)], total="1,000"),
        table([("Conv2d", (8, 9, 9), 2_000)], total="2,000"),
    )
    assert measure(first + "\n" + last).claimed_total == 2_000


def test_example_is_recognised() -> None:
    assert measure(table(total="87,907")).matches_example
    assert not measure(table()).matches_example


def test_torchsummarys_own_count_is_accepted_and_explained() -> None:
    model = architecture(torchsummary_total=TOTAL - 64)
    evidence = measure(table(total="90,091"), model)
    assert evidence.claimed_total == evidence.actual_torchsummary_total
    assert [note.id for note in evidence.notes] == ["summary.torchsummary_count"]


def test_module_called_twice_is_listed_twice() -> None:
    """torchsummary shows both calls with their parameters, the model's own table the second one with none."""
    leaves = [*LEAVES[:4], ("Conv2d", (64, 56, 56), 0), *LEAVES[4:]]
    pasted = [*LEAVES[:4], LEAVES[3], *LEAVES[4:]]
    assert measure(table(pasted), architecture(leaves=leaves)).rows_differ == 0


def test_other_input_size_costs_nothing() -> None:
    small = [(kind, (shape[0], *(side // 2 for side in shape[1:])), count) for kind, shape, count in LEAVES]
    evidence = measure(table(small, input_mb="0.14"))
    assert evidence.rows_differ == 0
    assert [note.id for note in evidence.notes] == ["summary.other_input_size"]
    assert evidence.claimed_input is None or evidence.claimed_input == (3, 112, 112)
    assert measure(table(input_mb="0.57")).claimed_input == (3, 224, 224)
    assert measure(table(input_mb="0.19")).claimed_input == (3, 128, 128)


def test_without_a_model_nothing_is_compared() -> None:
    evidence = summary.measure(table().encode(), None, QUESTION)
    assert (evidence.claimed_total, evidence.actual_total, evidence.rows_differ) == (TOTAL, None, 0)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    return nn.Sequential(block, nn.Conv2d(8, 16, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 11))


@pytest.mark.parametrize(
    "columns",
    [
        ("output_size", "num_params"),
        ("input_size", "output_size", "num_params", "mult_adds"),
        ("input_size", "output_size", "num_params", "kernel_size", "mult_adds", "trainable"),
        ("kernel_size", "output_size", "num_params", "params_percent", "mult_adds"),
        ("mult_adds", "num_params"),
        ("num_params", "mult_adds"),
    ],
)
def test_torchinfo(network: nn.Module, columns: tuple[str, ...]) -> None:
    printed = str(torchinfo.summary(network, (1, 3, 32, 32), verbose=0, col_names=columns, device="cpu"))
    total = sum(parameter.numel() for parameter in network.parameters())
    (parsed,) = summary_text.parse(printed)
    assert parsed.dialect == "torchinfo"
    assert parsed.total == parsed.trainable == total
    true = {0, None, 3 * 8 * 9 + 8, 16, 8 * 16 * 9 + 16, 16 * 11 + 11}
    assert {row.parameters for row in parsed.rows} <= true
    assert columns[0] == "mult_adds" or max(row.parameters or 0 for row in parsed.rows) == 1168
    if columns[0] == "output_size":
        assert sum(row.parameters or 0 for row in parsed.rows) == total
        assert [row.label for row in parsed.rows][:3] == ["Sequential", "Conv2d", "BatchNorm2d"]


def test_torch_summary_tree() -> None:
    text = """\
=================================================================
Layer (type:depth-idx)                   Output Shape              Param #
=================================================================
├─Sequential: 1-1                        [-1, 32, 112, 112]        --
|    └─Conv2d: 2-1                       [-1, 32, 112, 112]        896
|    └─BatchNorm2d: 2-2                  [-1, 32, 112, 112]        64
├─Linear: 1-2                            [-1, 11]                  1,331
=================================================================
Total params: 90,155
Trainable params: 90,155
"""
    evidence = measure(text)
    assert evidence.dialect == "torch-summary"
    assert [row.parameters for row in evidence.rows] == [None, 896, 64, 1_331]
    assert (evidence.claimed_total, evidence.rows_differ) == (TOTAL, 0)
    assert measure(text.replace("896", "897")).rows_differ == 1


_PIECES = st.sampled_from(
    ["Total params: ", "90,155", "Trainable params", "Conv2d-1 ", "[-1, 3, 4]", " | ", "\n", "  ", "896", ",", ".",
     "├─Conv2d: 1-1 ", "--", "=====", "<br>", "Input size (MB): ", "0.57", "(recursive)", "（", "9" * 40, "-", "[", "]"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=60).map("".join) | st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_answered(text: str | bytes) -> None:
    evidence = measure(text.encode("utf-8", "replace") if isinstance(text, str) else text)
    assert len(evidence.differences) == evidence.rows_differ <= evidence.rows_claimed == len(evidence.rows)
    assert SummaryEvidence.model_validate_json(evidence.model_dump_json()) == evidence


@pytest.mark.parametrize(
    "unit",
    slices.every(
        5,
        [
            "a",
            "Conv2d-1 [-1, 3] 5\n",
            "Total params: 5\n",
            "1,",
            " ",
            "[",
            "Total ",
            "1 | ",
            "Conv2d-",
            "Conv2d: 1-1 ",
            "-1 ",
            "Conv2d: 1-1 [[1] [2], ",
            "Conv2d-1 [",
            "Number of parameters ",
            "總參數",
            "Non-trainable params ",
            "is為",
            "\x0b",
            "\x0c ",
            "a\x1c\x1d",
            "multadds",
            "mult-adds \x0b",
        ],
    ),
)
def test_large_paste_is_answered_in_seconds(unit: str) -> None:
    """The slowest took 1.3 s on two busy cores."""
    begun = time.process_time()
    measure(unit * (summary.BYTE_LIMIT // len(unit)))
    assert time.process_time() - begun < 8
