// Behaviour of the form to submit. It works without this script.
"use strict";

// Each piece of the answer replaces the content of the element that it names.
htmx.defineExtension("marks", {
  handleSwap: (style, target, fragment) => {
    if (style !== "marks") return false;
    for (const piece of fragment.querySelectorAll("[data-place]")) {
      const content = document.createDocumentFragment();
      content.append(...piece.childNodes);
      morph(document.getElementById(piece.dataset.place), content);
    }
    return true;
  },
});

// A check that finds the login ended is no failure of the page: the text stays.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status !== 401) return;
  event.detail.isError = false;
  show("logged-out", true);
});

// A check for which the server had no time says so, and is made again unless the form changes first.
let again;
document.addEventListener("htmx:beforeSwap", ({detail}) => {
  const form = detail.requestConfig.elt;
  if (detail.xhr.status !== 503 || form.id !== "submission-form") return;
  detail.isError = false;
  detail.shouldSwap = true;
  const seconds = Number(detail.xhr.getResponseHeader("Retry-After")) || 10;
  again = setTimeout(() => form.dispatchEvent(new Event("change", {bubbles: true})), 1000 * seconds);
});
document.addEventListener("htmx:beforeRequest", () => clearTimeout(again));

// -- a large form takes long to send: say so; sent twice, it is one attempt -----------------------------------------

document.addEventListener("submit", ({target, submitter}) => {
  if (target.id === "submission-form" && !submitter?.hasAttribute("formaction")) show("sending", true);
});
addEventListener("pageshow", () => show("sending", false));

// -- files dropped anywhere on the form, or chosen several at once ------------------------------------------------

function keepFiles(form) {
  const input = document.getElementById("several");
  const note = document.getElementById("drop-note");
  let kept = [];

  function add(files) {
    const tooLarge = files.filter((file) => file.size > Number(input.dataset.max));
    const added = files.filter((file) => !tooLarge.includes(file));
    const names = new Set(added.map((file) => file.name));
    const replaced = kept.filter((file) => names.has(file.name));
    kept = [...kept.filter((file) => !names.has(file.name)), ...added];
    const transfer = new DataTransfer();
    for (const file of kept) transfer.items.add(file);
    input.files = transfer.files;
    const listing = new Intl.ListFormat(document.documentElement.lang);
    const list = (some) => listing.format(new Set(some.map((file) => file.name)));
    const notes = [[tooLarge, note.dataset.large], [replaced, note.dataset.replaced]];
    note.textContent = notes.filter(([some]) => some.length).map(([some, text]) => `${list(some)} ${text}`).join(" ");
    note.hidden = !note.textContent;
  }

  // The browser's own choice would silently drop the files that were chosen before.
  input.addEventListener("change", () => add([...input.files]));
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("dragging");
  });
  form.addEventListener("dragleave", () => form.classList.remove("dragging"));
  form.addEventListener("drop", (event) => {
    form.classList.remove("dragging");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    add([...event.dataTransfer.files]);
    form.dispatchEvent(new Event("change", {bubbles: true}));
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-ticks]");
  if (!button) return;
  const box = document.getElementById(button.dataset.ticks);
  box.checked = true;
  box.dispatchEvent(new Event("change", {bubbles: true}));
});

// -- a text of an earlier attempt, edited in its field: the link would load the page without the chosen files -------

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-edits]");
  if (!link) return;
  event.preventDefault();
  const form = document.getElementById("submission-form");
  const area = form.elements[link.dataset.edits];
  const box = form.elements[`carry-${link.dataset.edits}`];
  try {
    const answer = await fetch(link.dataset.text);
    if (!answer.ok) throw new Error(answer.statusText);
    const text = new TextDecoder("utf-8", {fatal: true}).decode(await answer.arrayBuffer());
    // What was typed before stands below, for the student to merge.
    area.value = area.value.trim() ? `${text}\n${area.value}` : text;
  } catch {
    location.assign(link.href);
    return;
  }
  box.checked = false;
  for (const kind of ["input", "change"]) area.dispatchEvent(new Event(kind, {bubbles: true}));
  area.focus();
  area.setSelectionRange(0, 0);
});

// -- text areas grow with their text where the stylesheet alone cannot do it --------------------------------------

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 4}px`;
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("submission-form");
  if (!form) return;
  keepFiles(form);
  // Show at once what an earlier attempt carries over.
  if (form.elements.from) form.dispatchEvent(new Event("change", {bubbles: true}));
  if (CSS.supports("field-sizing", "content")) return;
  form.addEventListener("input", (event) => { if (event.target.matches("textarea")) grow(event.target); });
  form.querySelectorAll("textarea").forEach(grow);
});
