// Verdicts as SSSOM/TSV, as the Python side writes and reads them.

const NOWHERE = "https://w3id.org/sssom/NoTermFound";
const KNOWN_PREFIXES = {
  sssom: "https://w3id.org/sssom/", semapv: "https://w3id.org/semapv/vocab/",
  skos: "http://www.w3.org/2004/02/skos/core#", rdfs: "http://www.w3.org/2000/01/rdf-schema#",
  owl: "http://www.w3.org/2002/07/owl#",
};
const SLOTS = [
  "subject_id", "subject_label", "predicate_id", "predicate_modifier", "object_id", "object_label",
  "mapping_justification", "author_label", "mapping_date", "confidence", "comment",
];

const namespaceOf = (iri) => (/^[\s\S]*[/#:]/.exec(iri) || [""])[0];

const cell = (text) => (/[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The text of a file; each row has iri and label of both ends, null where there is none. */
function formatSssom(rows, version) {
  const prefixes = new Map();
  const curie = (iri) => {
    if (iri === null) return "sssom:NoTermFound";
    const namespace = namespaceOf(iri);
    if (!prefixes.has(namespace)) prefixes.set(namespace, `ns${prefixes.size + 1}`);
    return `${prefixes.get(namespace)}:${iri.slice(namespace.length)}`;
  };
  const lines = rows.map((row) => [
    curie(row.source), row.sourceLabel, row.verdict === "unsure" ? "rdfs:seeAlso" : "skos:exactMatch",
    row.verdict === "different" ? "Not" : "", curie(row.target), row.targetLabel,
    "semapv:ManualMappingCuration", row.author || "", row.date || "", row.verdict === "unsure" ? "0.5" : "", row.comment || "",
  ].map(cell).join("\t"));
  const header = [
    prefixes.size ? "curie_map:" : "curie_map: {}",
    ...[...prefixes].map(([namespace, prefix]) => `  ${prefix}: ${JSON.stringify(namespace)}`),
    `mapping_set_id: urn:uuid:${crypto.randomUUID ? crypto.randomUUID() : "00000000-0000-4000-8000-000000000000"}`,
    "license: https://w3id.org/sssom/license/unspecified",
    "mapping_tool: ibmea_sklearn", `mapping_tool_version: ${version}`, "mapping_set_title: Verdicts",
  ];
  return [...header.map((line) => `#${line}`), SLOTS.join("\t"), ...lines].join("\n") + "\n";
}

/** The rows of a file of tabs, quotes understood. */
function parseTsv(text) {
  const rows = [];
  let row = [], field = "", quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') { field += c; i += 1; } else quoted = false;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === "\t") { row.push(field); field = ""; }
    else if (c === "\n") { row.push(field.replace(/\r$/, "")); rows.push(row); row = []; field = ""; }
    else field += c;
  }
  if (field !== "" || row.length) rows.push([...row, field]);
  return rows.filter((r) => r.length > 1 || r[0] !== "");
}

function prefixesOf(lines) {
  const prefixes = { ...KNOWN_PREFIXES };
  const start = lines.findIndex((line) => /^\s?curie_map:/.test(line));
  for (const line of lines.slice(start + 1)) {
    const found = /^\s+([^\s:]+):\s+(.+?)\s*$/.exec(line);
    if (!found) break;
    prefixes[found[1].replace(/^["']|["']$/g, "")] = unquoted(found[2]);
  }
  return prefixes;
}

function unquoted(text) {
  if (text.startsWith('"')) return JSON.parse(text);
  return text.startsWith("'") ? text.slice(1, -1).replaceAll("''", "'") : text;
}

/** The verdicts of a file: IRIs (null for no partner), verdict, author, date, comment. */
function parseSssom(text) {
  const lines = text.replace(/^\ufeff/, "").split("\n");
  const above = lines.findIndex((line) => !line.startsWith("#"));
  const prefixes = prefixesOf(lines.slice(0, above).map((line) => line.slice(1)));
  const [names, ...rows] = parseTsv(lines.slice(above).join("\n"));
  if (!names || !names.includes("subject_id") || !names.includes("object_id")) {
    throw new Error("Expected a file of verdicts (SSSOM), with the columns subject_id and object_id.");
  }
  const expand = (curie) => {
    const colon = curie.indexOf(":");
    const namespace = prefixes[curie.slice(0, colon)];
    return namespace === undefined ? curie : namespace + curie.slice(colon + 1);
  };
  return rows.map((row) => {
    const slot = (name) => row[names.indexOf(name)] || "";
    const ends = [slot("subject_id"), slot("object_id")].map(expand);
    return {
      source: ends[0] === NOWHERE ? null : ends[0], target: ends[1] === NOWHERE ? null : ends[1],
      verdict: verdictOf(expand(slot("predicate_id")), slot("predicate_modifier"), ends),
      isManual: /ManualMappingCuration$|MappingReview$/.test(slot("mapping_justification")),
      author: slot("author_label"), date: slot("mapping_date"), comment: slot("comment"),
    };
  }).filter((row) => row.verdict && row.isManual);
}

function verdictOf(predicate, modifier, ends) {
  const isSame = /skos\/core#exactMatch$|owl#(sameAs|equivalentClass|equivalentProperty)$/.test(predicate);
  const nowhere = ends.filter((iri) => iri === NOWHERE).length;
  if (nowhere === 1) return isSame && !modifier ? "none" : null;
  if (isSame) return modifier ? "different" : "same";
  return predicate.endsWith("rdf-schema#seeAlso") && !modifier ? "unsure" : null;
}
