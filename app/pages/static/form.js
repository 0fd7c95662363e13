// Behaviour of the form to submit. It works without this script.
"use strict";

// -- files dropped anywhere on the submission form go into the field of their kind --------------------------------

// A pattern of file names as the command line has them: `*` stands for any text.
function fits(name, pattern) {
  const escaped = pattern.split("*").map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`).test(name);
}

const words = (text) => text.split(" ").filter(Boolean);

// By what the file defines, else by its usual names, else by its suffix.
async function fieldOf(form, file) {
  const name = file.name.toLowerCase();
  const fields = [...form.querySelectorAll("input[type=file][data-files]")];
  const accepting = fields.filter((field) => field.accept.split(",").some((suffix) => name.endsWith(suffix)));
  const text = accepting.some((field) => field.dataset.entries) ? await file.text() : "";
  return accepting.find((field) => words(field.dataset.entries).some((entry) => new RegExp(`(def|class)\\s+${entry}\\b`).test(text)))
    ?? fields.find((field) => words(field.dataset.files).some((pattern) => fits(name, pattern)))
    ?? accepting.find((field) => !(field.dataset.entries && name.endsWith(".txt")))
    ?? accepting[0];
}

async function distribute(form, files) {
  for (const file of files) {
    const field = await fieldOf(form, file);
    if (!field) continue;
    const held = new DataTransfer();
    held.items.add(file);
    field.files = held.files;
  }
  form.dispatchEvent(new Event("change", {bubbles: true}));
}

function takeFiles(form) {
  const several = document.getElementById("several");
  several.addEventListener("change", async (event) => {
    event.stopPropagation();
    await distribute(form, [...several.files]);
    several.value = "";
  });
  form.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) {
      event.preventDefault();
      form.classList.add("dragging");
    }
  });
  form.addEventListener("dragleave", () => form.classList.remove("dragging"));
  form.addEventListener("drop", (event) => {
    form.classList.remove("dragging");
    if (event.dataTransfer.files.length) {
      event.preventDefault();
      distribute(form, [...event.dataTransfer.files]);
    }
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-ticks]");
  if (!button) return;
  const box = document.getElementById(button.dataset.ticks);
  box.checked = true;
  box.dispatchEvent(new Event("change", {bubbles: true}));
});

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("submission-form");
  if (form) takeFiles(form);
});
