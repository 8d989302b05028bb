// What an upgrade from one QEMU to another brings and takes away, and what it means for the domains.
"use strict";

// Of a group, as many lines are drawn at first.
const FIRST_CHANGES = 100;
// Of what differs in one command line.
const FIRST_LINES = 16;
// Where one line of each side has to be held against each of the other more often, all are told.
const MOST_COMPARED = 4_000_000;

function ChangeGroup({ name, changes, unknown }) {
  const [most, setMost] = useState(FIRST_CHANGES);
  const lines = useMemo(() => changeLines(changes), [changes]);
  return html`<details class="group" id=${`group-${name}`} open=${lines.length <= 40}>
    <summary>
      <h3>${name}</h3>
      <span class="faint">${count(changes.length, "change")}${unknown ? `, ${unknown} not known` : ""}</span>
    </summary>
    <ul class="changes">
      ${lines.slice(0, most).map((line) => html`<${ChangeLine} key=${line.key} line=${line} />`)}
    </ul>
    ${lines.length > most &&
    html`<button type="button" class="plain" onClick=${() => setMost(lines.length)}>
      show ${count(lines.length - most, "more line")}
    </button>`}
  </details>`;
}

function ChangeCounts({ comparison, chosen, kinds, onKind }) {
  const rows = GROUPS.map((name) => [name, chosen[name], comparison.unknown[name]]).filter(
    ([, changes, unknown]) => changes.length || unknown,
  );
  const number = (changes, kind) => changes.filter((change) => change.kind === kind).length;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="counts of changes">
    <table class="counts">
      <thead>
        <tr>
          <th scope="col">what</th>
          ${KINDS.map(
            (kind) => html`<th key=${kind} scope="col" class="number">
              <button type="button" class=${`kind ${kind}`} aria-pressed=${kinds.has(kind)} onClick=${() => onKind(kind)}>
                ${kind}
              </button>
            </th>`,
          )}
          <th scope="col" class="number">unknown</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([name, changes, unknown]) => html`<tr key=${name}>
            <th scope="row"><button type="button" class="plain" onClick=${() => openGroup(name)}>${name}</button></th>
            ${KINDS.map((kind) => html`<td key=${kind} class="number">${number(changes, kind) || ""}</td>`)}
            <td class="number faint">${unknown || ""}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function openGroup(name) {
  const group = document.getElementById(`group-${name}`);
  if (!group) return;
  group.open = true;
  group.scrollIntoView({ block: "start" });
  group.querySelector("summary").focus();
}

// The lines of two command lines that only one has, in their order: the longest sequence of both is left out.
function lineChanges(a, b) {
  // What both begin and end with is most of them: what is left is what takes time.
  let [start, end] = [0, 0];
  const least = Math.min(a.length, b.length);
  while (start < least && a[start] === b[start]) start += 1;
  while (end < least - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return innerChanges(a.slice(start, a.length - end), b.slice(start, b.length - end));
}

function innerChanges(a, b) {
  if (a.length * b.length > MOST_COMPARED) return [...a.map((line) => ["removed", line]), ...b.map((line) => ["added", line])];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
  const told = [];
  for (let [i, j] = [0, 0]; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) [i, j] = [i + 1, j + 1];
    else if (j >= b.length || (i < a.length && lengths[i + 1][j] >= lengths[i][j + 1])) told.push(["removed", a[i++]]);
    else told.push(["added", b[j++]]);
  }
  return told;
}

// A command line as lines: each option with its value; what the binary is called is none of them.
function optionLines(argv) {
  const lines = [];
  for (const word of argv.slice(1)) {
    if (word.startsWith("-") || !lines.length) lines.push(word);
    else lines[lines.length - 1] += ` ${word}`;
  }
  return lines;
}

function whatComesOf(a, b) {
  if (a.verdict === "yes" && b.verdict === "no") return ["breaks", "bad"];
  if (a.verdict === "no" && b.verdict === "yes") return ["works then", "good"];
  if (a.verdict === "no") return ["refused by both", "bad"];
  if (a.verdict !== "yes" || b.verdict !== "yes") return ["not known", "faint"];
  return ["goes on", "good"];
}

function sameBuses(a, b) {
  const [one, other] = [a, b].map((cell) => cell.buses.map((bus) => `${bus.name} ${bus.hotplug}`).join());
  return one === other;
}

// So many domains are told at first, in the order of what comes of them.
const FIRST_DOMAINS = 12;
const COMES_FIRST = ["breaks", "works then", "goes on", "not known", "refused by both"];

// What breaks stands first; those that go on as they are stand together, by their names alone.
function ForDomains({ book, one, other, place }) {
  const [most, setMost] = useState(FIRST_DOMAINS);
  const told = book.domains.map((domain, at) => {
    const [a, b] = [book.cell(at, one.at), book.cell(at, other.at)];
    const [words] = whatComesOf(a, b);
    const isSame = words === "goes on" && a.argv.slice(1).join("\0") === b.argv.slice(1).join("\0") && sameBuses(a, b);
    return { at, name: domain.name, isSame, rank: COMES_FIRST.indexOf(words) };
  });
  const same = told.filter(({ isSame }) => isSame);
  const changed = told.filter(({ isSame }) => !isSame).sort((a, b) => a.rank - b.rank);
  return html`<section class="for-domains" aria-label="What it means for the domains">
    <h3>For the domains</h3>
    ${changed.slice(0, most).map(
      ({ at }) => html`<${DomainChange} key=${`${one.at} ${other.at} ${at}`} book=${book} at=${at} one=${one} other=${other} place=${place} />`,
    )}
    ${changed.length > most &&
    html`<button type="button" class="plain more" onClick=${() => setMost(changed.length)}>
      show ${count(changed.length - most, "more domain")}
    </button>`}
    ${same.length > 0 &&
    html`<p class="same">
      <${Badge} kind="good">${count(same.length, "goes on", "go on")} as ${same.length === 1 ? "it is" : "they are"}<//>${" "}
      ${same.map(({ at, name }, number) => html`${number > 0 && ", "}<a href=${placeOf("difference", { ...place, for: at })}>${name}</a>`)}
    </p>`}
  </section>`;
}

function DomainChange({ book, at, one, other, place }) {
  const [most, setMost] = useState(FIRST_LINES);
  const [a, b] = [book.cell(at, one.at), book.cell(at, other.at)];
  const [words, kind] = whatComesOf(a, b);
  const lines = useMemo(() => lineChanges(optionLines(a.argv), optionLines(b.argv)), [a, b]);
  const isRefused = a.verdict === "no" || b.verdict === "no";
  return html`<details class="domain-change" open=${words === "breaks"}>
    <summary>
      <h4>${book.domains[at].name}</h4>
      <${Badge} kind=${kind}>${words}<//>
      <span class="faint">
        ${lines.length ? `command line differs in ${count(lines.length, "line")}` : "same command line"}${sameBuses(a, b) ? "" : ", hot-plug differs"}
      </span>
    </summary>
    <p class="links">
      <a href=${placeOf("difference", { ...place, for: at })}>what of this it uses</a>
      <a href=${placeOf("domains", { domain: at, qemu: other.at })}>its XML</a>
    </p>
    ${b.refusals.map((refusal, number) => html`<div key=${number}><${Said} kind="no" one=${refusal} /></div>`)}
    ${lines.length > 0 &&
    html`<p class="aside">The command line${isRefused ? ", were it not refused" : ""}:</p>
      <ul class="changes">
        ${lines.slice(0, most).map(
          ([what, text], number) => html`<li key=${number} class=${what}>
            <span class="sign" aria-hidden="true">${KIND_SIGN[what]}</span><span class="hidden">${what}: </span><code>${text}</code>
          </li>`,
        )}
      </ul>
      ${lines.length > most &&
      html`<button type="button" class="plain" onClick=${() => setMost(lines.length)}>
        show ${count(lines.length - most, "more line")}
      </button>`}`}
  </details>`;
}

function DifferencePage({ book, place }) {
  const last = book.qemus.length - 1;
  const at = (told, usual) => (book.qemus[Number(told)] && told !== undefined ? Number(told) : usual);
  const [a, b] = [at(place.a, Math.max(0, last - 1)), at(place.b, last)];
  const [words, setWords] = useState("");
  const [kinds, setKinds] = useState(new Set(KINDS));
  const rested = useRest(words, 120);
  const comparison = useMemo(() => (last < 0 ? null : new Comparison(book.qemus[a], book.qemus[b])), [book, a, b]);
  const domain = place.for !== undefined && book.domains[Number(place.for)] ? Number(place.for) : null;
  const chosen = useMemo(() => {
    const used =
      domain === null ? null : [a, b].map((one) => book.used[book.cell(domain, one).used]).filter((one) => one);
    const wanted = rested.toLowerCase();
    const keep = (name) => (change) =>
      kinds.has(change.kind) &&
      (!wanted || change.fact.toLowerCase().includes(wanted)) &&
      (used === null || concerns(used, name, change));
    return Object.fromEntries(GROUPS.map((name) => [name, comparison ? comparison.changes[name].filter(keep(name)) : []]));
  }, [comparison, rested, kinds, domain]);
  if (last < 0) return html`<section><h2 id="page-title" tabindex="-1">Difference</h2><p class="empty">No QEMU is known yet.</p></section>`;
  const [one, other] = [book.qemus[a], book.qemus[b]];
  const choices = book.qemus.map((qemu) => [String(qemu.at), qemu.full]);
  const values = { a, b, for: place.for };
  const toggle = (kind) => {
    const next = new Set(kinds);
    if (!next.delete(kind)) next.add(kind);
    setKinds(next);
  };
  const total = GROUPS.reduce((sum, name) => sum + chosen[name].length, 0);
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">Difference</h2>
    <form class="bar" onSubmit=${(event) => event.preventDefault()}>
      <${Select} label="from" value=${String(a)} options=${choices} onChange=${(to) => go("difference", { ...values, a: to })} />
      <button type="button" class="swap" title="exchange the two" aria-label="Exchange the two" onClick=${() => go("difference", { ...values, a: b, b: a })}>⇄</button>
      <${Select} label="to" value=${String(b)} options=${choices} onChange=${(to) => go("difference", { ...values, b: to })} />
      ${book.domains.length > 0 &&
      html`<${Select}
        label="what concerns"
        value=${domain === null ? "" : String(domain)}
        options=${[["", "anybody"], ...book.domains.map(({ name }, number) => [String(number), name])]}
        onChange=${(to) => go("difference", { ...values, for: to })}
      />`}
      <${Search} label="Name" value=${words} onInput=${setWords} />
      <output aria-live="polite">${count(total, "change")}</output>
    </form>
    ${one.target !== other.target && html`<p class="aside">They are for different targets: ${one.target} and ${other.target}.</p>`}
    ${!comparison.accelerator &&
    html`<p class="aside">They were asked under different accelerators: machines and CPU models may differ for that alone.</p>`}
    ${book.domains.length > 0 &&
    html`<${ForDomains} book=${book} one=${one} other=${other} place=${values} />`}
    ${comparison.total === 0
      ? html`<p class="empty">Nothing is known to differ.</p>`
      : html`<${ChangeCounts} comparison=${comparison} chosen=${chosen} kinds=${kinds} onKind=${toggle} />`}
    <p class="aside">
      Defaults compared: ${comparison.defaultsCompared.toLocaleString("en")} of${" "}
      ${count(comparison.propertiesCompared, "property", "properties")} that both have; of the others one tells none.
    </p>
    ${GROUPS.filter((name) => chosen[name].length).map(
      (name) => html`<${ChangeGroup} key=${`${a} ${b} ${name}`} name=${name} changes=${chosen[name]} unknown=${comparison.unknown[name]} />`,
    )}
  </section>`;
}
