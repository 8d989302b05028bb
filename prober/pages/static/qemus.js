// Each QEMU at a glance.
"use strict";

const mark = (value) => (value === null ? "?" : value.toLocaleString("en"));

function Accelerators({ qemu }) {
  const names = qemu.accelerators.map(({ name }) => name).filter(Boolean);
  const kvm = qemu.kvm;
  return html`<span class="badges">
    ${names.includes("kvm") && html`<${Badge} kind="good">KVM<//>`}
    ${names.includes("tcg") && html`<${Badge} kind="plain">TCG<//>`}
    ${kvm && kvm[0] && !names.includes("kvm") && html`<${Badge} kind="faint">KVM built in<//>`}
    ${!names.length && !kvm && html`<span class="faint">not told</span>`}
  </span>`;
}

function crashWords(row) {
  return row.said.split("\n")[0];
}

function Crashing({ qemu, at }) {
  const rows = qemu.crashing;
  if (!rows.length) return html`<span class="faint">none</span>`;
  return html`<details class="crashing">
    <summary>${count(rows.length, "type")}</summary>
    <ul>
      ${rows.map(
        (row) => html`<li key=${row.name}>
          <a href=${placeOf("types", { qemu: at, type: row.name })}><code>${row.name}</code></a>
          <span class="faint">${crashWords(row)}</span>
        </li>`,
      )}
    </ul>
  </details>`;
}

const QEMU_COUNTS = [
  ["machines", (qemu) => (qemu.first.machines ? qemu.first.machines.size : null)],
  ["CPU models", (qemu) => (qemu.first.cpus ? qemu.first.cpus.size : null)],
  ["devices", (qemu) => qemu.counted(true)],
  ["other types", (qemu) => qemu.counted(false)],
  ["properties", (qemu) => qemu.propertyCount],
  ["commands", (qemu) => (qemu.commands ? qemu.commands.size : null)],
  ["options", (qemu) => (qemu.options ? qemu.options.size : null)],
];

function QemuTableRow({ qemu, live }) {
  return html`<tr>
    <th scope="row">
      <a class="version" href=${placeOf("types", { qemu: qemu.at })}>${qemu.version}</a>
      <span class="target">${qemu.target}</span>
      <span class="under">${qemu.package || " "}</span>
      <span class="under path" title=${qemu.label}>${qemu.name}</span>
    </th>
    <td data-label="accelerators"><${Accelerators} qemu=${qemu} /></td>
    ${QEMU_COUNTS.map(
      ([name, of]) => html`<td key=${name} class="number" data-label=${name}>${mark(of(qemu))}</td>`,
    )}
    <td data-label="crash when asked"><${Crashing} qemu=${qemu} at=${qemu.at} /></td>
    ${live && html`<td data-label="state"><${live.State} qemu=${qemu} /></td>`}
  </tr>`;
}

function QemusPage({ book, live }) {
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">QEMUs</h2>
    ${live && html`<${live.Refreshing} />`}
    ${book.qemus.length === 0
      ? html`<p class="empty">No QEMU is known yet.</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="table of QEMUs">
          <table class="qemus stacked">
            <thead>
              <tr>
                <th scope="col">QEMU</th>
                <th scope="col">accelerators</th>
                ${QEMU_COUNTS.map(([name]) => html`<th key=${name} scope="col" class="number">${name}</th>`)}
                <th scope="col">crash when asked</th>
                ${live && html`<th scope="col">state</th>`}
              </tr>
            </thead>
            <tbody>
              ${book.qemus.map((qemu) => html`<${QemuTableRow} key=${qemu.at} qemu=${qemu} live=${live} />`)}
            </tbody>
          </table>
        </div>`}
    <p class="aside">
      Types <em>crash when asked</em> where the question for their properties ends the QEMU: what they have is unknown,
      and never taken for present.
    </p>
  </section>`;
}
