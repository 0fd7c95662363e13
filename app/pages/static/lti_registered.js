// Lets the platform close the frame or window of the registration. Without scripts its own button does.
const close = document.getElementById("lti-close");
close.hidden = false;
close.addEventListener("click", () => {
  (window.opener || window.parent).postMessage({ subject: "org.imsglobal.lti.close" }, close.dataset.origin);
});
