// What a match looks like.

const SIGNS = { same: "=", different: "≠", unsure: "?", none: "∅", other: "→", "": "·" };
const SAYS = {
  same: "same", different: "different", unsure: "unsure", none: "no partner",
  other: "another one chosen", "": "not judged",
};

const mark = (agrees) => (agrees === null ? h("span", { class: "mark" })
  : h("span", { class: `mark ${agrees ? "yes" : "no"}` }, h("span", { "aria-hidden": "true" }, agrees ? "=" : "≠"), hidden(agrees ? "agrees" : "differs")));

/** The images of one side; where neither has any, a word of it, and no room. */
function pictures(store, shown, label, isAlone) {
  if (!shown.length) return h("div", { class: isAlone ? "pictures" : "pictures few" }, h("p", {}, "no image"));
  return h("div", { class: "pictures" }, shown.map(({ name, problem: why }) => (why
    ? h("p", {}, "image can't be shown: ", named(why))
    : h("img", { src: store.picture(name), alt: `Image of ${label}`, loading: "lazy", decoding: "async" }))));
}

function entity(store, shown, graph, hasPictures) {
  const others = shown.names.filter(([name]) => name !== shown.label);
  return h("section", { class: "entity", "aria-label": graph },
    h("span", { class: "graph" }, named(graph)),
    h("h2", {}, named(shown.label)),
    pictures(store, shown.pictures, shown.label, hasPictures),
    others.length ? h("p", { class: "others" }, others.flatMap(([name, language], i) => [
      i ? " · " : "", h("bdi", language ? { lang: language } : {}, name), language ? ` (${language})` : "",
    ])) : "",
    shown.texts.map((text) => h("p", { class: "others" }, literal(text))),
    h("p", { class: "id" }, named(shown.id)));
}

/** A table whose rows stand below the two entities; the first rows, and a button for the others. */
function sideBySide(title, rows, row, most) {
  if (!rows.length) return "";
  const body = h("div", { class: "rows", role: "rowgroup" }, rows.slice(0, most).map(row));
  const more = h("button", { type: "button", class: "link", onclick: () => {
    body.append(...rows.slice(most).map(row));
    more.remove();
  } }, `show all ${rows.length.toLocaleString()}`);
  return h("section", {}, h("h3", {}, title),
    h("div", { role: "table", "aria-label": title }, body), rows.length > most ? more : "");
}

const nothing = () => h("span", { role: "cell", class: "absent" }, h("span", { "aria-hidden": "true" }, "–"), hidden("nothing"));

function attributeRow([left, right, one, other, agrees]) {
  const names = left !== null && right !== null && left !== right ? [named(left), " | ", named(right)] : [named(left ?? right)];
  return h("div", { class: "two row", role: "row" },
    h("span", { class: "what", role: "rowheader" }, names),
    one === null ? nothing() : h("span", { role: "cell" }, literal(one)),
    h("span", { role: "cell" }, mark(agrees)),
    other === null ? nothing() : h("span", { role: "cell" }, literal(other)));
}

function neighborRow([one, other, relations, others, agrees, elsewhere]) {
  const side = (name, how, note) => (name === null ? nothing() : h("span", { role: "cell" },
    h("span", { class: "small" }, named(how.join(", "))), named(name),
    note === null ? "" : h("span", { class: "small" }, "matched to ", named(note))));
  return h("div", { class: "two row", role: "row" },
    side(one, relations, elsewhere), h("span", { role: "cell" }, mark(agrees)), side(other, others, elsewhere));
}

/** Bars that each begin where the one before has ended. */
function waterfall(evidence) {
  if (!evidence.length) return "";
  let sum = 0;
  const steps = evidence.map(([channel, amount]) => ({ channel, amount, from: sum, to: (sum += amount) }));
  steps.push({ channel: "together", amount: sum, from: 0, to: sum, total: true });
  const ends = steps.flatMap(({ from, to }) => [from, to]);
  const [low, high] = [Math.min(0, ...ends), Math.max(1e-9, ...ends)];
  const share = (x) => `${(100 * x) / (high - low)}%`;
  return h("section", {}, h("h3", {}, "Evidence, by channel"),
    h("div", { class: "water", role: "table", "aria-label": "Evidence, by channel" }, steps.map((step) => {
      const fill = h("span", { class: `fill ${step.total ? "total" : ""} ${step.amount < 0 ? "minus" : ""}` });
      fill.style.left = share(Math.min(step.from, step.to) - low);
      fill.style.width = share(Math.abs(step.amount));
      return h("div", { role: "row" }, h("span", { role: "rowheader" }, named(step.channel)),
        h("span", { class: "track", role: "cell" }, fill, hidden("bar")),
        h("span", { class: "amount", role: "cell" }, number(step.amount, 3)));
    })));
}

function candidates(store, shown, chosen, choose) {
  if (!shown.length) return "";
  return h("section", {}, h("h3", {}, "Other candidates for ", hidden("the left entity"), h("span", { "aria-hidden": "true" }, "the left one")),
    h("ol", { class: "candidates" }, shown.map((one, i) => h("li", {}, h("button", {
      type: "button", "aria-keyshortcuts": String(i + 1), "aria-pressed": String(chosen === one.t), onclick: () => choose(i),
    },
    h("kbd", {}, String(i + 1)),
    one.picture && !one.picture.problem ? h("img", { src: store.picture(one.picture.name), alt: "", loading: "lazy" }) : h("span", { class: "blank" }),
    h("span", {}, named(one.label), one.facts ? h("span", { class: "small" }, named(one.facts)) : "", h("span", { class: "small" }, named(one.id))),
    h("span", { class: "number" }, number(one.score, 3)))))));
}

function facts(state, row, position, n, labelOf) {
  const { confidence, flags, type, s, t } = state.columns;
  const status = STATUSES[state.status[row]];
  const chips = [h("span", { class: `chip ${status}` }, SAYS[status])];
  if (state.types[type[row]]) chips.push(h("span", { class: "chip" }, named(state.types[type[row]])));
  if (flags[row] & SHARES) chips.push(h("span", { class: "chip warn" }, "another match has one of these two"));
  if (flags[row] & NEIGHBORS) chips.push(h("span", { class: "chip warn" }, "its neighbours are matched elsewhere"));
  const said = status === "same" ? state.conflicts(s[row], t[row]) : [];
  if (said.length) chips.push(h("span", { class: "chip warn" }, "judged the same as the right one, too: ", named(said.map(labelOf).join(", "))));
  return h("div", { class: "facts" },
    h("span", {}, `${(position + 1).toLocaleString()} of ${n.toLocaleString()}`),
    h("span", {}, `confidence ${number(confidence[row])}`), chips);
}

function match(store, state, shown, row, position, n, graphs, choose) {
  const t = state.columns.t[row];
  const same = state.saidOf(state.columns.s[row]).find((v) => v.verdict === "same" && v.t !== t);
  const labelOf = (s) => {
    const other = (state.rowsOf.get(s) || [])[0];
    return other === undefined ? `entity ${s}` : state.columns.source[other];
  };
  const hasPictures = shown.source.pictures.length + shown.target.pictures.length > 0;
  return h("article", { class: "sheet" },
    facts(state, row, position, n, labelOf),
    h("div", { class: "two" }, entity(store, shown.source, graphs[0], hasPictures), h("span"), entity(store, shown.target, graphs[1], hasPictures)),
    sideBySide("Attributes", shown.attributes, attributeRow, 8),
    sideBySide("Relations", shown.neighbors, neighborRow, 6),
    waterfall(shown.evidence),
    candidates(store, shown.candidates, same ? same.t : null, choose));
}

function listItem(state, row, isCurrent, open) {
  const c = state.columns, status = STATUSES[state.status[row]];
  return h("li", {}, h("button", { type: "button", "aria-current": isCurrent && "true", onclick: open },
    h("span", { class: `mark ${status}` }, h("span", { "aria-hidden": "true" }, SIGNS[status]), hidden(SAYS[status])),
    h("span", { class: "names" }, named(c.source[row]), named(c.target[row])),
    h("span", { class: "number" }, number(c.confidence[row]))));
}
