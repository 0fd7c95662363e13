// Behaviour of the pages beyond links and forms. They work without this script, with times in UTC and without live updates.
"use strict";

// The reader's variant of the page's language: a British reader of an English page expects 25 Nov, not Nov 25.
const LOCALE = [...navigator.languages, document.documentElement.lang].find(
  (tag) => tag.split("-")[0] === document.documentElement.lang.split("-")[0]);
const DAY = {month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23"};
const FULL = new Intl.DateTimeFormat(LOCALE, {year: "numeric", ...DAY, timeZoneName: "short"});
const SHORT = new Intl.DateTimeFormat(LOCALE, DAY);
const OTHER_YEAR = new Intl.DateTimeFormat(LOCALE, {year: "numeric", ...DAY});

// Skip equal text: writing it again would drop the reader's selection.
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

// -- live updates: only differences are replaced; input and focus stay --------------------------------------------

// The field has the focus, or its value was changed. A button has no value of the reader.
function isInUse(field) {
  return "defaultValue" in field
    && (field === document.activeElement || field.value !== field.defaultValue || field.checked !== field.defaultChecked);
}

const KEEP = {
  // Keep a form with changed fields whole: mixing the reader's values with new ones would submit what nobody meant.
  // Values that the server filled in again after a refusal are the reader's too.
  beforeNodeMorphed: (node) => !(node instanceof HTMLFormElement && [...node.elements].some(isInUse))
    && !(node instanceof HTMLElement && "keep" in node.dataset),
  // Keep the open state of details, which the server does not know.
  beforeAttributeUpdated: (name, element) => !(name === "open" && element instanceof HTMLDetailsElement),
};

function morph(target, fragment) {
  // Localise times first: otherwise each update would switch them to UTC and back.
  localTimes(fragment);
  const focused = document.activeElement;
  Idiomorph.morph(target, fragment, {morphStyle: "innerHTML", callbacks: KEEP});
  // The focused element may be gone, such as the cancel button: move the focus to the report.
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

// -- copying a text; a browser that does not allow it selects the text --------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(text.textContent);
    const status = button.parentElement.querySelector("[data-copied]");
    status.textContent = status.dataset.copied;
  } catch {
    getSelection().selectAllChildren(text);
  }
});

// -- a field that says so sends its form as soon as it has a value, like its button ------------------------------

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]") && event.target.value) event.target.form.requestSubmit();
});

document.addEventListener("DOMContentLoaded", () => {
  localTimes(document);
  show("offline", !navigator.onLine);
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
