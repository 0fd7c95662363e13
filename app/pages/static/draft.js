// Keeps what a student types into the form to submit in this browser: for this person and assignment, until it is
// submitted, the person logs out, somebody else logs in, or a day has passed. It holds neither files nor answers whose
// result is told later.
"use strict";

const DRAFT = "assay-draft:";
const SUBMITTED = "assay-submitted";
const LOGGED_OUT = "assay-logged-out";
const DAY_LONG = 86_400_000;
const person = document.body.dataset.person;
let hasEnded = false;

function stored(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function removeDrafts(isRemoved) {
  for (const key of Object.keys(localStorage).filter((name) => name.startsWith(DRAFT)))
    if (isRemoved(stored(key))) localStorage.removeItem(key);
}

function removeOldDrafts() {
  const oldest = Date.now() - DAY_LONG;
  removeDrafts((draft) => !(draft?.saved > oldest) || (person !== undefined && draft.person !== person));
  const key = sessionStorage.getItem(SUBMITTED);
  sessionStorage.removeItem(SUBMITTED);
  // A refused submission leads to another page than that of a report, and its text stays.
  if (key && location.pathname.startsWith("/submissions/")) localStorage.removeItem(key);
}

function isKept(field) {
  return field.name && !field.closest("[data-private]") && !field.name.startsWith("place-")
    && ["textarea", "radio", "checkbox"].includes(field.type);
}

// The fields that differ from what the server would show anyway.
function typedFields(form) {
  const isReturned = "returned" in form.dataset;
  const typed = [...form.elements].filter(isKept).filter((field) => field.type === "textarea"
    ? field.value.trim()
    : isReturned ? field.checked || field.type === "checkbox" : field.checked !== field.defaultChecked);
  return typed.map((field) => field.type === "textarea" ? [field.name, field.value]
    : [field.name, field.type === "radio" ? field.value : null, field.checked]);
}

function fill(form, draft) {
  const isSameStart = draft.start === (form.elements.from?.value ?? null);
  for (const [name, value, isChecked] of draft.fields) {
    if (name.startsWith("carry-") && !isSameStart) continue;
    const fields = [...form.elements].filter((field) => isKept(field) && field.name === name);
    if (isChecked === undefined) fields.forEach((field) => { field.value = value; });
    else fields.filter((field) => value === null || field.value === value).forEach((field) => { field.checked = isChecked; });
  }
}

function keepDraft(form) {
  const key = `${DRAFT}${person}:${form.dataset.draft}`;

  function save() {
    if (hasEnded) return;
    const fields = typedFields(form);
    const start = form.elements.from?.value ?? null;
    let isFull = false;
    try {
      if (fields.length) localStorage.setItem(key, JSON.stringify({person, start, fields, saved: Date.now()}));
      else localStorage.removeItem(key);
    } catch {
      // An older text would only confuse.
      localStorage.removeItem(key);
      isFull = true;
    }
    show("draft-full", isFull);
  }

  const draft = stored(key);
  if (draft && !("returned" in form.dataset)) {
    fill(form, draft);
    show("draft-restored", true);
    form.dispatchEvent(new Event("change", {bubbles: true}));
  }
  show("draft-note", true);
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(save, 300);
  });
  form.addEventListener("change", save);
  form.addEventListener("submit", () => {
    save();
    sessionStorage.setItem(SUBMITTED, key);
  });
  addEventListener("pagehide", () => {
    clearTimeout(timer);
    save();
  });
  document.getElementById("draft-discard").addEventListener("click", () => {
    form.reset();
    localStorage.removeItem(key);
    show("draft-restored", false);
    form.dispatchEvent(new Event("change", {bubbles: true}));
    form.querySelector("input, textarea").focus();
  });
}

document.addEventListener("submit", (event) => {
  // A button named "action" would shadow the form's own property.
  if (event.target.getAttribute("action") !== "/logout") return;
  hasEnded = true;
  try {
    removeDrafts(() => true);
    // Other tabs still show the text.
    localStorage.setItem(LOGGED_OUT, String(Date.now()));
  } catch { /* Without storage there is nothing to remove. */ }
});

addEventListener("storage", (event) => {
  if (event.key !== LOGGED_OUT || person === undefined || event.newValue === null) return;
  hasEnded = true;
  document.querySelector("main").hidden = true;
  // Until the logout has arrived, the login page would lead back here.
  setTimeout(() => location.replace("/login"), 2000);
});

document.addEventListener("DOMContentLoaded", () => {
  try {
    removeOldDrafts();
    const form = document.querySelector("form[data-draft]");
    if (form) keepDraft(form);
  } catch { /* A browser that keeps nothing: the form works as it does without this script. */ }
});
