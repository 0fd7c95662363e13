"""The 2023 edition of the homework is data alone: another limit, another example, its own hand-ins and table."""

from __future__ import annotations

import pytest

from grader import pipeline, scoring
from grader.assignment import ASSIGNMENTS, bundled
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.architecture.options import of_network
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from grader.submission import Part, SubmittedParts
from tests.integration.service import MODEL, Site, questions

SLUG = "hw13-2023"
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 11)
        self.rest = nn.Parameter(torch.zeros({numbers}))
    def forward(self, x):
        return self.head(x.mean((2, 3))) + self.rest.sum()
def get_student_model():
    return Net()
"""
EXAMPLE_TOTAL = "Total params: 59,723\nTrainable params: 59,723\nNon-trainable params: 0\n"


def test_the_edition_is_data_and_shares_what_is_the_same() -> None:
    folder = ASSIGNMENTS / SLUG
    assert {file.suffix for file in folder.iterdir()} <= {".toml", ".json", ".py"}
    shared = [file.name for file in folder.iterdir() if file.is_symlink()]
    assert sorted(shared) == ["kd_cases.json", "kd_mistakes.json", "prelude.py"]
    ours, theirs = bundled(SLUG), bundled("hw13")
    assert all(ours.files[name] == theirs.files[name] for name in shared)
    assert (of_network(ours).parameter_limit, ours.baselines["boss"]) == (60_000, 0.82326)


@pytest.mark.parametrize(("more", "verdict"), [(0, Verdict.FULL), (1, Verdict.NONE)])
def test_sixty_thousand_parameters_pass_and_one_more_does_not(sandbox: Sandbox, more: int, verdict: Verdict) -> None:
    edition = bundled(SLUG)
    parts = {"model": NET.format(numbers=60_000 - 44 + more), "summary": EXAMPLE_TOTAL}
    handin = SubmittedParts({name: Part(text.encode()) for name, text in parts.items()})
    evidence = pipeline.grade(edition, handin, sandbox).evidence
    model = evidence["1.1"]
    assert isinstance(model, ArchitectureEvidence)
    assert (model.parameters, model.verified) == (60_000 + more, True)
    assert scoring.score(edition, "1.1", model).verdict is verdict
    assert scoring.score(bundled("hw13"), "1.1", model).verdict is Verdict.FULL, "the 2022 edition allows more"
    told = [note.id for note in scoring.score(edition, "1.2", evidence["1.2"]).messages]
    assert "summary.example_pasted" in told


def test_each_edition_has_its_own_submissions(api: Site) -> None:
    student, ta = api.person(), api.person("ta")
    student.submit(model=MODEL)
    answer = student.post("/submissions", files={"assignment": (None, SLUG), "model": (None, MODEL)})
    assert (answer.status_code, answer.json()["assignment"], answer.json()["attempt"]) == (202, SLUG, 1)
    assert questions(answer.json()).keys() == {"1.1", "1.2", "2.1", "2.2", "3.1", "3.2"}
    listed = {row["slug"]: row for row in student.get("/assignments").json()}
    assert [listed[slug]["limits"]["parameters"] for slug in ("hw13", SLUG)] == [100_000, 60_000]
    assert [listed[slug]["quota"]["used"] for slug in ("hw13", SLUG)] == [1, 1]
    for slug in ("hw13", SLUG):
        (row,) = (
            row for row in ta.get("/scores", params={"assignment": slug}).json() if row["student"] == student.login
        )
        assert row["attempt"] == 1


def test_the_start_page_shows_one_edition_and_leads_to_the_other(api: Site) -> None:
    student = api.person()
    page = api.plain.get("/", headers={"Authorization": f"Bearer {student.token}", "Accept": "text/html"}).text
    assert page.count('<form id="submission-form"') == 1
    assert '<form id="submission-form" method="post" action="/?assignment=hw13"' in page
    assert f'<a href="/?assignment={SLUG}">HW13: Network Compression (2023)</a>' in page
