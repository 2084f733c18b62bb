// Matches in columns, verdicts by pair, and what follows from both: counts, filters, undo.

const keyOf = (s, t) => `${s === null ? "" : s}:${t === null ? "" : t}`;
// Contradiction with another match, with neighbours; no image of the source, of the target.
const SHARES = 1, NEIGHBORS = 2, NO_IMAGE = 12;
const STATUSES = ["", "same", "different", "unsure", "none", "other"];

class State {
  constructor() {
    this.columns = { s: [], t: [], confidence: [], type: [], flags: [], source: [], target: [] };
    this.types = [];
    this.status = [];
    this.counts = new Array(STATUSES.length).fill(0);
    this.verdicts = new Map();
    this.rowsOf = new Map();
    this.keysOf = new Map();
    this.undone = [];
  }

  get n() {
    return this.columns.s.length;
  }

  add(chunk) {
    const first = this.n;
    for (const [name, values] of Object.entries(this.columns)) {
      for (const value of chunk[name]) values.push(value);
    }
    this.types = chunk.types;
    for (let row = first; row < this.n; row += 1) {
      const s = this.columns.s[row];
      if (!this.rowsOf.has(s)) this.rowsOf.set(s, []);
      this.rowsOf.get(s).push(row);
      const status = this.statusOf(row);
      this.status.push(status);
      this.counts[status] += 1;
    }
  }

  /** What is said of a row's match, also by what is said of its source. */
  statusOf(row) {
    const [s, t] = [this.columns.s[row], this.columns.t[row]];
    const others = this.saidOf(s);
    const own = this.verdicts.get(keyOf(s, t));
    const other = others.find((v) => v.verdict === "same" && v.t !== t);
    if (own && own.verdict === "different" && other) return 5;
    if (own) return STATUSES.indexOf(own.verdict);
    if (others.some((v) => v.verdict === "none")) return 4;
    return other ? 5 : 0;
  }

  saidOf(s) {
    return [...(this.keysOf.get(s) || [])].map((key) => this.verdicts.get(key));
  }

  set(key, verdict) {
    const before = this.verdicts.get(key) || null;
    this.verdicts.delete(key);
    if (verdict) this.verdicts.set(key, verdict);
    const s = (verdict || before || {}).s;
    if (s === undefined || s === null) return before;
    if (!this.keysOf.has(s)) this.keysOf.set(s, new Set());
    if (verdict) this.keysOf.get(s).add(key);
    else this.keysOf.get(s).delete(key);
    for (const row of this.rowsOf.get(s) || []) {
      const status = this.statusOf(row);
      this.counts[this.status[row]] -= 1;
      this.counts[status] += 1;
      this.status[row] = status;
    }
    return before;
  }

  /** The changes that a verdict on a row's match makes; t is another candidate where one is chosen. */
  changesOf(row, verdict, more, other = null) {
    const [s, t] = [this.columns.s[row], this.columns.t[row]];
    const made = (target, what) => [keyOf(s, target), { s, t: target, verdict: what, ...more }];
    const chosen = verdict === "same" ? (other === null ? t : other) : null;
    const changes = verdict === "none" ? [made(null, "none")] : [made(t, other === null ? verdict : "different")];
    if (other !== null) changes.push(made(other, "same"));
    if (verdict === "same" || verdict === "none") {
      for (const v of this.saidOf(s)) {
        const isOld = v.verdict === "same" ? v.t !== chosen : v.verdict === "none" && verdict === "same";
        const isGiven = changes.some(([key]) => key === keyOf(v.s, v.t));
        if (isOld && !isGiven) changes.push([keyOf(v.s, v.t), null]);
      }
    }
    return changes;
  }

  apply(changes, row) {
    const before = changes.map(([key, verdict]) => [key, this.set(key, verdict)]);
    this.undone.push({ row, changes: before });
    return changes;
  }

  /** Take back the last verdict given here; after a fresh start, the last there is. */
  undo() {
    const last = this.undone.pop();
    if (last) {
      last.changes.forEach(([key, verdict]) => this.set(key, verdict));
      return last;
    }
    const key = [...this.verdicts.keys()].pop();
    if (key === undefined) return null;
    const before = this.set(key, null);
    const row = (this.rowsOf.get(before.s) || [-1])[0];
    return { row, changes: [[key, null]] };
  }

  get nJudged() {
    return this.n - this.counts[0];
  }

  /** Share of the judged matches that the person found right; null where none is. */
  get agreement() {
    const [, same, different, , none, other] = this.counts;
    const n = same + different + none + other;
    return n ? { right: same, n } : null;
  }

  /** Others that are judged the same as an entity of a pair that is judged the same, too. */
  conflicts(s, t) {
    const found = [];
    for (const v of this.verdicts.values()) {
      if (v.verdict === "same" && v.t === t && v.s !== s) found.push(v.s);
    }
    return found;
  }

  filtered(wanted) {
    const c = this.columns, rows = [];
    const words = wanted.search.toLocaleLowerCase();
    for (let row = 0; row < this.n; row += 1) {
      const confidence = c.confidence[row], flags = c.flags[row];
      if (confidence !== null && (confidence < wanted.least || confidence > wanted.most)) continue;
      if (wanted.type !== "" && c.type[row] !== Number(wanted.type)) continue;
      if (wanted.contradicts && !(flags & (SHARES | NEIGHBORS))) continue;
      if (wanted.imageless && !(flags & NO_IMAGE)) continue;
      if (!this.passes(row, wanted.judged)) continue;
      if (words && !c.source[row].toLocaleLowerCase().includes(words) && !c.target[row].toLocaleLowerCase().includes(words)) continue;
      rows.push(row);
    }
    const sign = { low: 1, high: -1 }[wanted.order];
    if (sign) rows.sort((a, b) => sign * ((c.confidence[a] ?? 1) - (c.confidence[b] ?? 1)) || a - b);
    return rows;
  }

  passes(row, judged) {
    if (judged === "all") return true;
    const status = STATUSES[this.status[row]];
    if (judged === "judged") return status !== "";
    if (judged === "unjudged") return status === "";
    return status === judged || (judged === "different" && status === "other");
  }
}
