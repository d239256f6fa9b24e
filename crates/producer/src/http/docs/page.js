// Shows openapi.json as a page. Everything that it shows is set as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function resolved(contract, value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, part) => at && at[part], contract);
}

function schemaShown(schema) {
  return element("details", {}, element("summary", {}, "Schema"),
    element("pre", { tabindex: "0" }, JSON.stringify(schema, null, 2)));
}

// The schemas that one refers to, so that it can be read without searching.
function withParts(contract, schema) {
  const parts = {};
  const follow = (value) => {
    if (Array.isArray(value)) value.forEach(follow);
    else if (value && typeof value === "object") {
      if (typeof value.$ref === "string" && !(value.$ref in parts)) {
        parts[value.$ref] = resolved(contract, value);
        follow(parts[value.$ref]);
      }
      Object.values(value).forEach(follow);
    }
  };
  follow(schema);
  return Object.keys(parts).length ? { schema, parts } : schema;
}

function parameters(contract, operation) {
  const rows = (operation.parameters || []).map((parameter) => resolved(contract, parameter));
  if (!rows.length) return null;
  return element("table", {}, ...rows.map((row) => element("tr", {},
    element("th", { scope: "row" }, `${row.name}${row.required ? " (required)" : ""}`),
    element("td", {}, `in ${row.in}`),
    element("td", {}, row.description || (row.schema.enum || [row.schema.format || row.schema.type]).join(", ")))));
}

function answers(contract, operation) {
  return element("table", {}, ...Object.entries(operation.responses).map(([status, stated]) => {
    const response = resolved(contract, stated);
    const media = Object.entries(response.content || {});
    return element("tr", {}, element("th", { scope: "row" }, status), element("td", {}, response.description,
      ...media.map(([type, body]) => element("div", {}, element("code", {}, type),
        body.schema ? schemaShown(withParts(contract, body.schema)) : null))));
  }));
}

function trial(contract, path, method, operation) {
  const inputs = (operation.parameters || []).filter((parameter) => parameter.in !== "header").map((parameter) =>
    [parameter, element("input", { "aria-label": parameter.name, placeholder: parameter.name })]);
  // What there is an example of comes first.
  const kinds = Object.entries((operation.requestBody || {}).content || {})
    .sort(([, one], [, other]) => Number(Boolean(other.examples)) - Number(Boolean(one.examples)));
  const kind = kinds.length ? element("select", { "aria-label": "Content type" },
    ...kinds.map(([type]) => element("option", { value: type }, type))) : null;
  const body = kind ? element("textarea", { "aria-label": "Body", spellcheck: "false", dir: "auto" }) : null;
  const example = () => {
    const media = kinds.find(([type]) => type === kind.value)[1];
    const first = Object.values(media.examples || {})[0];
    body.value = first ? JSON.stringify(first.value, null, 2) : "";
  };
  if (kind) {
    kind.addEventListener("change", example);
    example();
  }
  const answer = element("pre", { hidden: "", tabindex: "0", "aria-live": "polite" });
  const send = async () => {
    let url = path;
    const query = new URLSearchParams();
    for (const [parameter, input] of inputs) {
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value) query.set(parameter.name, input.value);
    }
    if (query.size) url += `?${query}`;
    const headers = {};
    const key = document.getElementById("key").value;
    const scheme = Object.keys((operation.security || contract.security)[0] || {})[0];
    if (key && scheme === "licenseKey") headers["license-key"] = key;
    else if (key && scheme) headers.authorization = `Bearer ${key}`;
    if (kind) headers["content-type"] = kind.value;
    answer.hidden = false;
    try {
      const response = await fetch(url, { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it came */ }
      answer.textContent = `${response.status} ${response.statusText}\n\n${shown}`;
    } catch (error) {
      answer.textContent = `no answer: ${error.message}`;
    }
  };
  return element("div", {}, ...inputs.map(([parameter, input]) => element("label", {}, `${parameter.name} `, input)),
    kind ? element("label", {}, "Content type ", kind) : null, body,
    element("button", { type: "button", onclick: send }, "Send"), answer);
}

function operationShown(contract, path, item, method) {
  const operation = item[method];
  const elsewhere = item.servers ? item.servers[0] : null;
  return element("details", { id: operation.operationId },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()),
      element("span", { class: "path" }, path), operation.summary || ""),
    operation.description ? element("p", {}, operation.description) : null,
    elsewhere ? element("p", {}, `${elsewhere.description} Such as ${elsewhere.url}.`) : null,
    parameters(contract, operation),
    ...Object.entries((operation.requestBody || {}).content || {}).map(([type, media]) => element("div", {},
      "Takes ", element("code", {}, type), media.schema ? schemaShown(withParts(contract, media.schema)) : null)),
    element("h3", {}, "Answers"), answers(contract, operation),
    elsewhere ? null : element("h3", {}, "Try it"), elsewhere ? null : trial(contract, path, method, operation));
}

function show(contract) {
  document.getElementById("title").textContent = `${contract.info.title} ${contract.info.version}`;
  document.getElementById("about").textContent = contract.info.description;
  const sections = contract.tags.map((tag) => {
    const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method] && item[method].tags.includes(tag.name))
        .map((method) => operationShown(contract, path, item, method)));
    return element("section", {}, element("h2", {}, tag.name), element("p", {}, tag.description), ...operations);
  });
  document.getElementById("operations").replaceChildren(...sections);
  const wanted = location.hash && document.getElementById(location.hash.slice(1));
  if (wanted) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
}

fetch("/openapi.json").then((response) => response.json()).then(show).catch((error) => {
  document.getElementById("operations").textContent = `openapi.json cannot be shown: ${error.message}`;
});
