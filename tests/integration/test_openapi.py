"""The OpenAPI document agrees with the service."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.integration.service import MODEL, Site

CONTRACT = {
    ("get", "/api/v1/assignments"),
    ("get", "/api/v1/assignments/{slug}"),
    ("post", "/api/v1/submissions"),
    ("get", "/api/v1/submissions"),
    ("get", "/api/v1/submissions/{submission_id}"),
    ("get", "/api/v1/submissions/{submission_id}/events"),
    ("post", "/api/v1/submissions/{submission_id}/cancel"),
    ("get", "/api/v1/submissions/{submission_id}/files/{part}"),
    ("get", "/api/v1/submissions/{submission_id}/results.json"),
    ("put", "/api/v1/submissions/{submission_id}/questions/{number}/override"),
    ("delete", "/api/v1/submissions/{submission_id}/questions/{number}/override"),
    ("get", "/api/v1/scores"),
    ("get", "/api/v1/scores.csv"),
    ("get", "/api/v1/scores/statistics"),
    ("post", "/api/v1/admin/users"),
    ("post", "/api/v1/admin/users/import"),
    ("post", "/api/v1/admin/users/{login}/tokens"),
    ("delete", "/api/v1/admin/tokens/{token_id}"),
    ("get", "/api/v1/admin/workers"),
    ("get", "/api/v1/admin/audit"),
    ("get", "/api/v1/sandbox"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}


@pytest.fixture
def document(api: Site) -> dict[str, Any]:
    found: dict[str, Any] = api.plain.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation by method and path."""
    return {(method, path): body for path, item in document["paths"].items() for method, body in item.items()}


def test_every_route_of_the_contract_is_described(document: dict[str, Any]) -> None:
    assert set(operations(document)) >= CONTRACT
    assert all(body.get("description") for body in operations(document).values())


def test_generated_functions_have_good_names(document: dict[str, Any]) -> None:
    names = [body["operationId"] for body in operations(document).values()]
    assert len(set(names)) == len(names)
    verbs = "answer|cancel|confirm|create|export|fill|get|import|list|preview|publish|release|remove|revert|revoke|set"
    verbs += "|archive|copy|restore|stream|withdraw|withhold"
    assert [name for name in names if not re.fullmatch(rf"(?:{verbs})(?:_[a-z]+)+", name)] == []
    assert "create_submission" in names


def test_generators_understand_every_parameter_and_file(document: dict[str, Any]) -> None:
    """Generated clients know no null in a request and no list in a header, and read the first kind of an answer."""
    assert "contentMediaType" not in json.dumps(document)
    for (method, path), operation in operations(document).items():
        for parameter in operation.get("parameters", ()):
            assert "null" not in json.dumps(parameter), (method, path)
            assert parameter["in"] != "header" or parameter["schema"]["type"] == "string", (method, path)
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in [answer["content"] for answer in contents if "content" in answer]:
            for kind, body in content.items():
                is_file = not re.search("json$|multipart|text/(plain|event-stream)", kind)
                assert not is_file or body["schema"] == {"type": "string", "format": "binary"} | (
                    {"title": body["schema"]["title"]} if "title" in body["schema"] else {}
                ), (method, path)
            assert "application/json" not in list(content)[:-1], (method, path)


def test_every_error_is_described_as_a_problem(document: dict[str, Any]) -> None:
    for (method, path), operation in operations(document).items():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
        if path.startswith("/api/"):
            assert "401" in operation["responses"], (method, path)


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for item in node.values() for found in references(item)]
        if isinstance(node, list):
            return [found for item in node for found in references(item)]
        return []

    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in node, reference
            node = node[step]


def test_the_form_of_a_submission_is_described(document: dict[str, Any]) -> None:
    form = document["paths"]["/api/v1/submissions"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {
        *("assignment", "student", "repair"),
        *("model", "loss", "summary", "answers", "pruning_plot", "pruning_points", "weights"),
        *("output-summary", "output-pruning_plot"),
    }


def test_a_report_has_exactly_the_fields_that_are_described(api: Site, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    report = api.person().post_submission(model=MODEL).json()
    assert set(report) == set(schemas["Report"]["properties"])
    assert set(report["questions"][0]) == set(schemas["QuestionReport"]["properties"])
