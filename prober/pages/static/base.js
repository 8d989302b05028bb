// What all of the page uses: how it is drawn, where one is in it, and the small parts.
"use strict";

const { h, render, Fragment } = preact;
const { useState, useMemo, useEffect, useRef, useCallback } = preactHooks;
const html = htm.bind(h);

// Where one is: "#/types?q=virtio" is the page "types" with q=virtio.
function readPlace() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { ...Object.fromEntries(new URLSearchParams(query || "")), page: path || "qemus" };
}

function placeOf(page, values = {}) {
  const told = Object.entries(values).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(told).toString();
  return `#/${page}${query ? `?${query}` : ""}`;
}

// Go there; what is only refined (a word more in a search) replaces where one was.
function go(page, values, replace = false) {
  const place = placeOf(page, values);
  if (place === location.hash) return;
  if (replace) {
    history.replaceState(null, "", place);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = place;
  }
}

function usePlace() {
  const [place, setPlace] = useState(readPlace);
  useEffect(() => {
    const follow = () => setPlace(readPlace());
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return place;
}

// A value that comes to rest: the last one, once it has been the same for a while (milliseconds).
function useRest(value, rest) {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), rest);
    return () => clearTimeout(timer);
  }, [value, rest]);
  return rested;
}

function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// Characters that are not seen and have others stand elsewhere than they do (UAX #9, 2): each as what it is.
const UNSEEN = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const seen = (text) =>
  text.replace(UNSEEN, (letter) => `⟨U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

// Names in order, numbers in them by their value: 7.2 before 10.0.
const byName = new Intl.Collator("en", { numeric: true }).compare;

function Search({ label, value, onInput, wide }) {
  return html`<label class=${`field search ${wide ? "wide" : ""}`}>
    <span>${label}</span>
    <input
      type="search"
      value=${value}
      autocomplete="off"
      spellcheck=${false}
      onInput=${(event) => onInput(event.currentTarget.value)}
    />
  </label>`;
}

function Select({ label, value, options, onChange, disabled = false }) {
  return html`<label class="field">
    <span>${label}</span>
    <select value=${value} disabled=${disabled} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}
    </select>
  </label>`;
}

// Switches of which one is on.
function Choice({ label, value, options, onChange }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(
      ([key, text]) =>
        html`<button key=${key} type="button" aria-pressed=${key === value} onClick=${() => onChange(key)}>
          ${text}
        </button>`,
    )}
  </div>`;
}

function Badge({ kind, children }) {
  return html`<span class=${`badge ${kind}`}>${children}</span>`;
}

// Of what cannot be drawn the rest of the page does not go: it says so in its place.
class Drawn extends preact.Component {
  componentDidCatch(error) {
    this.setState({ error });
  }

  render({ children }, { error }) {
    return error ? html`<p class="problem" role="alert">This cannot be shown: ${error.message}</p>` : children;
  }
}

// Arrow keys go through what can be focused in a list.
function walk(event, selector) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = [...event.currentTarget.querySelectorAll(selector)];
  const next = all[all.indexOf(document.activeElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

// A row that is a list, by the names of its fields.
const namedRow = (fields) => (row) => Object.fromEntries(fields.map((name, at) => [name, row[at]]));

// The data that lies in the page.
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(unpacked).json();
}

// A value of QEMU's as text.
function valueWords(value) {
  if (value === null || value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
