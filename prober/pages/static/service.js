// What a live page has: the session with its server, and what the service tells meanwhile.
"use strict";

const KEY_NAME = "prober-key";
const STEPS = "application/x-ndjson";

// The token of the address is spent for a cookie and a key at once, and goes from the address.
async function openSession() {
  const match = location.hash.match(/^#token=([\w-]+)$/);
  if (match) {
    history.replaceState(null, "", "#/qemus");
    const answer = await fetch("/session", { method: "POST", body: match[1] });
    const told = await answer.json();
    if (answer.ok) localStorage.setItem(KEY_NAME, told.key);
    else if (!localStorage.getItem(KEY_NAME)) throw new Error(`${told.detail}: ${told.hint}`);
  }
}

// Ask the page's server.  What it says is wrong is an error with a hint.
async function ask(path, { query = {}, body, kind = "text/plain", signal, onStep } = {}) {
  const told = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== undefined));
  const text = told.toString();
  const answer = await fetch(`/api/${path}${text ? `?${text}` : ""}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "x-prober-key": localStorage.getItem(KEY_NAME) || "", "content-type": kind, ...(onStep && { accept: STEPS }) },
    body,
    signal,
  }).catch((error) => {
    if (error.name === "AbortError") throw error;
    const hint = "has prober ui ended? start it again, and open the address that it prints";
    throw Object.assign(new Error("the server of this page does not answer"), { hint });
  });
  if (onStep && answer.ok && answer.headers.get("content-type") === STEPS) return heard(answer.body, onStep);
  const value = await answer.json().catch(() => ({ detail: "the answer cannot be read" }));
  if (!answer.ok) throw Object.assign(new Error(value.detail), { hint: value.hint, status: answer.status, value });
  return value;
}

// Hear an answer that comes line by line: each step as it happens, and what came of it in the end.
async function heard(body, onStep) {
  const cut = Object.assign(new Error("the answer ended before it was whole"), { hint: "try again" });
  const reader = body.getReader();
  const text = new TextDecoder();
  for (let left = ""; ; ) {
    const { done, value } = await reader.read().catch(() => {
      throw cut;
    });
    if (done) throw cut;
    const lines = (left + text.decode(value, { stream: true })).split("\n");
    left = lines.pop();
    for (const line of lines) {
      const told = JSON.parse(line);
      if (!told.step) return { status: told.status, value: told.answer };
      onStep(told.step);
    }
  }
}

// Have the service do what a click is for; what it refuses is an error with its reasons.
async function click(path, query, body, kind, onStep) {
  const { status, value } = await ask(path, { query, body, kind, onStep });
  if (status >= 400) throw Object.assign(new Error(value.detail), { hint: value.hint, status, value });
  return value;
}

// What is known of the service, for whoever listens.
class Live {
  constructor() {
    this.book = null;
    this.entries = [];
    this.paths = [];
    this.news = [];
    this.since = undefined;
    this.error = "";
    this.refreshing = new Set();
    this.listeners = new Set();
    this.pages = [
      ["try", "Try", TryPage],
      ["news", "Changes", NewsPage],
    ];
    this.State = EntryState;
    this.Refreshing = ServiceLine;
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  can(path) {
    return this.paths.includes(path);
  }

  async look() {
    const told = await ask("binaries");
    this.entries = told.binaries;
    this.paths = told.paths;
    this.tell();
  }

  async read() {
    this.book = new Book(await ask("book"));
    this.tell();
  }

  // What changed since the last time, after waiting for it (seconds); whether that says anything new.
  async hear(wait) {
    const { since } = this;
    const told = await ask("changes", { query: { since, wait } });
    this.since = told.id;
    const known = new Set(this.news.map(({ id }) => id));
    this.news = [...told.changes.filter(({ id }) => !known.has(id)).reverse(), ...this.news].slice(0, 200);
    return told.changes.length > 0 || told.reset;
  }

  // Follow what changes for as long as the page is open.  Where the service is away it is tried again, and once it is
  // back all is looked at anew: it may have been started with other QEMUs.
  async follow() {
    let isLost = false;
    for (;;) {
      try {
        if ((await this.hear(isLost || this.since === undefined ? undefined : 20)) || isLost)
          await Promise.all([this.look(), this.read()]);
        isLost = false;
        this.error = "";
        this.tell();
      } catch (error) {
        this.error = error.hint ? `${error.message} (${error.hint})` : error.message;
        this.tell();
        if (error.status === 403) return;
        isLost = true;
        await new Promise((wake) => setTimeout(wake, 3000));
      }
    }
  }

  // While an entry is asked anew it is looked at again and again: its state is no change of an answer.
  async refresh(ident) {
    this.refreshing.add(ident);
    this.tell();
    const asked = click("refresh", { binary: ident }, "");
    const looking = setInterval(() => this.look().catch(() => {}), 400);
    try {
      await asked;
      this.error = "";
    } catch (error) {
      this.error = error.hint ? `${error.message} (${error.hint})` : error.message;
    } finally {
      clearInterval(looking);
      this.refreshing.delete(ident);
      await Promise.all([this.look(), this.read()]).catch(() => {});
      this.tell();
    }
  }
}

let live = null;

function useLive() {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const listener = () => setTurn((turn) => turn + 1);
    live.listeners.add(listener);
    return () => live.listeners.delete(listener);
  }, []);
  return live;
}

const STATE_KIND = { ready: "good", failed: "bad", asking: "warn", waiting: "warn" };

function EntryState({ qemu }) {
  const { entries, refreshing } = useLive();
  const entry = entries.find(({ id }) => id === qemu.ident);
  if (!entry) return html`<${Badge} kind="faint">gone<//>`;
  return html`<${EntryButtons} entry=${entry} isBusy=${refreshing.has(entry.id)} />`;
}

function EntryButtons({ entry, isBusy }) {
  const state = isBusy && entry.state === "ready" ? "asking" : entry.state;
  return html`<span class="entry-state">
    <${Badge} kind=${STATE_KIND[state] || "faint"}>${state}<//>
    ${entry.kind === "binary"
      ? html`<button type="button" disabled=${isBusy} aria-label=${`Ask ${entry.path} again`} onClick=${() => live.refresh(entry.id)}>
          ask again
        </button>`
      : html`<span class="faint">recording</span>`}
  </span>`;
}

// What the service is about right now, and what it has no answer for.
function ServiceLine() {
  const { entries, error, book } = useLive();
  const known = new Set(book ? book.qemus.map((qemu) => qemu.ident) : []);
  const others = entries.filter(({ id }) => !known.has(id));
  return html`<div aria-live="polite">
    ${error && html`<p class="problem">${error}</p>`}
    ${others.map(
      (entry) => html`<p key=${entry.id} class="other">
        <code>${entry.path}</code>
        <${EntryButtons} entry=${entry} isBusy=${live.refreshing.has(entry.id)} />
        ${entry.error && html`<span>${entry.error}${entry.hint && ` (${entry.hint})`}</span>`}
      </p>`,
    )}
  </div>`;
}

const NEWS_KIND = { learned: "good", changed: "warn", failed: "bad", gone: "faint" };

function NewsCounts({ difference }) {
  const told = Object.entries(difference.counts).flatMap(([group, kinds]) =>
    Object.entries(kinds).map(([kind, number]) => `${group}: ${number} ${kind}`),
  );
  return html`<span class="faint">QEMU ${difference.before} → ${difference.now}${told.length ? `; ${told.join(", ")}` : ""}</span>`;
}

function NewsPage() {
  const { news, error } = useLive();
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">Changes</h2>
    ${error && html`<p class="problem" role="alert">${error}</p>`}
    ${news.length === 0 && html`<p class="empty">Nothing has changed since the service was started.</p>`}
    <ol class="news" aria-live="polite">
      ${news.map(
        (one) => html`<li key=${one.id}>
          <time datetime=${new Date(one.at * 1000).toISOString()}>${new Date(one.at * 1000).toLocaleTimeString()}</time>
          <${Badge} kind=${NEWS_KIND[one.kind] || "faint"}>${one.kind}<//>
          <code>${one.binary}</code>
          <span>${one.said}</span>
          ${one.difference && html`<${NewsCounts} difference=${one.difference} />`}
        </li>`,
      )}
    </ol>
  </section>`;
}

function LiveApp() {
  const { book } = useLive();
  return html`<${App} book=${book} pages=${[...REPORT_PAGES, ...live.pages]} live=${live} />`;
}

async function startLive(root) {
  await openSession();
  live = new Live();
  // First of all, so that no change is missed between this and that.
  await live.hear();
  await live.look();
  root.firstElementChild.textContent = `Reading ${count(live.entries.length, "QEMU")} …`;
  await live.read();
  show(root, html`<${LiveApp} />`);
  live.follow();
}
