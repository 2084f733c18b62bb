// The page at work: one match at a time, keys, filters, the list.

const PAGE = 50;

class Review {
  constructor(data) {
    this.data = data;
    this.store = data.mode === "server" ? new ServerStore(data) : new FileStore(data);
    this.state = new State();
    this.rows = [];
    this.position = 0;
    this.cache = new Map();
  }

  async start() {
    byId("title").textContent = this.data.title;
    byId("note").hidden = !this.data.note;
    byId("note").textContent = this.data.note;
    byId("where").textContent = this.store.where;
    byId("author").value = this.kept("author") || this.data.author || "";
    for (const verdict of await this.store.verdicts()) this.state.set(keyOf(verdict.s, verdict.t), verdict);
    this.listen();
    let isFirst = true;
    await this.store.chunks((chunk) => {
      this.state.add(chunk);
      if (isFirst) this.fillTypes(chunk.types);
      this.filter(isFirst ? null : this.row);
      isFirst = false;
    });
    this.store.listen((key, verdict) => {
      this.state.set(key, verdict);
      this.refresh();
    });
    document.body.dataset.ready = "yes";
  }

  /** Small wishes of the reader, where the browser keeps any. */
  kept(name, value) {
    try {
      if (value === undefined) return window.localStorage.getItem(`ibmea-review-${name}`);
      window.localStorage.setItem(`ibmea-review-${name}`, value);
    } catch {
      // Then it is asked again.
    }
    return null;
  }

  get row() {
    return this.rows.length ? this.rows[this.position] : null;
  }

  fillTypes(types) {
    byId("type-label").hidden = types.length < 2;
    types.forEach((type, i) => byId("type").append(h("option", { value: String(i) }, type || "(none)")));
  }

  wanted() {
    const value = (id) => byId(id).value;
    return {
      search: value("search").trim(), judged: value("judged"), order: value("order"), type: value("type"),
      least: Number(value("least") || 0), most: Number(value("most") || 1),
      contradicts: byId("contradicts").checked, imageless: byId("imageless").checked,
    };
  }

  /** Choose anew what is gone through; stay at a row if it is still there. */
  filter(stay = this.row) {
    this.rows = this.state.filtered(this.wanted());
    const place = stay === null ? 0 : this.rows.indexOf(stay);
    this.position = Math.max(place, 0);
    byId("count").textContent = `${this.rows.length.toLocaleString()} of ${this.data.n.toLocaleString()}`;
    this.show();
  }

  listen() {
    byId("filters").addEventListener("input", () => this.filter());
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    for (const button of document.querySelectorAll("[data-verdict]")) {
      button.addEventListener("click", () => this.judge(button.dataset.verdict));
    }
    byId("undo").addEventListener("click", () => this.undo());
    byId("before").addEventListener("click", () => this.move(-1));
    byId("after").addEventListener("click", () => this.move(1));
    byId("page-before").addEventListener("click", () => this.turn(-1));
    byId("page-after").addEventListener("click", () => this.turn(1));
    byId("download").addEventListener("click", () => this.download());
    byId("load").addEventListener("change", (event) => this.load(event.target));
    byId("help-open").addEventListener("click", () => byId("help").showModal());
    byId("author").addEventListener("change", () => this.kept("author", byId("author").value.trim()));
    byId("comment").addEventListener("change", () => this.comment());
    document.addEventListener("keydown", (event) => this.key(event));
    const wide = window.matchMedia("(min-width: 60rem)");
    const unfold = () => { byId("aside").open = wide.matches; };
    wide.addEventListener("change", unfold);
    unfold();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (event.target instanceof Element && event.target.matches("input:not([type=checkbox]):not([type=file]), select, textarea")) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "comment")) event.target.blur();
      return;
    }
    const action = this.action(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!action) return;
    event.preventDefault();
    action();
  }

  action(key) {
    const moves = { ArrowLeft: () => this.move(-1), ArrowRight: () => this.move(1), "?": () => byId("help").showModal() };
    if (moves[key]) return moves[key];
    if (!byId("keys").checked) return null;
    const verdict = { s: "same", d: "different", u: "unsure", n: "none" }[key];
    if (verdict) return () => this.judge(verdict);
    if (/^[1-9]$/.test(key)) return () => this.choose(Number(key) - 1);
    return { z: () => this.undo(), c: () => byId("comment").focus(), "/": () => this.search() }[key] || null;
  }

  search() {
    byId("aside").open = true;
    byId("search").focus();
  }

  more() {
    const today = new Date();
    const date = [today.getFullYear(), today.getMonth() + 1, today.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
    return { author: byId("author").value.trim(), date, comment: byId("comment").value.trim(), at: Date.now() };
  }

  judge(verdict, other = null, label = "") {
    const row = this.row;
    if (row === null) return;
    const changes = this.state.apply(this.state.changesOf(row, verdict, this.more(), other), row);
    this.store.save(changes).catch((error) => problem(`Not saved: ${error.message}`));
    const isLast = this.position + 1 >= this.rows.length;
    if (isLast) this.refresh();
    else this.move(1, true);
    const said = other === null ? `Judged ${SAYS[verdict]}.` : `Chosen: ${label}.`;
    say(`${said} ${isLast ? "That was the last one." : this.title()}`);
  }

  /** What is not seen yet is not chosen. */
  choose(i) {
    const isSeen = this.row !== null && byId("content").dataset.pair === this.pairKey(this.row);
    const one = isSeen ? this.cache.get(this.pairKey(this.row)).candidates[i] : null;
    if (!one) say(isSeen ? `There is no candidate ${i + 1}.` : "The candidates are not there yet.");
    else this.judge("same", one.t, one.label);
  }

  /** A comment that is written after the verdict belongs to it. */
  comment() {
    const own = this.row === null ? null : this.state.verdicts.get(this.pairKey(this.row));
    const text = byId("comment").value.trim();
    if (!own || own.comment === text) return;
    const changes = [[keyOf(own.s, own.t), { ...own, comment: text }]];
    this.state.apply(changes, this.row);
    this.store.save(changes).catch((error) => problem(`Not saved: ${error.message}`));
  }

  undo() {
    const last = this.state.undo();
    if (!last) {
      say("Nothing to undo.");
      return;
    }
    this.store.save(last.changes).catch((error) => problem(`Not saved: ${error.message}`));
    const place = this.rows.indexOf(last.row);
    if (place >= 0) this.position = place;
    this.show();
    say(`Taken back. ${this.title()}`);
  }

  move(step, isQuiet = false) {
    const position = Math.min(Math.max(this.position + step, 0), this.rows.length - 1);
    if (position === this.position || position < 0) return;
    this.position = position;
    this.show();
    if (!isQuiet) say(this.title());
  }

  turn(step) {
    const last = Math.floor((this.rows.length - 1) / PAGE);
    const page = Math.min(Math.max(Math.floor(this.position / PAGE) + step, 0), last);
    this.position = Math.max(page * PAGE, 0);
    this.show();
  }

  title() {
    if (this.row === null) return "No match.";
    const c = this.state.columns;
    return `${c.source[this.row]} and ${c.target[this.row]}, confidence ${number(c.confidence[this.row])}.`;
  }

  pairKey(row) {
    return keyOf(this.state.columns.s[row], this.state.columns.t[row]);
  }

  async detail(row) {
    const key = this.pairKey(row);
    if (!this.cache.has(key)) {
      if (this.cache.size > 200) this.cache.delete(this.cache.keys().next().value);
      const asked = this.store.pair(this.state.columns.s[row], this.state.columns.t[row]);
      this.cache.set(key, asked);
      asked.then((shown) => this.cache.set(key, shown), () => this.cache.delete(key));
    }
    return this.cache.get(key);
  }

  show() {
    window.scrollTo({ top: 0 });
    byId("comment").value = this.row === null ? "" : (this.state.verdicts.get(this.pairKey(this.row)) || {}).comment || "";
    this.refresh();
    // The ones that come next are there before they are asked for.
    for (const next of this.rows.slice(this.position + 1, this.position + 4)) this.detail(next).catch(() => {});
  }

  /** Draw anew what may have changed, at the same match. */
  refresh() {
    this.refreshList();
    this.refreshCounts();
    byId("empty").hidden = this.row !== null;
    if (this.row === null) {
      byId("content").replaceChildren();
      return;
    }
    this.refreshPair(this.row);
  }

  async refreshPair(row) {
    const key = this.pairKey(row);
    const known = this.cache.get(key);
    try {
      const shown = known && known.source ? known : await this.detail(row);
      if (this.row !== row) return;
      const choose = (i) => this.choose(i);
      byId("content").replaceChildren(match(this.store, this.state, shown, row, this.position, this.rows.length, this.data.graphs, choose));
      byId("content").dataset.pair = key;
    } catch (error) {
      if (this.row === row) byId("content").replaceChildren(h("p", { class: "sheet" }, `This match can't be shown: ${error.message}`));
    }
  }

  refreshList() {
    const first = Math.floor(this.position / PAGE) * PAGE;
    const rows = this.rows.slice(first, first + PAGE);
    const focused = document.activeElement && byId("list").contains(document.activeElement);
    byId("list").replaceChildren(...rows.map((row, i) => listItem(this.state, row, first + i === this.position, () => {
      this.position = first + i;
      this.show();
    })));
    const current = byId("list").querySelector("[aria-current]");
    if (current) {
      const list = byId("list");
      list.scrollTop = current.offsetTop - list.clientHeight / 2;
      if (focused) current.focus({ preventScroll: true });
    }
    const n = Math.max(Math.ceil(this.rows.length / PAGE), 1);
    byId("page").textContent = `page ${(first / PAGE + 1).toLocaleString()} of ${n.toLocaleString()}`;
    byId("page-before").disabled = first === 0;
    byId("page-after").disabled = first + PAGE >= this.rows.length;
  }

  refreshCounts() {
    const { nJudged, agreement } = this.state;
    byId("progress").max = Math.max(this.data.n, 1);
    byId("progress").value = nJudged;
    byId("progress-text").textContent = `${nJudged.toLocaleString()} of ${this.data.n.toLocaleString()} judged`;
    byId("agreement").textContent = agreement
      ? `agreement with the aligner ${Math.round((100 * agreement.right) / agreement.n)}% (${agreement.right.toLocaleString()} of ${agreement.n.toLocaleString()})` : "";
    byId("undo").disabled = this.state.verdicts.size === 0 && this.state.undone.length === 0;
    const status = this.row === null ? "" : STATUSES[this.state.status[this.row]];
    for (const button of document.querySelectorAll("[data-verdict]")) {
      button.setAttribute("aria-pressed", String(button.dataset.verdict === status));
      button.disabled = this.row === null;
    }
  }

  async download() {
    try {
      saveAs("verdicts.sssom.tsv", await this.store.file([...this.state.verdicts.values()]));
    } catch (error) {
      problem(`The verdicts can't be written: ${error.message}`);
    }
  }

  async load(input) {
    const [file] = input.files;
    if (!file) return;
    try {
      const { verdicts, left, isSaved } = await this.store.load(await file.text());
      const changes = verdicts.map((v) => [keyOf(v.s, v.t), v]);
      if (isSaved) changes.forEach(([key, verdict]) => this.state.set(key, verdict));
      else await this.store.save(this.state.apply(changes, this.row));
      this.refresh();
      say(`${verdicts.length} verdicts loaded.`);
      problem(left ? `${verdicts.length} verdicts loaded. ${left} others are of entities that are not in this page, and left out.` : "");
    } catch (error) {
      problem(`${file.name} can't be read: ${error.message}`);
    }
    input.value = "";
  }
}

const review = new Review(JSON.parse(byId("data").textContent));
review.start().catch((error) => problem(`The page can't be shown: ${error.message}`));
