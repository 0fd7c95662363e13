"""Submits, reads and decides with the generated client: ``python submit.py URL STUDENT_TOKEN ADMIN_TOKEN FOLDER``."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path

from assay_client import AuthenticatedClient
from assay_client.api.admin import import_users
from assay_client.api.assignments import get_assignment
from assay_client.api.scores import get_scores_csv, preview_canvas_gradebook, set_override
from assay_client.api.submissions import create_submission, get_submission, get_submission_file
from assay_client.models import BodyPreviewCanvasGradebook, CreateSubmissionBody, NewOverride
from assay_client.types import File

url, student_token, admin_token, folder = sys.argv[1:]
student, admin = (AuthenticatedClient(base_url=url, token=token) for token in (student_token, admin_token))


def file(data: bytes, name: str) -> File:
    return File(payload=BytesIO(data), file_name=name)


model = (Path(folder) / "model.py").read_bytes()
form = CreateSubmissionBody(
    assignment="hw13", model=file(model, "model.py"), answers=file(b'{"2.2": "softer"}', "answers.json")
)
created = create_submission.sync(client=student, body=form)
answer = get_submission.sync_detailed(created.id, client=student)
part = get_submission_file.sync(created.id, "model", client=student)
problem = get_assignment.sync("hw99", client=student)
override = set_override.sync_detailed(
    created.id, "1.1", client=admin, body=NewOverride(score=0.5, reason="Seen."), if_match='"of-another-report"'
)
people = import_users.sync(client=admin, body=file(b"login,name\nada,Ada\n", "roster.csv"))
gradebook = b"Student,ID,SIS Login ID,Section,HW13 (11)\n    Points Possible,,,,4\nAda,1,ada,A,\n"
changes = preview_canvas_gradebook.sync(
    client=admin,
    body=BodyPreviewCanvasGradebook(file=file(gradebook, "gradebook.csv"), assignment="hw13", column="HW13 (11)"),
)
print(
    json.dumps(
        {
            "id": str(created.id),
            "questions": [question.number for question in answer.parsed.questions],
            "is_same_file": part.payload.read() == model,
            "problem": problem.type_,
            "conflict": override.status_code,
            "people": [person.login for person in people],
            "scores": get_scores_csv.sync(client=admin, assignment="hw13").payload.read().decode().splitlines()[0],
            "gradebook": changes.to_dict(),
        }
    )
)
