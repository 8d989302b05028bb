// What several pages show: verdicts, lists that open, and changes as lines.
"use strict";

const OUTCOME_KIND = {
  proven: "good", "proven in part": "warn", refused: "bad", "not provable": "faint",
  rehearsed: "good", "rehearsed in part": "warn", taken: "good", gone: "good", waits: "warn", crashed: "bad",
  "not sent": "faint", "not tried": "faint",
};

function Told({ all, words, of, isOpen = false }) {
  if (!all || !all.length) return null;
  return html`<details open=${isOpen}>
    <summary>${words(all.length)}</summary>
    <ul class="told">${all.map((one, at) => html`<li key=${at}>${of(one)}</li>`)}</ul>
  </details>`;
}

// Of types that have a change in common, as many are named.
const NAMED_TYPES = 3;
const KIND_SIGN = { added: "+", removed: "−", changed: "~", deprecated: "!", undeprecated: "!" };

// The changes in lines; a change that many types have in common is one of them.
function changeLines(changes) {
  const together = new Map();
  for (const change of changes) {
    const name = change.of ? change.fact.slice(change.of.length + 1) : change.fact;
    const key = JSON.stringify([change.of ? name : change.fact, change.kind, change.what, change.a, change.b, change.when]);
    if (!together.has(key)) together.set(key, []);
    together.get(key).push(change);
  }
  return [...together.values()].map((all) => {
    const [change] = all;
    if (all.length === 1) return { ...change, name: change.fact, key: change.fact + change.kind + change.what + change.when };
    const more = all.length - NAMED_TYPES;
    const named = all.slice(0, NAMED_TYPES).map(({ of }) => of).join(", ");
    const name = change.fact.slice(change.of.length + 1);
    const types = `of ${named}${more > 0 ? ` and ${more} more` : ""}`;
    return { ...change, name, types, key: `${types} ${name} ${change.kind} ${change.what} ${change.a} ${change.b}` };
  });
}

function ChangeLine({ line }) {
  return html`<li class=${line.kind}>
    <span class="sign" aria-hidden="true">${KIND_SIGN[line.kind]}</span>
    <span class="hidden">${line.kind}: </span>
    <span>
      <code>${line.name}</code>
      ${line.when.length > 0 && html` <span class="faint">where ${line.when.join(", ")}</span>`}
      ${line.kind === "changed" &&
      html` <span>${line.what} <code>${valueWords(line.a)}</code> → <code>${valueWords(line.b)}</code></span>`}
      ${line.kind === "deprecated" && html` <span>is deprecated</span>`}
      ${line.kind === "undeprecated" && html` <span>is no longer deprecated</span>`}
      ${line.types && html` <span class="faint">${line.types}</span>`}
    </span>
  </li>`;
}
