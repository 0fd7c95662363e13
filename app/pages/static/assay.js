// What the pages do beyond links and forms. Without this script they still work: times read in UTC, nothing moves.
"use strict";

// The reader's own way to write the page's language: a British reader of an English page wants 25 Nov, not Nov 25.
const LOCALE = [...navigator.languages, document.documentElement.lang].find(
  (tag) => tag.split("-")[0] === document.documentElement.lang.split("-")[0]);
const DAY = {month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23"};
const FULL = new Intl.DateTimeFormat(LOCALE, {year: "numeric", ...DAY, timeZoneName: "short"});
const SHORT = new Intl.DateTimeFormat(LOCALE, DAY);
const OTHER_YEAR = new Intl.DateTimeFormat(LOCALE, {year: "numeric", ...DAY});

// Writing the same text again would still drop the reader's selection in it.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function localTimes(root) {
  const now = new Date();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    const short = moment.getFullYear() === now.getFullYear() ? SHORT : OTHER_YEAR;
    const full = FULL.format(moment);
    if (time.title !== full) time.title = full;
    setText(time, "short" in time.dataset ? short.format(moment) : full);
  }
  const zone = FULL.formatToParts(now).find((part) => part.type === "timeZoneName").value;
  for (const place of root.querySelectorAll("[data-zone]")) setText(place, zone);
}

// -- pages that renew themselves: only what differs is replaced, and what the reader did stays ---------------------

// The reader is in the field, or has changed it. A button has no value of the reader's.
function isInUse(field) {
  return "defaultValue" in field
    && (field === document.activeElement || field.value !== field.defaultValue || field.checked !== field.defaultChecked);
}

const KEEP = {
  // A form is one unit: half of it from the reader and half renewed would be sent as neither of the two was meant.
  // What the server filled in again after a refusal is the reader's too.
  beforeNodeMorphed: (node) => !(node instanceof HTMLFormElement && [...node.elements].some(isInUse))
    && !(node instanceof HTMLElement && "keep" in node.dataset),
  // The reader opens and closes; the server does not know.
  beforeAttributeUpdated: (name, element) => !(name === "open" && element instanceof HTMLDetailsElement),
};

function morph(target, fragment) {
  // Times first: otherwise each would be written in UTC and back with every update.
  localTimes(fragment);
  const focused = document.activeElement;
  Idiomorph.morph(target, fragment, {morphStyle: "innerHTML", callbacks: KEEP});
  // What had the focus may be gone, such as the button that cancels: go on from the place where it was.
  if (focused && !focused.isConnected) target.focus({preventScroll: true});
}

htmx.defineExtension("morph", {
  handleSwap: (style, target, fragment) => {
    if (style !== "morph") return false;
    morph(target, fragment);
    return true;
  },
});

// -- connection ---------------------------------------------------------------------------------------------------

function show(id, visible) {
  const notice = document.getElementById(id);
  if (notice) notice.hidden = !visible;
}

window.addEventListener("offline", () => show("offline", true));
window.addEventListener("online", () => show("offline", false));
document.addEventListener("htmx:sendError", () => show("unreachable", navigator.onLine));
document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) show("unreachable", false); });

// -- files that are dropped anywhere on the hand-in form, each into the field of its kind --------------------------

async function partOf(file) {
  const suffix = file.name.toLowerCase().split(".").pop();
  const known = {
    ipynb: "model", png: "pruning_plot", jpg: "pruning_plot", jpeg: "pruning_plot", csv: "pruning_points",
    safetensors: "weights", pt: "weights", pth: "weights",
  };
  if (suffix in known) return known[suffix];
  const text = await file.text();
  if (/def\s+get_student_model/.test(text)) return "model";
  if (/def\s+loss_fn_kd/.test(text)) return "loss";
  return suffix === "py" ? "model" : "summary";
}

async function distribute(form, files) {
  for (const file of files) {
    const field = form.elements[`${await partOf(file)}-file`];
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
  localTimes(document);
  show("offline", !navigator.onLine);
  const form = document.getElementById("hand-in");
  if (form) takeFiles(form);
});
document.addEventListener("htmx:afterSwap", () => localTimes(document));

// -- keys: / searches, j and k move along the rows of a table, n and p turn its pages ------------------------------

function moveRow(step) {
  const links = [...document.querySelectorAll("table[data-rows] tbody th a")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}

const KEYS = {
  "/": () => document.getElementById("search")?.focus(),
  j: () => moveRow(1),
  k: () => moveRow(-1),
  n: () => document.querySelector("a[rel=next]")?.click(),
  p: () => document.querySelector("a[rel=prev]")?.click(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

// -- review: the key of a button or link presses it; r goes to the reason ------------------------------------------

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "r" && document.getElementById("reason")) {
    event.preventDefault();
    document.getElementById("reason").select();
    return;
  }
  // Enter on a link or a button is that element's own.
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const pressed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!pressed) return;
  event.preventDefault();
  pressed.click();
});
