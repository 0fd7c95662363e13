// Fills the form with the secret of a login link. It stands behind "#", which browsers keep to themselves.
"use strict";

const secret = location.hash.slice(1);
if (secret) {
  document.querySelector("input[name=token]").value = secret;
  document.getElementById("token-field").hidden = true;
  document.getElementById("link-missing").hidden = true;
  document.getElementById("link-ready").hidden = false;
  document.querySelector("main button").focus();
  history.replaceState(null, "", location.pathname);
}
