// Submits, reads and meets an error with a client made from the types of the API: node submit.js URL TOKEN FOLDER
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [url, token, folder] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

// A Blob for each part: as a text field its line ends would become CRLF.
function asForm(body: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) form.append(name, name === "assignment" ? value : new Blob([value]));
  return form;
}

const model = readFileSync(`${folder}/model.py`, "utf-8");
const { data: created, error } = await client.POST("/api/v1/submissions", {
  body: { assignment: "hw13", model, answers: '{"2.2": "softer"}' },
  bodySerializer: asForm,
});
if (error) throw new Error(error.detail);
const path = { submission_id: created.id };
const { data: report } = await client.GET("/api/v1/submissions/{submission_id}", { params: { path } });
const { data: file } = await client.GET("/api/v1/submissions/{submission_id}/files/{part}", {
  params: { path: { ...path, part: "model" } },
  parseAs: "text",
});
const { error: problem } = await client.GET("/api/v1/assignments/{slug}", { params: { path: { slug: "hw99" } } });
console.log(
  JSON.stringify({
    id: created.id,
    questions: report?.questions.map((question) => question.number),
    is_same_file: file === model,
    problem: problem?.type,
  }),
);
