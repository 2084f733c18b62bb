// Elements. What comes from the graphs becomes text and nothing else.
"use strict";

const byId = (id) => document.getElementById(id);

/** Make an element: properties and attributes, then children; strings become text. */
function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** A name from a graph: its direction of writing stays its own. */
const named = (text, given = {}) => h("bdi", given, String(text));

const hidden = (text) => h("span", { class: "hidden" }, text);

/** A literal: a string, or its beginning with what is left to show. */
function literal(value) {
  if (typeof value === "string") return named(value);
  const box = h("span", {}, named(`${value.start}…`));
  const whole = () => box.replaceChildren(
    named(value.start + value.rest, { class: "long", tabindex: "0" }),
    value.cut ? h("span", { class: "small" }, `${value.cut.toLocaleString()} characters are left out of this file.`) : "",
    h("button", { type: "button", class: "link", onclick: part }, "show less"),
  );
  const n = value.start.length + value.rest.length + value.cut;
  const part = () => box.replaceChildren(
    named(`${value.start}…`),
    h("button", { type: "button", class: "link", onclick: whole }, `show all ${n.toLocaleString()} characters`),
  );
  part();
  return box;
}

const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));

function problem(text) {
  byId("problem").hidden = !text;
  byId("problem").textContent = text || "";
}

/** Said to those who listen. */
function say(text) {
  byId("said").textContent = text;
}

function saveAs(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
