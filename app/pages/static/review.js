// Keys of the review desk: the key of a button, link, item or summary clicks it, and r moves to the comment.
"use strict";

const TYPED = "textarea, select, input:not([type=checkbox])";
let isLeaving = false;

// A second key must not decide on a page that is being left.
document.addEventListener("submit", () => { isLeaving = true; });
window.addEventListener("pageshow", () => { isLeaving = false; });

function press(key) {
  const pressed = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.checkVisibility());
  if (pressed) pressed.click();
  return Boolean(pressed);
}

document.addEventListener("keydown", (event) => {
  // A key that confirms or leaves a word of an input method is not for the desk.
  if (event.isComposing || event.repeat || event.altKey || isLeaving) return;
  const field = event.target.closest(TYPED);
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "Enter" && press("Enter")) event.preventDefault();
    return;
  }
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  if (event.key === "r") {
    event.preventDefault();
    document.getElementById("reason")?.focus();
    return;
  }
  // Enter on a link, button or summary keeps its usual meaning.
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  if (press(event.key)) event.preventDefault();
});

// -- the points that the ticked items leave ------------------------------------------------------------------------

function showPoints() {
  const output = document.querySelector(".save output");
  if (!output) return;
  const ticked = [...document.querySelectorAll("[name=item]:checked")];
  const deducted = ticked.reduce((sum, item) => sum + Number(item.dataset.deduction), 0);
  output.textContent = String(Math.max(0, Math.round(100 * (Number(output.dataset.full) - deducted)) / 100));
}

document.addEventListener("change", showPoints);
window.addEventListener("pageshow", showPoints);

// -- a saved comment goes into the text, where it can be changed; without this script the server joins both ------------

document.addEventListener("change", (event) => {
  const text = document.getElementById(event.target.dataset.insert);
  if (!text || !event.target.value) return;
  const saved = event.target.selectedOptions[0].textContent;
  text.value = text.value ? `${text.value}\n${saved}` : saved;
  event.target.value = "";
  text.focus();
});
