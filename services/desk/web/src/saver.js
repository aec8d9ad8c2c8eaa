// Saves fields one request at a time, each field against the revision of it that this screen shows: a save of the lede
// says nothing about a headline that somebody else has changed meanwhile. Typing is never replaced by an answer: what
// comes back moves only the revisions, and a conflict asks the editor.
export class Saver {
  constructor({ url, seen, key, tell, onConflict, wait = 700 }) {
    Object.assign(this, { url, seen: { ...seen }, key, tell, onConflict, wait });
    this.dirty = new Map();
    this.isSending = false;
    this.failures = 0;
    this.isStopped = false;
    addEventListener("beforeunload", (event) => { if (this.dirty.size || this.isSending) event.preventDefault(); });
    addEventListener("online", () => this.send());
  }

  // What a dead tab left behind, or null.
  leftover() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  set(field, value) {
    this.dirty.set(field, value);
    this.keep();
    this.tell("unsaved");
    clearTimeout(this.timer);
    if (!this.isStopped) this.timer = setTimeout(() => this.send(), this.wait);
  }

  keep() {
    if (this.dirty.size) localStorage.setItem(this.key, JSON.stringify({ seen: this.seen, fields: Object.fromEntries(this.dirty), at: Date.now() }));
    else localStorage.removeItem(this.key);
  }

  async flush() {
    clearTimeout(this.timer);
    while (this.isSending) await new Promise((done) => setTimeout(done, 30));
    if (this.dirty.size && !this.isStopped) await this.send();
    return this.dirty.size === 0;
  }

  async send() {
    if (this.isSending || this.isStopped || !this.dirty.size) return;
    clearTimeout(this.timer);
    this.isSending = true;
    const sent = new Map(this.dirty);
    this.tell("saving");
    let answer;
    try {
      answer = await fetch(this.url, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...Object.fromEntries(sent), seen: Object.fromEntries([...sent.keys()].map((field) => [field, this.seen[field]])) }),
        signal: AbortSignal.timeout(15_000),
      });
    } catch {
      this.isSending = false;
      return this.fail();
    }
    this.isSending = false;
    if (answer.ok) return this.done(sent, await answer.json());
    if (answer.status === 409) {
      const problem = await answer.json().catch(() => ({}));
      if (problem.theirs) { this.isStopped = true; this.tell("conflict"); return this.onConflict(problem, sent); }
      return this.tell("refused", problem.detail);
    }
    if (answer.status === 422) return this.tell("refused", (await answer.json().catch(() => ({}))).detail);
    if (answer.status === 401) return this.tell("signedOut");
    return this.fail();
  }

  done(sent, { revision, saved_at }) {
    this.failures = 0;
    for (const [field, value] of sent) {
      this.seen[field] = revision;
      if (this.dirty.get(field) === value) this.dirty.delete(field);
    }
    this.keep();
    this.tell("saved", new Date(saved_at));
    if (this.dirty.size) this.timer = setTimeout(() => this.send(), this.wait);
  }

  fail() {
    this.failures += 1;
    this.tell("failed");
    this.timer = setTimeout(() => this.send(), Math.min(15_000, 800 * 2 ** this.failures));
  }

  // The editor has decided: ours is saved over what is on the desk now, or dropped.
  resolve(revision, keepOurs, fields) {
    for (const field of fields) this.seen[field] = revision;
    this.isStopped = false;
    if (!keepOurs) for (const field of fields) this.dirty.delete(field);
    this.keep();
    if (this.dirty.size) this.send();
    else this.tell("saved", new Date());
  }
}
