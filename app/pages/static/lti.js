// Takes a signed answer back to the platform. Without scripts its button does.
document.getElementById("lti-return").submit();
