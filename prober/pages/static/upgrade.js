// The page of an upgrade that was rehearsed: what becomes of each domain, and what stands behind it.
"use strict";

// What it means for a domain, the worst first, with its colour and what the word says.
const COMES = [
  ["breaks", "bad", "it does not start there, or a guest that runs does not go there"],
  ["no way back", "warn", "a guest that went there does not come back"],
  ["not known", "faint", "of one of these nothing can be said"],
  ["changes", "warn", "the guest would see something change, or call a network card otherwise"],
  ["in part", "plain", "something was left out of the rehearsal"],
  ["goes on", "good", "it starts there and goes both ways, and nothing was seen to change"],
  ["refused already", "faint", "the old QEMU does not take it either"],
  ["unreadable", "faint", "its XML cannot be read"],
];
const COMES_OF = new Map(COMES.map(([name, kind, words], rank) => [name, { kind, words, rank }]));
const GROUND_WORDS = {
  proven: "ground: proven, this QEMU was started",
  checked: "ground: checked, by what it says of itself",
};

// As many rows are drawn at first.
const FIRST_ROWS = 200;

const versionOf = (qemu) => `QEMU ${qemu.version}`;

// All words of a domain that a search looks in.
function wordsOf(row) {
  const steps = [row.starts, row.there, row.back];
  const said = steps.flatMap((one) => [one.verdict, one.reason, one.said, one.about, ...one.changes.map(({ words }) => words)]);
  const more = [...row.deprecated, ...row.cards].map(({ words }) => words);
  const facts = [...row.otherwise.map(({ fact }) => fact), ...row.refusals.map(({ message }) => message)];
  const mends = row.mends.map(({ value }) => value);
  return [row.name, row.outcome, row.machine, ...said, ...more, ...facts, ...mends, row.xml].join("\n").toLowerCase();
}

function readUpgrade(told) {
  const domains = told.domains.map((row, at) => {
    const made = { ...row, at, refusals: row.refusals.map(remarkOf), notes: row.notes.map(remarkOf) };
    return { ...made, words: wordsOf(made) };
  });
  domains.sort((a, b) => COMES_OF.get(a.outcome).rank - COMES_OF.get(b.outcome).rank || byName(a.name, b.name));
  return { ...told, domains };
}

function Asked({ book }) {
  const side = (qemu) => html`<strong>${versionOf(qemu)}</strong> <span class="faint">${qemu.package}</span> <code>${qemu.label}</code>`;
  return html`<dl class="facts">
    <dt>from</dt>
    <dd>${side(book.old)}</dd>
    <dt>to</dt>
    <dd>${side(book.new)}</dd>
    <dt>domains</dt>
    <dd>${count(book.counts.all, "domain")}${book.directory && html` of <code>${book.directory}</code>`}</dd>
    <dt>rehearsed</dt>
    <dd>
      <time datetime=${book.when}>${book.when.replace("T", " ").replace("Z", " UTC")}</time>,${" "}
      ${book.driven
        ? "with devices driven before, as a guest that runs has done"
        : "as a guest that has never run: its devices were not driven (--driven does that)"}
    </dd>
  </dl>`;
}

function Summary({ book }) {
  const { counts } = book;
  const rows = [
    [counts.start, `start on ${versionOf(book.new)}`],
    [counts.there, "go there while they run"],
    [counts.back, "come back"],
    [counts.breaks, counts.breaks === 1 ? "breaks" : "break"],
    [counts.mended, "have a change of the XML that helps"],
  ];
  return html`<ul class="summary" aria-label="Summary">
    ${rows.map(
      ([number, words], at) => html`<li key=${words} class=${at === 3 && number ? "bad" : ""}>
        <strong>${number.toLocaleString("en")}</strong> <span>of ${counts.all.toLocaleString("en")} ${words}</span>
      </li>`,
    )}
  </ul>`;
}

// Go to a line of the XML that is shown beside, within its own box.
function toLine(event, line) {
  const code = event.currentTarget.closest(".opened").querySelector(".code");
  const place = code?.querySelectorAll("li")[line - 1];
  if (!place) return;
  code.scrollTop = place.offsetTop - code.offsetTop - 48;
  code.focus({ preventScroll: true });
  code.scrollIntoView({ block: "nearest" });
}

function LineLink({ line }) {
  if (!line) return null;
  return html` <button type="button" class="plain" onClick=${(event) => toLine(event, line)}>line ${line}</button>`;
}

function Words({ one }) {
  return html`${one.words}<${LineLink} line=${one.line} />${one.hint && html`<span class="faint"> → ${one.hint}</span>`}`;
}

function Verdict({ step }) {
  return html`<${Badge} kind=${OUTCOME_KIND[step.verdict] || "faint"}>${step.verdict}<//>`;
}

// One of the three: what came of it, on what ground, QEMU's own words and what they are about.
function StepDetail({ title, step }) {
  const wordsOfOne = (one) => html`<${Words} one=${one} />`;
  return html`<section class="rehearsed">
    <h4>${title} <${Verdict} step=${step} /></h4>
    ${step.ground && html`<p class="faint">${GROUND_WORDS[step.ground]}</p>`}
    ${step.reason && html`<p>${step.reason}</p>`}
    ${step.signal && html`<p>This QEMU was ended by ${step.signal}.</p>`}
    ${step.said && html`<p class="faint">QEMU says:</p><pre class="words" tabindex="0" aria-label=${`QEMU's words: ${title}`} role="region">${step.said}</pre>`}
    ${step.about && html`<p>It is about <code>${step.about}</code><${LineLink} line=${step.line} />${step.path && html` <code class="faint">${step.path}</code>`}</p>`}
    ${step.because.length > 0 &&
    html`<p>Because:</p>
      <ul class="told">${step.because.map((one, at) => html`<li key=${at}>${wordsOfOne(one)}</li>`)}</ul>`}
    ${step.changes.length > 0 &&
    html`<p>The guest would see:</p>
      <ul class="told">
        ${step.changes.map((one, at) => html`<li key=${at}>${wordsOfOne(one)}</li>`)}
        ${step.left_off > 0 && html`<li>and ${count(step.left_off, "more change")}</li>`}
      </ul>`}
    <${Told} all=${step.left_out} words=${(number) => `${number} left out`} of=${(one) => one} />
    <${Told} all=${step.unknown} words=${() => "what a rehearsal cannot tell"} of=${(one) => one} />
  </section>`;
}

// A machine type by itself; of what has a name, that before the value.
function mendName({ path, value }) {
  const named = path.match(/\[@name='([^']*)'\]/);
  return named ? `${named[1]} ${value}` : value;
}

function mendWords({ restarts, there }) {
  if (restarts) return "A guest that runs has to be started anew for it.";
  return there ? "It holds for a guest that goes there, and from the next start on." : "It holds from the next start on; a guest that runs goes on.";
}

function MendDetail({ mend }) {
  return html`<div class="mend">
    <p>
      <code>${mend.path}</code> <strong>${mend.value}</strong><${LineLink} line=${mend.line} />
      ${" "}<${Badge} kind=${OUTCOME_KIND[mend.verdict] || "faint"}>${mend.verdict}<//>
    </p>
    ${mend.after &&
    html`<ul class="changes">
      ${mend.before && html`<li class="removed"><span class="sign" aria-hidden="true">−</span><span class="hidden">instead of: </span><code>${mend.before}</code></li>`}
      <li class="added"><span class="sign" aria-hidden="true">+</span><span class="hidden">write: </span><code>${mend.after}</code></li>
    </ul>`}
    <p>${mend.why}. ${mendWords(mend)}</p>
    <p class="faint">Tried by a start with it: ${GROUND_WORDS[mend.ground]}.${mend.there && ` A guest that runs went there with it: ${mend.there}.`}</p>
  </div>`;
}

function Otherwise({ all }) {
  const lines = useMemo(() => changeLines(all), [all]);
  const at = (line) => [...new Set(all.filter(({ fact }) => fact === line.fact).flatMap((one) => one.at.map(([number]) => number)))];
  return html`<ul class="changes">
    ${lines.map(
      (line) => html`<${Fragment} key=${line.key}>
        <${ChangeLine} line=${line} />
        ${at(line).length > 0 && html`<li class="at">used at${at(line).map((number) => html`<${LineLink} key=${number} line=${number} />`)}</li>`}
      <//>`,
    )}
  </ul>`;
}

function DomainDetail({ book, row, id }) {
  return html`<div class="opened" id=${id} role="region" aria-label=${`${row.name} in detail`}>
    <div class="beside">
      ${row.xml
        ? html`<${XmlView} xml=${row.xml} refusals=${row.refusals} notes=${row.notes} label=${`XML of ${row.name}`} />`
        : html`<p class="empty">There is no XML to show.</p>`}
      <div class="side">
        ${row.mends.length > 0 &&
        html`<section>
          <h3>A change that helps</h3>
          ${row.mends.map((mend) => html`<${MendDetail} key=${mend.path + mend.value} mend=${mend} />`)}
        </section>`}
        <section>
          <h3>What was tried</h3>
          <${StepDetail} title=${`A start on ${versionOf(book.new)}`} step=${row.starts} />
          <${StepDetail} title=${`A running guest goes to ${versionOf(book.new)}`} step=${row.there} />
          <${StepDetail} title=${`And back to ${versionOf(book.old)}`} step=${row.back} />
        </section>
        ${row.cards.length > 0 &&
        html`<section>
          <h3>Network cards that get another name</h3>
          <ul class="told">${row.cards.map((one, at) => html`<li key=${at}><${Words} one=${one} /></li>`)}</ul>
        </section>`}
        <section>
          <h3>Deprecated, removed, or default otherwise</h3>
          ${row.deprecated.length + row.otherwise.length === 0 && html`<p class="faint">Nothing that it uses, as far as is known.</p>`}
          <ul class="told">${row.deprecated.map((one, at) => html`<li key=${at}><${Words} one=${one} /></li>`)}</ul>
          ${row.otherwise.length > 0 && html`<${Otherwise} all=${row.otherwise} />`}
        </section>
      </div>
    </div>
  </div>`;
}

function StepCell({ label, step }) {
  return html`<td data-label=${label}>
    <${Verdict} step=${step} />
    ${step.ground && html` <small class="faint">${step.ground}</small>`}
  </td>`;
}

function DomainRow({ book, row, isOpen, onOpen }) {
  const { kind, words } = COMES_OF.get(row.outcome);
  const id = `domain-${row.at}`;
  const changes = row.there.changes.length + row.there.left_off;
  return html`<${Fragment}>
    <tr class=${isOpen ? "is-open" : ""}>
      <th scope="row">
        <button type="button" class="plain opens" data-domain=${row.at} aria-expanded=${isOpen} aria-controls=${isOpen ? id : undefined} onClick=${onOpen}>
          ${row.name}
        </button>
        <span class="under">${row.machine}${row.machine_there && row.machine_there !== row.machine ? `, at its next start ${row.machine_there}` : ""}</span>
      </th>
      <td data-label="comes to"><span title=${words}><${Badge} kind=${kind}>${row.outcome}<//></span></td>
      <${StepCell} label="starts" step=${row.starts} />
      <${StepCell} label="goes there" step=${row.there} />
      <${StepCell} label="comes back" step=${row.back} />
      <td class="number" data-label="changes seen">${changes || ""}</td>
      <td class="number" data-label="deprecated or otherwise">${row.deprecated.length + row.otherwise.length || ""}</td>
      <td data-label="mends">${row.mends.map((mend) => html`<code key=${mend.path}>${mendName(mend)}</code>`)}</td>
    </tr>
    ${isOpen && html`<tr class="detail-row"><td colspan="8"><${DomainDetail} book=${book} row=${row} id=${id} /></td></tr>`}
  <//>`;
}

function UpgradeTable({ book, rows, place }) {
  const [most, setMost] = useState(() => Math.max(FIRST_ROWS, rows.findIndex(({ at }) => String(at) === place.domain) + 1));
  const open = (at) => go("domains", { ...place, page: undefined, domain: String(at) === place.domain ? undefined : at }, true);
  // Arrow keys go from domain to domain, and nowhere else.
  const onKeyDown = (event) => event.target.matches(".opens") && walk(event, ".opens");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="table of domains" onKeyDown=${onKeyDown}>
      <table class="stacked upgraded">
        <thead>
          <tr>
            <th scope="col">domain</th>
            <th scope="col">comes to</th>
            <th scope="col">starts</th>
            <th scope="col">goes there</th>
            <th scope="col">comes back</th>
            <th scope="col" class="number">changes seen</th>
            <th scope="col" class="number">deprecated or otherwise</th>
            <th scope="col">mends</th>
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, most).map(
            (row) => html`<${DomainRow} key=${row.at} book=${book} row=${row} isOpen=${String(row.at) === place.domain} onOpen=${() => open(row.at)} />`,
          )}
        </tbody>
      </table>
    </div>
    ${rows.length > most &&
    html`<button type="button" class="plain more" onClick=${() => setMost(most + 5 * FIRST_ROWS)}>
      show more of ${count(rows.length - most, "other domain")}
    </button>`}`;
}

function UpgradePage({ book, place }) {
  const [words, setWords] = useState(place.q || "");
  const rested = useRest(words, 120);
  useEffect(() => {
    if (rested !== (place.q || "")) go("domains", { ...place, page: undefined, q: rested }, true);
  }, [rested]);
  // Whoever comes by an address that names a domain begins there.
  useEffect(() => {
    const timer = setTimeout(() => {
      const named = place.domain === undefined ? null : document.querySelector(`[data-domain="${Number(place.domain)}"]`);
      named?.focus({ preventScroll: true });
      named?.scrollIntoView({ block: "start" });
    });
    return () => clearTimeout(timer);
  }, []);
  const rows = useMemo(() => {
    const wanted = (place.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    const has = (row) => wanted.every((word) => row.words.includes(word));
    return book.domains.filter((row) => (!place.show || row.outcome === place.show) && has(row));
  }, [book, place.q, place.show]);
  const number = (name) => book.domains.filter(({ outcome }) => outcome === name).length;
  const choices = COMES.filter(([name]) => number(name)).map(([name]) => [name, `${name} (${number(name)})`]);
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">Domains</h2>
    <${Asked} book=${book} />
    <${Summary} book=${book} />
    <form class="bar" onSubmit=${(event) => event.preventDefault()}>
      <${Search} label="Search names, words and XML" value=${words} onInput=${setWords} wide />
      <${Select} label="show" value=${place.show || ""} options=${[["", `all (${book.domains.length})`], ...choices]} onChange=${(to) => go("domains", { ...place, page: undefined, show: to }, true)} />
      <output aria-live="polite">${count(rows.length, "domain")}</output>
    </form>
    ${rows.length === 0 ? html`<p class="empty">No domain is like that.</p>` : html`<${UpgradeTable} book=${book} rows=${rows} place=${place} />`}
    <dl class="facts legend" aria-label="What the words mean">
      ${COMES.filter(([name]) => number(name)).map(([name, kind, said]) => html`<dt key=${name}><${Badge} kind=${kind}>${name}<//></dt><dd key=${`${name} said`}>${said}</dd>`)}
    </dl>
    <p class="aside">
      <em>Proven</em> is what this QEMU itself did, confined and stopped before the guest's first instruction, with stand-ins for
      what only a host has; <em>checked</em> is what was held against all that it says of itself, and not started. What a guest's own
      drivers make of it is not tried.
    </p>
  </section>`;
}

startPage(async (root, told) => {
  const book = readUpgrade(await unpack(told));
  return show(root, html`<${App} book=${book} pages=${[["domains", "Domains", UpgradePage], ["reasons", "Reasons", ReasonsPage]]} />`);
});
