// Domains by QEMUs: a cell opens the XML, with what is refused at its lines and the guest's PCI buses beside it.
"use strict";

// So many domains are drawn at first: a page of twenty thousand cells takes seconds.
const FIRST_ROWS = 150;

const VERDICT_SIGN = { yes: "✓", no: "✗" };

function verdictWords(cell) {
  if (cell.verdict === "yes") return cell.notes.length ? `accepted, ${count(cell.notes.length, "note")}` : "accepted";
  if (cell.verdict === "no") return `refused, ${count(cell.refusals.length, "reason")}`;
  return cell.verdict;
}

function MatrixCell({ book, domain, qemu, isChosen }) {
  const cell = book.cell(domain, qemu.at);
  const kind = { yes: "good", no: "bad" }[cell.verdict] || "faint";
  const words = `${book.domains[domain].name}, QEMU ${qemu.short}: ${verdictWords(cell)}`;
  return html`<td class=${`cell ${kind}`}>
    <a
      href=${placeOf("domains", { domain, qemu: qemu.at })}
      aria-label=${words}
      aria-current=${isChosen ? "true" : undefined}
      title=${words}
      data-row=${domain}
      data-column=${qemu.at}
    >
      ${VERDICT_SIGN[cell.verdict] || "?"}${cell.verdict === "no" && html`<small>${cell.refusals.length}</small>`}
    </a>
  </td>`;
}

// A row is drawn anew where something of it is another: going from cell to cell leaves most of the others as they are.
function MatrixRow({ book, domain, chosen }) {
  return useMemo(() => {
    const refusing = book.qemus.filter((one) => book.cell(domain, one.at).verdict === "no").length;
    return html`<tr>
      <th scope="row">${book.domains[domain].name}</th>
      ${book.qemus.map(
        (one) => html`<${MatrixCell} key=${one.at} book=${book} domain=${domain} qemu=${one} isChosen=${one.at === chosen} />`,
      )}
      <td class="number">${refusing || ""}</td>
    </tr>`;
  }, [book, domain, chosen]);
}

// Arrow keys go from cell to cell.
function walkCells(event) {
  const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
  const { row, column } = document.activeElement.dataset;
  if (!step || row === undefined) return;
  const [to, at] = [Number(row) + step[0], Number(column) + step[1]];
  const next = event.currentTarget.querySelector(`[data-row="${to}"][data-column="${at}"]`);
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

function CellDetail({ book, domain, qemu, panel }) {
  const cell = book.cell(domain, qemu.at);
  const { name, xml } = book.domains[domain];
  return html`<section class="opened" aria-labelledby="cell-title" ref=${panel}>
    <header>
      <h3 id="cell-title" tabindex="-1"><bdi>${name}</bdi> <span class="faint">on QEMU</span> ${qemu.short}</h3>
      <${Badge} kind=${{ yes: "good", no: "bad" }[cell.verdict] || "faint"}>${verdictWords(cell)}<//>
      <a href=${placeOf("domains")}>close</a>
    </header>
    <div class="beside">
      <${XmlView} xml=${xml} refusals=${cell.refusals} notes=${cell.notes} label=${`XML of ${name}`} />
      <div class="side">
        <${PciTree} buses=${cell.buses} />
        ${cell.argv.length > 0 && html`<${ArgvView} argv=${cell.argv} isRefused=${cell.verdict === "no"} />`}
      </div>
    </div>
  </section>`;
}

function ArgvView({ argv, isRefused }) {
  return html`<details class="argv">
    <summary>command line${isRefused ? ", were it not refused" : ""}</summary>
    <pre tabindex="0">${[argv[0], ...optionLines(argv).map((line) => `  ${line}`)].map(seen).join("\n")}</pre>
  </details>`;
}

function DomainsPage({ book, place }) {
  const domain = place.domain === undefined ? null : Number(place.domain);
  const qemu = place.qemu === undefined ? null : book.qemus[Number(place.qemu)] || null;
  const isOpen = domain !== null && !!book.domains[domain] && qemu !== null;
  const panel = useRef(null);
  useEffect(() => {
    if (isOpen && panel.current) {
      panel.current.querySelector("h3").focus({ preventScroll: true });
      panel.current.scrollIntoView({ block: "nearest" });
    }
  }, [domain, qemu]);
  const [most, setMost] = useState(FIRST_ROWS);
  const shown = isOpen && domain >= most ? book.domains.length : most;
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">Domains on QEMUs</h2>
    ${book.domains.length === 0
      ? html`<p class="empty">No domain was given: name some, <code>prober report vms/*.xml -o report.html</code>.</p>`
      : html`<div class="scroll matrix-box" tabindex="0" role="region" aria-label="table of domains and QEMUs" onKeyDown=${walkCells}>
          <table class="matrix">
            <thead>
              <tr>
                <th scope="col">domain</th>
                ${book.qemus.map(
                  (one) => html`<th key=${one.at} scope="col" class="column"><span>${one.short}</span></th>`,
                )}
                <th scope="col" class="number">refused by</th>
              </tr>
            </thead>
            <tbody>
              ${book.domains.slice(0, shown).map(
                (_, number) => html`<${MatrixRow} key=${number} book=${book} domain=${number} chosen=${isOpen && number === domain ? qemu.at : null} />`,
              )}
            </tbody>
          </table>
        </div>`}
    ${book.domains.length > shown &&
    html`<button type="button" class="plain more" onClick=${() => setMost(book.domains.length)}>
      show ${count(book.domains.length - shown, "more domain")}
    </button>`}
    ${isOpen && html`<${CellDetail} book=${book} domain=${domain} qemu=${qemu} panel=${panel} />`}
  </section>`;
}
