// Where matches come from and verdicts go: this file alone, or the small server that sent it.
// Both know the same: chunks, pair, verdicts, save, load, file.

/** Verdicts by the IRIs and names of their entities. */
function rowsOf(known, verdicts) {
  const end = (side, index) => (index === null ? [null, ""] : known[side].get(index));
  return verdicts.map((v) => {
    const [[source, sourceLabel], [target, targetLabel]] = [end(0, v.s), end(1, v.t)];
    return { ...v, source, target, sourceLabel, targetLabel };
  });
}

/** Everything stands in the file; verdicts live in the browser, one item each. */
class FileStore {
  constructor(data) {
    this.data = data;
    this.prefix = `ibmea-review:${data.id}:`;
    this.iris = [new Map(), new Map()];
    this.known = [new Map(), new Map()];
    data.entities.forEach((entities, side) => entities.forEach(([index, iri, label]) => {
      this.iris[side].set(iri, index);
      this.known[side].set(index, [iri, label]);
    }));
    try {
      this.storage = window.localStorage;
      this.storage.getItem(this.prefix);
    } catch {
      this.storage = null;
    }
    this.where = this.storage
      ? "Verdicts are kept in this browser. Download them to hand them on."
      : "This browser keeps nothing of this page: download the verdicts before you close it.";
    if (!this.storage) problem(this.where);
  }

  async chunks(take) {
    take(this.data.matches);
  }

  async pair(s, t) {
    return this.data.pairs[`${s}:${t}`];
  }

  picture(name) {
    return this.data.pictures[name];
  }

  async verdicts() {
    const given = this.data.verdicts.map((verdict, i) => ({ at: i, ...verdict }));
    const found = new Map(given.map((v) => [keyOf(v.s, v.t), v]));
    for (const name of this.storage ? Object.keys(this.storage) : []) {
      if (!name.startsWith(this.prefix)) continue;
      const verdict = JSON.parse(this.storage.getItem(name));
      if (verdict.verdict) found.set(name.slice(this.prefix.length), verdict);
      else found.delete(name.slice(this.prefix.length));
    }
    return [...found.values()].sort((a, b) => a.at - b.at);
  }

  /** Other tabs with this file. */
  listen(change) {
    window.addEventListener("storage", ({ key, newValue }) => {
      if (!key || !key.startsWith(this.prefix)) return;
      const verdict = JSON.parse(newValue);
      change(key.slice(this.prefix.length), verdict && verdict.verdict ? verdict : null);
    });
  }

  async save(changes) {
    if (!this.storage) return;
    for (const [key, verdict] of changes) {
      // One that was in the file and is taken back stays taken back.
      this.storage.setItem(this.prefix + key, JSON.stringify(verdict || {}));
    }
  }

  async file(verdicts) {
    return formatSssom(rowsOf(this.known, verdicts), this.data.version);
  }

  async load(text) {
    const rows = parseSssom(text);
    const index = (side, iri) => (iri === null ? null : this.iris[side].get(iri));
    const found = rows.map(({ source, target, verdict, author, date, comment }) => (
      { s: index(0, source), t: index(1, target), verdict, author, date, comment, at: Date.now() }
    ));
    const here = found.filter((v) => v.s !== undefined && v.t !== undefined);
    return { verdicts: here, left: found.length - here.length };
  }
}

/** The server has the graphs and the file of verdicts. */
class ServerStore {
  constructor(data) {
    this.data = data;
    this.sequence = 0;
    this.waiting = [];
    this.sending = null;
    this.known = [new Map(), new Map()];
    this.where = `Each verdict is written to ${data.path} at once.`;
  }

  async ask(path, given) {
    const answer = await fetch(path, given && this.posted(given));
    const body = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(body.problem), { isRefused: answer.status < 500 });
    return body;
  }

  posted(given, keepalive = false) {
    return { method: "POST", body: JSON.stringify(given), headers: { "Content-Type": "application/json" }, keepalive };
  }

  async chunks(take) {
    for (let start = 0; start < this.data.n; start += this.data.chunk) {
      take(await this.ask(`matches?start=${start}`));
    }
  }

  async pair(s, t) {
    const shown = await this.ask(`pair?s=${s}&t=${t}`);
    this.known[0].set(s, [shown.source.iri, shown.source.label]);
    this.known[1].set(t, [shown.target.iri, shown.target.label]);
    for (const one of shown.candidates) this.known[1].set(one.t, [one.iri, one.label]);
    return shown;
  }

  picture(name) {
    return name;
  }

  async verdicts() {
    const { sequence, changes } = await this.ask("changes?since=0");
    this.sequence = sequence;
    return changes.map(([, verdict]) => verdict).filter(Boolean);
  }

  listen(change) {
    this.change = change;
    const look = async () => {
      if (document.hidden) return;
      try {
        this.take(await this.ask(`changes?since=${this.sequence}`));
        await this.flush();
      } catch {
        // The next look, or the next verdict, tells.
      }
    };
    document.addEventListener("visibilitychange", look);
    window.setInterval(look, 4000);
    // What a closed tab has not sent yet is sent all the same.
    window.addEventListener("pagehide", () => {
      if (this.waiting.length) fetch("verdicts", this.posted({ since: 0, changes: this.waiting.flat() }, true)).catch(() => {});
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.waiting.length) event.preventDefault();
    });
  }

  /** Take over what others judged; an answer that was overtaken says nothing new. */
  take({ sequence, changes }) {
    if (sequence < this.sequence) return;
    this.sequence = sequence;
    const mine = new Set(this.waiting.flat().map(([key]) => key));
    for (const [key, verdict] of changes) if (!mine.has(key)) this.change(key, verdict);
  }

  async save(changes) {
    this.waiting.push(changes);
    await this.flush();
  }

  /** Send what waits, in order; what can't be sent waits on. */
  flush() {
    if (!this.sending && this.waiting.length) this.sending = this.send();
    return this.sending;
  }

  async send() {
    try {
      while (this.waiting.length) {
        const answer = await this.ask("verdicts", { since: this.sequence, changes: this.waiting[0] });
        this.waiting.shift();
        this.take(answer);
        problem("");
      }
    } catch (error) {
      if (error.isRefused) this.waiting.shift();
      problem(error.isRefused || error.message.startsWith("Expected")
        ? `Not saved: ${error.message}`
        : `Not saved: the server does not answer. ${this.waiting.length} verdicts wait in this tab. Download them here, start the server again, and load them in its page.`);
    } finally {
      this.sending = null;
    }
  }

  /** The server's file; where it takes no more, what waits in this tab. */
  async file() {
    try {
      await this.flush();
      if (this.waiting.length) throw new Error("some wait");
      return await (await fetch("verdicts.sssom.tsv")).text();
    } catch {
      const last = new Map(this.waiting.flat());
      return formatSssom(rowsOf(this.known, [...last.values()].filter(Boolean)), this.data.version);
    }
  }

  async load(text) {
    await this.flush();
    const { left, sequence, changes } = await this.ask("load", { text });
    this.sequence = sequence;
    return { verdicts: changes.map(([, verdict]) => verdict), left, isSaved: true };
  }
}
