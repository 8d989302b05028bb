// A searchable table of types and their properties, of one QEMU or of all.
"use strict";

// So many names are listed at first.
const FIRST_TYPES = 200;

const TYPE_SORTS = [
  ["", "all types"],
  ["devices", "devices"],
  ["machines", "machines"],
  ["cpus", "CPU models"],
  ["crashing", "crash when asked"],
];

function isOfSort(sort, { name, marks }) {
  if (sort === "devices") return marks & MARK.device;
  if (sort === "machines") return name.endsWith("-machine");
  if (sort === "cpus") return name.endsWith("-cpu");
  if (sort === "crashing") return marks & MARK.crashed;
  return true;
}

// The types, each with the properties that are meant: of "e1000 rom" the words may stand in the name of the type, of the
// property, or one in either.
function findTypes(book, qemu, words, sort) {
  const wanted = words.toLowerCase().split(/[\s.]+/).filter(Boolean);
  const holds = (text, word) => text.toLowerCase().includes(word);
  const hits = new Map();
  const meant = (list, left) => {
    const key = `${list} ${left.join(" ")}`;
    if (!hits.has(key))
      hits.set(
        key,
        (book.propertiesOf(list) || [])
          .filter((row) => left.every((word) => holds(row.name, word) || holds(row.description, word)))
          .map((row) => row.name),
      );
    return hits.get(key);
  };
  const found = [];
  for (const [name, all] of book.everyType) {
    const rows = qemu === null ? all.map(([, row]) => row) : all.filter(([one]) => one === qemu).map(([, row]) => row);
    if (!rows.length || !rows.some((row) => isOfSort(sort, row))) continue;
    const left = wanted.filter((word) => !holds(name, word));
    if (!left.length) {
      found.push({ name, hits: [], rank: wanted.length && name.toLowerCase() === wanted.join("-") ? 0 : 1 });
      continue;
    }
    const names = new Set(rows.flatMap((row) => meant(row.properties, left)));
    if (names.size) found.push({ name, hits: [...names], rank: 2 });
  }
  return wanted.length ? found.sort((a, b) => a.rank - b.rank || byName(a.name, b.name)) : found;
}

function TypeList({ book, place, found }) {
  const [most, setMost] = useState(FIRST_TYPES);
  useEffect(() => setMost(FIRST_TYPES), [place.q, place.sort, place.qemu]);
  const shown = found.slice(0, most);
  return html`<nav class="types" aria-label="Types that were found" onKeyDown=${(event) => walk(event, "a")}>
    <ul>
      ${shown.map(
        ({ name, hits }) => html`<li key=${name}>
          <a
            href=${placeOf("types", { ...place, page: undefined, type: name })}
            aria-current=${name === place.type ? "true" : undefined}
          >
            <code>${name}</code>
            ${hits.length > 0 && html`<span class="faint">${hits.slice(0, 3).join(", ")}${hits.length > 3 ? " …" : ""}</span>`}
          </a>
        </li>`,
      )}
    </ul>
    ${found.length > most &&
    html`<button type="button" class="plain" onClick=${() => setMost(found.length)}>
      show ${count(found.length - most, "more type")}
    </button>`}
  </nav>`;
}

function typeAncestors(qemu, name) {
  const names = [];
  for (let at = qemu.types.get(name)?.parent; at && !names.includes(at); at = qemu.types.get(at)?.parent) names.push(at);
  return names;
}

// The properties of a type in all of these QEMUs: each with the QEMUs that have it, and its defaults, of which an older
// QEMU tells none.
function propertyForms(book, all) {
  const forms = new Map();
  for (const [qemu, row] of all)
    for (const one of book.propertiesOf(row.properties) || []) {
      const key = `${one.name} ${one.type}`;
      if (!forms.has(key)) forms.set(key, { ...one, key, qemus: new Set(), defaults: new Map() });
      const form = forms.get(key);
      form.description ||= one.description;
      form.qemus.add(qemu);
      if (one.default === null) continue;
      const words = valueWords(one.default);
      if (!form.defaults.has(words)) form.defaults.set(words, new Set());
      form.defaults.get(words).add(qemu);
    }
  return [...forms.values()].sort((a, b) => byName(a.name, b.name));
}

function DefaultsOf({ form }) {
  const told = [...form.defaults];
  const tell = new Set(told.flatMap(([, qemus]) => [...qemus]));
  return told.map(
    ([words, qemus], at) => html`<div key=${at}>
      <code>${words}</code>
      ${told.length > 1 && html` <span class="faint">${spanWords([...tell], (one) => qemus.has(one))}</span>`}
    </div>`,
  );
}

function TypeDetail({ book, qemu, name, words }) {
  const everywhere = book.everyType.get(name) || [];
  const all = qemu === null ? everywhere : everywhere.filter(([one]) => one === qemu);
  const forms = useMemo(() => propertyForms(book, all), [book, qemu, name]);
  if (!all.length)
    return html`<p class="empty">${qemu ? `QEMU ${qemu.version}` : "No QEMU here"} has no type <code>${name}</code>.</p>`;
  const wanted = words.toLowerCase().split(/[\s.]+/).filter((word) => word && !name.toLowerCase().includes(word));
  const isMeant = (row) => wanted.some((word) => `${row.name} ${row.description}`.toLowerCase().includes(word));
  const ordered = [...forms.filter(isMeant), ...forms.filter((form) => !isMeant(form))];
  const [last, row] = all[all.length - 1];
  const silent = all.filter(([, { properties, marks }]) => properties === NONE && !(marks & MARK.abstract));
  const has = (form) => (one) => {
    const found = one.types.get(name);
    return found === undefined || found.properties === NONE ? (found ? null : false) : form.qemus.has(one);
  };
  return html`<article aria-labelledby="type-name">
    <h3 id="type-name"><code>${name}</code></h3>
    <dl class="facts">
      <dt>descends from</dt>
      <dd>${typeAncestors(last, name).map((one, at) => html`${at > 0 && " › "}<code>${one}</code>`)}${!row.parent && "—"}</dd>
      ${qemu === null &&
      html`<dt>is in</dt>
        <dd>${spanWords(book.qemus, (one) => (one.has_types ? one.types.has(name) : null))}</dd>`}
      ${row.marks & MARK.abstract ? html`<dt>abstract</dt><dd>others descend from it; it cannot be made itself</dd>` : null}
      ${silent.length > 0 &&
      html`<dt>unknown</dt>
        <dd>
          ${silent.map(
            ([one, { said, marks }]) => html`<div key=${one.at}>
              QEMU ${one.short}${" "}${marks & MARK.crashed ? "died of the question" : said ? "did not tell" : "was not asked"}${said && html`: <q>${said.split("\n")[0]}</q>`}
            </div>`,
          )}
        </dd>`}
    </dl>
    ${forms.length > 0 &&
    html`<div class="scroll" tabindex="0" role="region" aria-label=${`Properties of ${name}`}>
      <table class="properties stacked">
        <caption>${count(new Set(forms.map((form) => form.name)).size, "property", "properties")}</caption>
        <thead>
          <tr>
            <th scope="col">property</th>
            <th scope="col">type</th>
            <th scope="col">default</th>
            ${qemu === null && book.qemus.length > 1 && html`<th scope="col">in</th>`}
            <th scope="col">what QEMU says of it</th>
          </tr>
        </thead>
        <tbody>
          ${ordered.map(
            (form) => html`<tr key=${form.key} class=${isMeant(form) ? "meant" : ""}>
              <th scope="row"><code>${form.name}</code></th>
              <td data-label="type"><code>${form.type}</code></td>
              <td data-label="default">${form.defaults.size > 0 && html`<${DefaultsOf} form=${form} />`}</td>
              ${qemu === null &&
              book.qemus.length > 1 &&
              html`<td data-label="in" class="span">${spanWords(all.map(([one]) => one), has(form))}</td>`}
              <td data-label="what QEMU says of it" class="faint">${form.description}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`}
    ${!forms.length && !silent.length && html`<p class="empty">It has no properties.</p>`}
  </article>`;
}

function TypesPage({ book, place }) {
  const qemu = place.qemu === undefined ? null : book.qemus[Number(place.qemu)] || null;
  const [words, setWords] = useState(place.q || "");
  const rested = useRest(words, 120);
  const values = { qemu: place.qemu, sort: place.sort, type: place.type };
  useEffect(() => go("types", { ...values, q: rested }, true), [rested]);
  const sort = place.sort || "";
  const found = useMemo(() => findTypes(book, qemu, rested, sort), [book, qemu, rested, sort]);
  const choices = [["", "all QEMUs"], ...book.qemus.map((one) => [String(one.at), one.full])];
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">Types and properties</h2>
    <form class="bar" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${Search} wide label="Search names of types and properties" value=${words} onInput=${setWords} />
      <${Select}
        label="of"
        value=${place.qemu || ""}
        options=${choices}
        onChange=${(value) => go("types", { ...values, q: words, qemu: value }, true)}
      />
      <${Select}
        label="which"
        value=${sort}
        options=${TYPE_SORTS}
        onChange=${(value) => go("types", { ...values, q: words, sort: value }, true)}
      />
      <output aria-live="polite">${count(found.length, "type")}</output>
    </form>
    <div class="split">
      <${TypeList} book=${book} place=${{ ...values, q: rested }} found=${found} />
      <div class="detail">
        ${place.type
          ? html`<${TypeDetail} book=${book} qemu=${qemu} name=${place.type} words=${rested} />`
          : html`<p class="empty">Choose a type to see its properties.</p>`}
      </div>
    </div>
  </section>`;
}
