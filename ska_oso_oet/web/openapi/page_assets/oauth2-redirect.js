// Where an identity provider sends the browser back to: hands the code to the page that opened this window.
"use strict";

(function () {
  const waiting = window.opener && window.opener.swaggerUIRedirectOauth2;
  if (!waiting) {
    return;
  }
  const said = new URLSearchParams(window.location.search || window.location.hash.slice(1));
  const same = said.get("state") === waiting.state;
  if (same && said.get("code")) {
    delete waiting.state;
    waiting.auth.code = said.get("code");
    waiting.callback({ auth: waiting.auth, redirectUrl: waiting.redirectUrl });
  } else {
    const why = same ? said.get("error_description") || said.get("error") || "no code was given" : "another state";
    waiting.errCb({ authId: waiting.auth.name, source: "auth", level: "error", message: "Not logged in: " + why });
  }
  window.close();
})();
