"use strict";

const page = document.getElementById("page");

const ui = SwaggerUIBundle({
  domNode: page,
  // Relative, so that the page works behind any host, stage or proxy.
  url: "openapi.json",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // The document is checked when it is built; no validator elsewhere is asked.
  validatorUrl: null,
  // Tokens stay in memory.
  persistAuthorization: false,
  onComplete() {
    if (page.dataset.token) {
      ui.preauthorizeApiKey("bearer", page.dataset.token);
    }
  },
});
