"use strict";

const page = document.getElementById("page");

// What all replies have says nothing about any of them.
const COMMON_HEADERS = ["Cache-Control", "X-Content-Type-Options"];

const fewerHeaders = () => ({
  wrapComponents: {
    headers: (Headers, { React }) => (props) => {
      const headers = props.headers.filter((_, name) => !COMMON_HEADERS.includes(name));
      return React.createElement(Headers, { ...props, headers });
    },
  },
});

const ui = SwaggerUIBundle({
  domNode: page,
  // Relative, so that the page works behind any host, stage or proxy.
  url: "openapi.json",
  plugins: [fewerHeaders],
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
