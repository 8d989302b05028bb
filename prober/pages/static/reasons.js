// What stands behind the verdicts of an upgrade, each reason once, with the domains that it concerns.
"use strict";

// As many reasons, and as many domains of one, are drawn at first.
const FIRST_REASONS = 200;
const FIRST_CONCERNED = 20;

const REASON_KINDS = [
  ["refused", "bad"],
  ["deprecated", "warn"],
  ["removed", "bad"],
  ["seen to change", "warn"],
  ["default otherwise", "plain"],
  ["card renamed", "warn"],
  ["mend", "good"],
];

const firstLine = (text) => text.split("\n")[0];

// What is said of one domain, each with its kind.
function reasonsOf(row) {
  const steps = [row.starts, row.there, row.back].filter(({ verdict }) => verdict === "refused");
  return [
    ...row.refusals.map(({ message, hint, line }) => ["refused", message, hint, line]),
    ...steps.filter(({ said, line }) => said && !line).map(({ said }) => ["refused", firstLine(said), "", 0]),
    ...row.deprecated.map(({ words, hint, line }) => ["deprecated", words, hint, line]),
    ...row.there.changes.map(({ words, line }) => ["seen to change", words, "", line]),
    ...row.otherwise.map(({ fact, kind, what, a, b, at }) => [
      kind === "changed" ? "default otherwise" : kind,
      what ? `${fact}: ${what} ${valueWords(a)} → ${valueWords(b)}` : fact,
      "",
      at.length ? at[0][0] : 0,
    ]),
    ...row.cards.map(({ words, line }) => ["card renamed", words, "", line]),
    ...row.mends.map(({ path, value, line }) => ["mend", `${path} ${value}`, "", line]),
  ];
}

function gatherReasons(domains) {
  const found = new Map();
  for (const row of domains)
    for (const [kind, text, hint] of reasonsOf(row)) {
      const key = `${kind} ${text}`;
      if (!found.has(key)) found.set(key, { key, kind, text, hint, rows: new Set() });
      found.get(key).rows.add(row);
    }
  const rank = (kind) => REASON_KINDS.findIndex(([name]) => name === kind);
  return [...found.values()].sort((a, b) => rank(a.kind) - rank(b.kind) || b.rows.size - a.rows.size || byName(a.text, b.text));
}

function Concerned({ rows }) {
  const [most, setMost] = useState(FIRST_CONCERNED);
  return html`${rows.slice(0, most).map(
      (row, at) => html`${at > 0 && ", "}<a key=${row.at} href=${placeOf("domains", { domain: row.at })}>${row.name}</a>`,
    )}
    ${rows.length > most &&
    html`, <button type="button" class="plain" onClick=${() => setMost(rows.length)}>and ${rows.length - most} more</button>`}`;
}

function ReasonsPage({ book }) {
  const [words, setWords] = useState("");
  const [kind, setKind] = useState("");
  const [most, setMost] = useState(FIRST_REASONS);
  const rested = useRest(words, 120);
  const all = useMemo(() => gatherReasons(book.domains), [book]);
  const kinds = REASON_KINDS.map(([name]) => [name, all.filter((one) => one.kind === name).length]).filter(([, number]) => number);
  const wanted = rested.toLowerCase();
  const chosen = all.filter((one) => (!kind || one.kind === kind) && (!wanted || one.text.toLowerCase().includes(wanted)));
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">Reasons</h2>
    <form class="bar" onSubmit=${(event) => event.preventDefault()}>
      <${Search} label="Search" value=${words} onInput=${setWords} wide />
      <${Select} label="show" value=${kind} options=${[["", `all (${all.length})`], ...kinds.map(([name, number]) => [name, `${name} (${number})`])]} onChange=${setKind} />
      <output aria-live="polite">${count(chosen.length, "reason")}</output>
    </form>
    ${chosen.length === 0
      ? html`<p class="empty">There is none.</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="table of reasons">
          <table class="stacked reasons">
            <thead>
              <tr><th scope="col">what</th><th scope="col">kind</th><th scope="col">domains</th></tr>
            </thead>
            <tbody>
              ${chosen.slice(0, most).map(
                (one) => html`<tr key=${one.key}>
                  <th scope="row">${one.text}${one.hint && html`<span class="under">→ ${one.hint}</span>`}</th>
                  <td><${Badge} kind=${REASON_KINDS.find(([name]) => name === one.kind)?.[1] || "faint"}>${one.kind}<//></td>
                  <td data-label=${count(one.rows.size, "domain")}><${Concerned} rows=${[...one.rows]} /></td>
                </tr>`,
              )}
            </tbody>
          </table>
        </div>`}
    ${chosen.length > most &&
    html`<button type="button" class="plain more" onClick=${() => setMost(chosen.length)}>show ${count(chosen.length - most, "more reason")}</button>`}
  </section>`;
}
